// Where a command's images go: one picture, a folder of pictures, or a film.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/image/picture.h"

namespace reverie {

struct ShowFlags {
    std::int64_t columns = 0;
    std::int64_t scale = 1;
    double fps = 25.0;
    std::int64_t quality = 90;
};

/// What --help says of --output, of commands that make pictures and of those whose images move.
inline constexpr const char* kPicturesHelp = "a picture (grid.png) or a folder of PNGs; - is a PNG on standard output";
inline constexpr const char* kMovingHelp =
    "a film (.mp4 .gif .webp), a folder of PNGs or a picture (grid.png); - is a PNG on standard output";

/// --columns and --scale, and with `moving` those of films too.
void add_flags(FlagGroup& group, ShowFlags& flags, bool moving);

/// Of these, how the files are written: their scale and quality.
void add_file_flags(FlagGroup& group, ShowFlags& flags);

enum class ShowAs { Picture, Folder, Film };

/// What --output asks for: .mp4, .gif and (of a command whose images move) .webp are films, a name without extension or
/// ending in '/' is a folder, "-" and the other pictures' extensions are a picture. Throws Usage for another one, for
/// none, and for a film where nothing moves; Output when it exists and --overwrite was not given.
ShowAs check_output(const Session& session, bool moving);

/// The same for a command whose images make one picture, a sheet: a folder is a Usage error too.
void check_sheet_output(const Session& session);

/// How an output that was checked is written: what came to be under its name since is kept, unless --overwrite was
/// given.
Replacing replacing_for(const Session& session);

/// Warns when an output had to be written under another name for that.
void say_where(Session& session, const std::filesystem::path& wanted, const std::filesystem::path& written);

/// "smiling/645.jpg" -> "smiling/645", "#17" -> "17": what an image's file in a folder is called, without ".png".
std::string bare_name(const std::string& name);

/// Images in their order, made when they are asked for.
struct LazyImages {
    std::int64_t count = 0;
    std::function<Tensor(std::int64_t first, std::int64_t count)> images;  ///< [N,C,H,W] in [0,1]
    Size size;                                                             ///< of one, before --scale
    std::vector<std::string> names = {};                                   ///< of files in a folder; empty: numbers
    std::int64_t columns = 0;                                              ///< of a picture; 0: as square as can be
    Settings settings = {};  ///< what decides each image; kept in every picture
    Settings which = {};     ///< what more decides which are there; kept in a picture of all
};

/// Writes it to --output and prints its path (beside it when something has taken its name since check_output); with
/// --dry-run only says what would be written. Throws Usage for two images of one name, and Usage or Output for a size
/// that the format cannot hold; Cancelled.
void show(Session& session, const ShowFlags& flags, const LazyImages& shown, ShowAs how);

}  // namespace reverie
