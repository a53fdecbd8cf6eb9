#include "image/codecs.h"

#include "reverie/core/error.h"

namespace reverie::image {

void throw_truncated(const std::string& name) {
    throw Error(ErrorKind::Input, "'" + name + "' is truncated: the picture ends early; get a complete copy of it");
}

void throw_damaged(const std::string& name, const std::string& detail) {
    throw Error(ErrorKind::Input, "'" + name + "' is damaged (" + detail + "); get an intact copy of it");
}

void throw_unsupported(const std::string& name, const std::string& what) {
    throw Error(ErrorKind::Input, "'" + name + "' holds " + what +
                                      ", which cannot be read; convert it to PNG with 8 or 16 bits per channel");
}

void throw_unwritable(const std::string& format, const std::string& detail) {
    throw Error(ErrorKind::Output, "the picture could not be encoded as " + format + " (" + detail +
                                       "); write another format, such as PNG");
}

void throw_too_large(const std::string& format, Size size, std::int64_t longest) {
    throw Error(ErrorKind::Output, "a " + format + " file holds at most " + std::to_string(longest) +
                                       " pixels a side and the picture has " + std::to_string(size.width) + " x " +
                                       std::to_string(size.height) + "; write PNG or TIFF instead");
}

std::string plain_inks_note(const std::string& name) {
    return "'" + name + "' is a CMYK picture, converted without a profile; its colours are approximate";
}

std::string first_picture_note(const std::string& name, const std::string& parts) {
    return "'" + name + "' holds several " + parts + ", of which the first is used";
}

}  // namespace reverie::image
