// The job of every program that turns pictures into pictures: read, size, work, write, report; file by file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/cli/batch.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/image/picture.h"

namespace reverie {

struct PictureResult {
    Tensor image;            ///< [3,H,W] in [0,1]
    std::int64_t steps = 0;  ///< done
    bool cancelled = false;  ///< stopped on the way: `image` is what was there
    Settings settings;       ///< more of what shaped the pixels, that only this picture's size decided
};

/// What --dry-run says about a picture.
struct PicturePlan {
    Settings said;           ///< the line of time among them
    std::string how_surely;  ///< of the time: "about"; empty: there is none to speak of
    double seconds = 0.0;    ///< each picture takes
    double once = 0.0;       ///< before the first
};

/// What a program does to one picture. With --jobs its functions are called by several threads at once, but for
/// `plan`.
struct PictureTask {
    Settings settings;  ///< all that shapes the pixels; goes into the picture
    std::function<PictureResult(const Picture& picture, const BatchItem& item, const Hooks& hooks)> work;
    std::function<PicturePlan(Size image)> plan;         ///< of a picture of that size
    std::function<void()> written = {};                  ///< may be empty: after a finished picture was written
    std::function<std::int64_t(Size image)> bytes = {};  ///< may be empty: memory that work on that size takes
    std::int64_t max_memory = 0;                         ///< of all pictures that are in work at once; 0: no limit

    // Of a film's frames, where the only input is one:
    /// `work` on one of them, beginning with `start`, [3,H,W] of the frame's size, where that is defined. Each is
    /// painted with the same seed.
    std::function<PictureResult(const Picture& picture, const Tensor& start, const Hooks& hooks)> frame = {};
    std::function<Settings(Size image)> identity = {};  ///< all that decides a frame's bits, but for the film
};

/// A way in which every picture is done: with that style.
struct PictureVariant {
    std::string style;   ///< in reports
    std::string folder;  ///< inside the output folder
};

struct PictureProgram {
    std::vector<PictureVariant> variants = {};  ///< empty: one way, without a folder of its own
    /// What to do in one variant. Called once for each that has anything left to be done, before its pictures, so that
    /// a wrong path costs no download. A variant that throws Input fails alone.
    std::function<PictureTask(std::size_t variant)> prepare = {};
    /// May be empty: what is left to be done, if anything, to be looked at or put into another order before the work;
    /// and what was left out because its output exists.
    std::function<void(std::vector<BatchItem>& items, const std::vector<BatchItem>& skipped)> arrange = {};
    /// Whether there must be an input; else, where there is none, one grey picture of the size asked for is worked on.
    bool needs_input = true;
    /// An earlier run is gone on with: what has its output is done, unless outputs are to be replaced.
    bool resume = false;
    /// Pixels up to which a picture keeps no several threads busy: with --jobs auto, such pictures of a batch are made
    /// side by side; 0: none.
    std::int64_t small = 0;
};

/// Checks inputs and outputs and does the pictures, as many side by side as --jobs says, each on its share of the
/// threads, and never more than memory has room for. Faults of single pictures are reported and the rest is done,
/// unless --fail-fast. Standard output gets a line per finished picture. When stopped, what is there of the present
/// pictures is written to NAME.partial.EXT. Returns the exit code: 0, or the first fault's.
int run_pictures(Session& session, const PictureOptions& options, const PictureProgram& program);

}  // namespace reverie
