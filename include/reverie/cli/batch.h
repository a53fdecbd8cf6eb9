// Which file becomes which: inputs (files, folders, patterns, standard input) to output names, checked before any work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/environment.h"
#include "reverie/core/error.h"
#include "reverie/image/picture.h"

namespace reverie {

struct BatchItem {
    std::string input;              ///< a path; "-": standard input; kNoInput where there is none
    std::string output;             ///< a path; "-": standard output
    std::optional<Error> fault;     ///< why it cannot be done; found before the work
    std::size_t variant = 0;        ///< which of the request's variants
    std::optional<Size> size = {};  ///< of the input as it is in its file; unknown before its header was read
    bool blank = false;             ///< nothing is read: the picture is grey, and of the size asked for
};

/// What messages and records call the input where there is none, and the name of its picture in an output folder.
inline constexpr const char* kNoInput = "noise";

struct BatchRequest {
    std::vector<std::string> inputs;
    std::string output;
    bool recursive = false;  ///< input folders with their sub-folders, whose tree is kept
    /// Ways in which every input is done, each into its own sub-folder of the output folder; empty: one way, and none.
    std::vector<std::string> variants = {};
    std::function<void(const std::string& sentence)> note = {};  ///< hears what was left out for a reason of ours
    std::function<void(const std::string& sentence)> warn = {};  ///< hears which files of folders are not pictures
    bool needs_input = true;                                     ///< else, without inputs, there is one blank item
};

/// Folders are listed (what is a picture by its name or, without the name of one, by its content; sorted, hidden files
/// left out; the rest is counted and named once, but for notes and lists as lie beside pictures), quoted patterns
/// expanded (a part of one that is there by that very name is no pattern), the same file twice done once. Of what is
/// found that way the output folder's own pictures are left out. One input and an output with a picture's extension, or
/// "-", is that file; everything else goes into the output folder under its own name (".png" where its extension cannot
/// be written). Variant by variant, all inputs in each. Throws Usage when the output cannot be, when two pictures would
/// be written to one file, or when standard input would have to be read more than once; a folder without pictures or a
/// pattern that matches nothing is an item with a fault.
std::vector<BatchItem> plan_batch(const BatchRequest& request);

/// The pictures of a folder, found likewise without its sub-folders. Throws Input when there are none.
std::vector<std::string> pictures_in(const std::filesystem::path& folder,
                                     const std::function<void(const std::string& sentence)>& warn = {});

/// One process' share of the work, when several share it.
struct Shard {
    std::int64_t index = 1;  ///< 1..count
    std::int64_t count = 1;
};

/// "2/8"; "auto": this process' place among the tasks of a job array, among the ranks of a launcher, or among the ranks
/// of all tasks; "": its place among the ranks of a launcher, which were all given the same work, else all of it.
/// Throws Usage.
Shard parse_shard(const std::string& text, const Environment& environment);

/// Keeps every `count`-th item, from the `index`-th on.
void take_shard(std::vector<BatchItem>& items, Shard shard);

enum class Existing { Refuse, Overwrite, Skip };

/// Makes missing output folders, and puts a fault into every item whose output exists or cannot be written. With Skip
/// the items that exist are taken out and returned.
std::vector<BatchItem> check_outputs(std::vector<BatchItem>& items, Existing existing);

/// Makes the missing folders of `path`; what keeps a file from being written there, if anything, naming `flag`.
std::optional<Error> writability_fault(const std::filesystem::path& path, const std::string& flag);

/// "dir/photo.png", "preview" -> "dir/photo.preview.png"; a name that is too long for that loses its end.
std::filesystem::path with_tag(const std::filesystem::path& path, const std::string& tag);

/// Throws Output, naming `flag`, when the file is there and may not be replaced.
void refuse_existing(const std::filesystem::path& path, const std::string& flag, bool overwrite);

}  // namespace reverie
