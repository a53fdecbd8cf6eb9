#include "reverie/image/picture.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <system_error>

#include "core/write_all.h"
#include "image/codecs.h"
#include "image/content.h"
#include "image/decode.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie {
namespace {

using image::Bytes;
using image::Content;
using image::Header;
using image::Raster;

struct Codec {
    Content content;
    Header (*read_header)(Bytes, const std::string&);
    Raster (*decode)(Bytes, const Header&, const std::string&);
};

constexpr std::array<Codec, 7> kCodecs = {{{Content::Jpeg, image::jpeg_header, image::decode_jpeg},
                                           {Content::Png, image::png_header, image::decode_png},
                                           {Content::Tiff, image::tiff_header, image::decode_tiff},
                                           {Content::WebP, image::webp_header, image::decode_webp},
                                           {Content::Bmp, image::bmp_header, image::decode_bmp},
                                           {Content::Gif, image::gif_header, image::decode_gif},
                                           {Content::Heif, image::heif_header, image::decode_heif}}};

const Codec& codec_for(Bytes bytes, const std::string& name) {
    if (bytes.empty()) {
        throw Error(ErrorKind::Input, "'" + name + "' is empty; a picture was wanted");
    }
    if (const auto content = image::picture_content(bytes)) {
        return *std::find_if(kCodecs.begin(), kCodecs.end(),
                             [&](const Codec& codec) { return codec.content == *content; });
    }
    if (const auto other = image::other_content(bytes)) {
        throw Error(ErrorKind::Input,
                    "'" + name + "' is " + std::string(other->what) +
                        (other->film ? ", where a picture was wanted; " : ", which Reverie does not read; ") +
                        std::string(other->advice));
    }
    throw Error(ErrorKind::Input,
                "'" + name +
                    "' is not a picture of a known kind; JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF "
                    "was wanted: convert it to one of these");
}

std::string megapixels(double pixels) {
    std::array<char, 32> text = {};
    std::snprintf(text.data(), text.size(), "%.4g megapixels", pixels / 1e6);
    return text.data();
}

Header checked_header(const Codec& codec, Bytes bytes, const std::string& name, const ReadLimits& limits) {
    const Header header = codec.read_header(bytes, name);
    const auto [height, width] = header.size;
    if (height < 1 || width < 1) {
        image::throw_damaged(name,
                             "its header says " + std::to_string(width) + " x " + std::to_string(height) + " pixels");
    }
    if (width > limits.max_pixels / height) {
        throw Error(ErrorKind::Input,
                    "'" + name + "' has " + std::to_string(width) + " x " + std::to_string(height) + " pixels (" +
                        megapixels(static_cast<double>(width) * static_cast<double>(height)) +
                        "), more than the limit of " + megapixels(static_cast<double>(limits.max_pixels)) +
                        "; raise {--max-pixels} if the file can be trusted");
    }
    return header;
}

bool is_standard_stream(const std::filesystem::path& path) { return path == "-"; }

std::string name_of(const std::filesystem::path& path) {
    return is_standard_stream(path) ? "standard input" : path.string();
}

/// Sentences quote the names of files; standard input is none.
std::string unquoted_stream(std::string sentence) {
    const std::string quoted = "'" + name_of("-") + "'";
    for (std::size_t at = 0; (at = sentence.find(quoted, at)) != std::string::npos;) {
        sentence.replace(at, quoted.size(), name_of("-"));
    }
    return sentence;
}

std::vector<std::byte> read_standard_input() {
    std::vector<std::byte> bytes;
    std::array<std::byte, 1 << 16> chunk;
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (count == 0) {
            return bytes;
        }
        if (count > 0) {
            bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + count);
        } else if (errno != EINTR) {
            throw Error(ErrorKind::Input, std::string("standard input cannot be read (") + std::strerror(errno) +
                                              "); pipe a picture in or name a file");
        }
    }
}

void write_standard_output(Bytes bytes) {
    if (const int fault = write_all(STDOUT_FILENO, bytes); fault != 0) {
        throw Error(ErrorKind::Output, std::string("the picture could not be written to standard output (") +
                                           std::strerror(fault) + "); name a file with {--output}");
    }
}

std::vector<std::byte> read_all(const std::filesystem::path& path) {
    return is_standard_stream(path) ? read_standard_input() : read_file(path);
}

Size upright_size(const Header& header) {
    const bool on_its_side = header.orientation >= 5;
    return on_its_side ? Size{header.size.width, header.size.height} : header.size;
}

/// By how much a JPEG may be reduced while it is read. It stays a quarter longer than wanted, so that the resize that
/// follows still decides the sharpness (the difference is then smaller than that between bilinear and bicubic); and its
/// last pixel, which may be a part of one, widens it by half a percent at most.
int reduction(Size size, Size at_least) {
    const auto suits = [](std::int64_t side, std::int64_t wanted, std::int64_t factor) {
        const std::int64_t reduced = (side + factor - 1) / factor;
        return 4 * reduced >= 5 * wanted && 200 * (reduced * factor - side) <= side;
    };
    int factor = 8;
    while (factor > 1 && !(suits(size.height, at_least.height, factor) && suits(size.width, at_least.width, factor))) {
        factor /= 2;
    }
    return factor;
}

Error no_memory(const std::string& name, Size size) {
    return {ErrorKind::Input, "'" + name + "' has " + std::to_string(size.width) + " x " + std::to_string(size.height) +
                                  " pixels, more than the free memory can hold; make it smaller first"};
}

void check(const Picture& picture, PictureFormat format, const WriteOptions& options) {
    if (options.quality < 1 || options.quality > 100) {
        throw Error(ErrorKind::Usage,
                    "the quality " + std::to_string(options.quality) + " is outside 1 to 100; choose one within");
    }
    if (options.bits != 0 && options.bits != 8 && options.bits != 16) {
        throw Error(ErrorKind::Usage,
                    std::to_string(options.bits) + " bits per channel cannot be written; choose 8 or 16");
    }
    if (options.bits == 16 && format != PictureFormat::Png && format != PictureFormat::Tiff) {
        throw Error(ErrorKind::Usage, "this format holds 8 bits per channel and 16 were wanted; write PNG or TIFF");
    }
    require_image(picture.color, "a picture's colour");
    if (picture.alpha.defined()) {
        require_image(picture.alpha, "a picture's alpha", {1});
        if (size_of(picture.alpha) != size_of(picture.color)) {
            throw Error(ErrorKind::Usage, "a picture's alpha is " + tensor_text(picture.alpha) + " and its colour " +
                                              tensor_text(picture.color) + "; wanted both of one size");
        }
    }
}

}  // namespace

image::Decoded image::decode_raster(Bytes bytes, const std::string& name, const ReadLimits& limits,
                                    const std::optional<Size>& at_least) {
    const Codec& codec = codec_for(bytes, name);
    const Header header = checked_header(codec, bytes, name, limits);
    try {
        if (codec.content == Content::Jpeg && at_least) {
            return {decode_jpeg_reduced(bytes, name, reduction(upright_size(header), *at_least)), header.orientation};
        }
        return {codec.decode(bytes, header, name), header.orientation};
    } catch (const std::bad_alloc&) {
        throw no_memory(name, header.size);
    }
}

Picture decode_picture(std::span<const std::byte> bytes, const std::string& name, const ReadLimits& limits) {
    image::Decoded decoded = image::decode_raster(bytes, name, limits);
    const Size size = decoded.raster.size;
    try {
        return image::to_picture(std::move(decoded.raster), decoded.orientation);
    } catch (const std::bad_alloc&) {
        throw no_memory(name, size);
    } catch (const c10::Error&) {  // the only one the few tensor calls there can give: no memory
        throw no_memory(name, size);
    }
}

Picture read_picture(const std::filesystem::path& path, const ReadLimits& limits) {
    if (!is_standard_stream(path)) {
        return decode_picture(read_all(path), name_of(path), limits);
    }
    try {
        Picture picture = decode_picture(read_all(path), name_of(path), limits);
        for (std::string& note : picture.notes) {
            note = unquoted_stream(note);
        }
        return picture;
    } catch (const Error& error) {
        throw Error(error.kind(), unquoted_stream(error.sentence()));
    }
}

Size read_picture_size(const std::filesystem::path& path, const ReadLimits& limits) {
    const std::string name = name_of(path);
    const auto size = [&](Bytes bytes) {
        return upright_size(checked_header(codec_for(bytes, name), bytes, name, limits));
    };
    // A mapped file is read only where the header lies; what has no length, such as a pipe, cannot be mapped.
    std::error_code ignored;  // whatever is wrong with the path, read_all words it
    if (is_standard_stream(path) || !std::filesystem::is_regular_file(path, ignored)) {
        return size(read_all(path));
    }
    return size(MappedFile(path).bytes());
}

bool has_picture_extension(const std::filesystem::path& path) {
    const image::Extension* const extension = image::find_extension(path);
    return extension != nullptr && extension->is_read;
}

bool names_picture_or_film(const std::filesystem::path& path) { return image::find_extension(path) != nullptr; }

bool holds_picture(const std::filesystem::path& path) noexcept {
    std::error_code ignored;
    try {
        if (!std::filesystem::is_regular_file(path, ignored)) {  // a pipe would be waited for
            return false;
        }
        const MappedFile file(path);
        if (!image::is_picture(file.bytes())) {
            return false;
        }
        // Cameras' raw files begin as TIFFs do, and say further on what they are.
        codec_for(file.bytes(), path.string()).read_header(file.bytes(), path.string());
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

PictureFormat format_for(const std::filesystem::path& path) {
    const image::Extension* extension = image::find_extension(path);
    if (extension != nullptr && extension->written) {
        return *extension->written;
    }
    std::error_code ignored;
    if (std::filesystem::is_other(path, ignored)) {
        return PictureFormat::Png;
    }
    const std::string found = image::lower_extension(path);
    const std::string problem = found.empty()          ? "has no extension"
                                : extension == nullptr ? "has the unknown extension '" + found + "'"
                                : extension->is_read   ? "ends in '" + found + "', which is read and not written"
                                                       : "ends in '" + found + "', which is not written";
    throw Error(ErrorKind::Usage, "'" + path.string() + "' " + problem +
                                      "; end the name in .jpg, .png, .tif, .webp or .bmp, or in / to name a folder");
}

std::int64_t longest_side(PictureFormat format) {
    switch (format) {
        case PictureFormat::Jpeg:
            return image::kLongestJpegSide;
        case PictureFormat::WebP:
            return image::kLongestWebpSide;
        case PictureFormat::Png:
        case PictureFormat::Tiff:
        case PictureFormat::Bmp:
            break;
    }
    return std::numeric_limits<std::int32_t>::max();
}

void check_size(PictureFormat format, Size size) {
    const char* name = format == PictureFormat::Jpeg   ? "JPEG"
                       : format == PictureFormat::Png  ? "PNG"
                       : format == PictureFormat::WebP ? "WebP"
                       : format == PictureFormat::Tiff ? "TIFF"
                                                       : "BMP";
    if (std::max(size.height, size.width) > longest_side(format)) {
        image::throw_too_large(name, size, longest_side(format));
    }
    if (format == PictureFormat::Bmp && !image::fits_bmp(size)) {
        image::throw_unwritable(name,
                                "at " + text_of(size) + " pixels it would be larger than the 4 GB a file can say");
    }
}

std::vector<std::byte> encode_picture(const Picture& picture, PictureFormat format, const WriteOptions& options) {
    check(picture, format, options);
    check_size(format, size_of(picture.color));
    const bool deep = format == PictureFormat::Png || format == PictureFormat::Tiff;
    const int bits = options.bits != 0 ? options.bits : deep ? picture.bits : 8;
    const Raster raster = image::to_raster(picture, bits, deep || format == PictureFormat::WebP);
    switch (format) {
        case PictureFormat::Jpeg:
            return image::encode_jpeg(raster, picture.text, options.quality);
        case PictureFormat::Png:
            return image::encode_png(raster, picture.text);
        case PictureFormat::Tiff:
            return image::encode_tiff(raster, picture.text);
        case PictureFormat::WebP:
            return image::encode_webp(raster, picture.text, options.quality);
        case PictureFormat::Bmp:
            return image::encode_bmp(raster);
    }
    throw Error(ErrorKind::Internal, "a picture format without an encoder was asked for");
}

std::filesystem::path write_picture(const std::filesystem::path& path, const Picture& picture,
                                    const WriteOptions& options) {
    if (is_standard_stream(path)) {
        write_standard_output(encode_picture(picture, PictureFormat::Png, options));
        return path;
    }
    return write_file(path, encode_picture(picture, format_for(path), options), options.replacing);
}

Tensor load_image(const std::filesystem::path& path) { return read_picture(path).color; }

void save_image(const std::filesystem::path& path, const Tensor& image, const WriteOptions& options) {
    Picture picture;
    picture.color = image;
    write_picture(path, picture, options);
}

}  // namespace reverie
