// Private: one picture from its file to its file.
#pragma once

#include <optional>

#include "cli/pictures/picture_jobs.h"
#include "reverie/cli/run_pictures.h"

namespace reverie {

/// "-", a pipe, a device: what is there can be read or written only once, and nothing lies beside it.
bool is_stream(const std::string& name);

/// The size asked for of an input whose own is known; empty where it is not, as of a stream. Throws Usage when it is
/// too large.
std::optional<Size> wanted_size_of(const PictureOptions& options, const BatchItem& item);

/// That of a picture without an input. Throws Usage where none is asked for.
Size blank_size(const PictureOptions& options);

/// Colour and alpha at the size asked for; what reading noticed is said. Throws Input, and Usage as wanted_size_of.
Picture read_input(Session& session, const PictureOptions& options, const BatchItem& item);

/// Colour and alpha brought to a size.
Picture resized_to(Picture picture, Size size);

/// Throws Output when the format of an output cannot hold a picture of that size.
void require_fits(const BatchItem& item, Size size);

/// What the making of one picture takes from the batch. For several threads.
struct PictureShop {
    Session& session;
    const PictureOptions& options;
    const PictureProgram& program;
    Existing existing;
    const Sharing& sharing;
    Room& room;
    BatchProgress& progress;
};

/// One of the batch.
struct PictureTurn {
    std::size_t index = 0;  ///< in the batch
    const BatchItem& item;
    std::string label;
};

/// Waits for room, reads, works, writes and reports. An output that came to be since the batch began is handled as
/// `existing` says, and never replaced without Overwrite. False when the user stopped it.
bool make_picture(const PictureShop& shop, const PictureTask& task, const PictureTurn& turn);

/// What --dry-run says.
void describe_picture(const PictureShop& shop, const PictureTask& task, const PictureTurn& turn);

}  // namespace reverie
