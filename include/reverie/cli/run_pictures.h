// The job of every program that turns pictures into pictures: read, size, work, write, report; file by file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/image/picture.h"

namespace reverie {

struct PictureResult {
    Tensor image;            ///< [3,H,W] in [0,1]
    std::int64_t steps = 0;  ///< done
    bool cancelled = false;  ///< stopped on the way: `image` is what was there
    Settings settings;       ///< more of what shaped the pixels, that only this picture's size decided
};

/// What a program does to one picture.
struct PictureTask {
    std::string network;
    std::string weights;  ///< a file name, without its folder
    Settings settings;    ///< all that shapes the pixels; goes into the picture
    std::function<PictureResult(const Tensor& image, const Hooks& hooks)> work;
    std::function<Settings(Size image)> plan;  ///< what --dry-run says about a picture of that size
};

/// Checks inputs and outputs, calls `prepare` once if anything is left to be done (so that a wrong path costs no
/// download), and does the pictures one after the other. Faults of single pictures are reported and the rest is done,
/// unless --fail-fast. Standard output gets a line per finished picture. When stopped, what is there of the present
/// picture is written to NAME.partial.EXT. Returns the exit code: 0, or the first fault's.
int run_pictures(Session& session, const PictureOptions& options, const std::function<PictureTask()>& prepare);

}  // namespace reverie
