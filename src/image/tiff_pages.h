// Which of a TIFF's pictures is the picture.
#pragma once

#include <string>

#include "image/tiff_file.h"

namespace reverie::image {

struct TiffChoice {
    std::string note;     ///< what was passed over for it; empty when there is nothing else
    int orientation = 1;  ///< of the chosen picture, or else of the first, or else by XMP
};

/// Makes the directory of the main picture the current one: the first, unless that is a thumbnail or a mask and a full
/// picture follows, as a further page or below one (the largest is taken). Leaves no complaint of directories that were
/// only looked at.
TiffChoice choose_picture(TiffFile& file, const std::string& name);

/// Throws Input, naming it, when the current directory is of a kind nobody reads here: a camera's raw data or a
/// compression that this libtiff lacks.
void refuse_unreadable_kind(TIFF* tiff, const std::string& name);

}  // namespace reverie::image
