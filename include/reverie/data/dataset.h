// A folder, list, archive or IDX file of images as an indexed set of equal-sized images: decoded once, kept as bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// How an image of another shape is brought to the set's.
enum class Fit {
    Center,   ///< scaled to cover, the middle cut out
    Smart,    ///< scaled to cover, the cut placed where the detail (gradient energy) is
    Stretch,  ///< both sides scaled on their own
};

/// Which part of a set that is published in two: files `train-*` and `t10k-*` of an IDX folder. Other sources have one
/// part, and asking for Test of them takes all of it.
enum class DataPart { Train, Test };

struct DataOptions {
    /// Empty: the images' own when the first one is at most 128 px on its longest side, else 64x64.
    std::optional<Size> size;
    std::int64_t channels = 0;  ///< 1 grey, 3 RGB, 4 RGBA (not multiplied); 0: 1 where they are grey, else 3
    Fit fit = Fit::Center;
    DataPart part = DataPart::Train;
    std::int64_t cache_bytes = 1'000'000'000;  ///< more than that goes to a file in cache_folder
    std::filesystem::path cache_folder;        ///< made when needed; empty: never spill, take the memory
    bool strict = false;                       ///< a bad file fails instead of being skipped
    std::int64_t max_pixels = 100'000'000;     ///< larger images are bad files
};

/// The options of a set of images, each declared once.
const OptionTable<DataOptions>& data_option_table();

/// Throws Usage, naming the option: sides below 16 or above 4096, channels other than 0, 1, 3 and 4.
void validate(const DataOptions& options);

struct SkippedFile {
    std::string path;      ///< as the source names it
    std::string reason;    ///< a sentence, as Error::sentence()
    bool is_fault = true;  ///< false: only not named as an image
};

/// "12 files left out (a.mov, b.psd, c.jpg, ...)".
std::string left_out_text(const std::vector<SkippedFile>& files);

namespace data {
struct DatasetState;
}

/// Immutable once opened; read from any thread.
class Dataset {
  public:
    std::int64_t count() const;
    Size size() const;
    std::int64_t channels() const;
    /// Names of the first folder level below the source (or IDX label values), numbers by value and then words by their
    /// bytes; empty: unlabelled. Folders that all images of an archive or a list lie in do not count.
    const std::vector<std::string>& classes() const;
    /// Index into classes(); -1 without labels.
    std::int64_t label(std::int64_t index) const;
    /// uint8 [N,C,H,W] of these images, in this order.
    Tensor read(std::span<const std::int64_t> indices) const;
    /// The image's name in its source, e.g. "smiling/645.jpg"; "#17" in IDX files.
    std::string name(std::int64_t index) const;
    /// What was left out, and why.
    const std::vector<SkippedFile>& skipped() const;
    /// How many files were passed over besides: hidden ones, notes, labels, what systems put into folders.
    std::int64_t sidecars() const;
    /// Hexadecimal digest of names, stored sizes, labels and options: the same exactly when the images are the same to
    /// the eye of a resume (times of files do not count).
    const std::string& digest() const;
    /// Bytes of memory held (not of the spill file).
    std::int64_t memory() const;

  private:
    friend struct data::DatasetState;
    explicit Dataset(std::shared_ptr<const data::DatasetState> state);
    std::shared_ptr<const data::DatasetState> state_;
};

/// `source`: a folder (recursive, links followed but no loop), a text file of paths (one a line, relative to it, blank
/// and # lines ignored; a label may follow behind a comma, a tab or a blank), an IDX file, a folder with IDX files as
/// MNIST is published (plain or compressed), a .tar (plain, .gz or .zst) or .zip of images, or one image; told by
/// content. Compressed tars are unpacked to a nameless file in cache_folder (empty: to memory). Folders and archives
/// give the files whose extension says image (folders also those of other names that hold one), but no hidden ones;
/// what else is there is in skipped() or counted in sidecars(). Images are read in parallel; the order is by name (a
/// list's is its own), whatever the threads. Bad files are skipped (16 bit, CMYK, grey, alpha and EXIF rotation are not
/// bad; transparent parts are white unless channels are 4). Progress in "images"; cancelling throws Cancelled. Throws
/// Input when nothing usable is there, naming the first fault, Usage for options, Output when the cache cannot be
/// written (too little disk is said before it is begun).
Dataset open_dataset(const std::filesystem::path& source, const DataOptions& options = {}, const Hooks& hooks = {});

/// A part of a set by indices, for a validation split.
struct Split {
    std::vector<std::int64_t> train;
    std::vector<std::int64_t> validation;
};

/// A share `fraction` in [0,1) of `count` for validation, at least one when the fraction is not 0 and two images are
/// there; who goes where is a function of (seed, index) alone. Both sorted.
Split split(std::int64_t count, double fraction, std::uint64_t seed);

/// Every index: 0 ... count-1.
std::vector<std::int64_t> all_indices(const Dataset& set);

}  // namespace reverie
