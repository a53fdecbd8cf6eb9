// WebP through libwebp.
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "image/byte_reader.h"
#include "image/codecs.h"
#include "image/color_profile.h"
#include "image/comment.h"
#include "image/exif.h"
#include "image/srgb_profile.h"

namespace reverie::image {
namespace {

template <typename T, void (*destroy)(T*)>
struct Destroy {
    void operator()(T* object) const noexcept { destroy(object); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, Destroy<WebPDemuxer, WebPDemuxDelete>>;
using AnimationDecoder = std::unique_ptr<WebPAnimDecoder, Destroy<WebPAnimDecoder, WebPAnimDecoderDelete>>;
using Muxer = std::unique_ptr<WebPMux, Destroy<WebPMux, WebPMuxDelete>>;

WebPData as_data(Bytes bytes) { return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}; }

/// The container, checked to be complete.
Demuxer open(Bytes bytes, const std::string& name) {
    const WebPData data = as_data(bytes);
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    Demuxer demuxer(WebPDemuxPartial(&data, &state));
    if (state == WEBP_DEMUX_PARSING_HEADER || state == WEBP_DEMUX_PARSED_HEADER) {
        throw_truncated(name);
    }
    if (demuxer == nullptr || state != WEBP_DEMUX_DONE) {
        throw_damaged(name, "its container cannot be parsed");
    }
    return demuxer;
}

/// The first chunk of a kind, as a view into the file; empty when there is none.
Bytes find_chunk(const Demuxer& demuxer, const char* kind) {
    WebPChunkIterator chunk = {};
    Bytes content;
    if (WebPDemuxGetChunk(demuxer.get(), kind, 1, &chunk) != 0) {
        content = std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size));
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return content;
}

void decode_still(Bytes bytes, Raster& raster, const std::string& name) {
    WebPDecoderConfig config;
    if (WebPInitDecoderConfig(&config) == 0) {
        throw std::bad_alloc();
    }
    const std::size_t total = raster.row_bytes() * static_cast<std::size_t>(raster.size.height);
    config.options.use_threads = 1;
    config.output.colorspace = raster.has_alpha ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = {reinterpret_cast<std::uint8_t*>(raster.data.get()), static_cast<int>(raster.row_bytes()),
                            total};
    const WebPData data = as_data(bytes);
    const VP8StatusCode status = WebPDecode(data.bytes, data.size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
        throw_truncated(name);
    }
    if (status == VP8_STATUS_OUT_OF_MEMORY) {
        throw std::bad_alloc();
    }
    if (status != VP8_STATUS_OK) {
        throw_damaged(name, "its pixels cannot be decoded");
    }
}

void decode_first_frame(Bytes bytes, Raster& raster, const std::string& name) {
    const WebPData data = as_data(bytes);
    const AnimationDecoder decoder(WebPAnimDecoderNew(&data, nullptr));
    std::uint8_t* canvas = nullptr;
    int time = 0;
    if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &canvas, &time) == 0) {
        throw_damaged(name, "its first frame cannot be decoded");
    }
    std::memcpy(raster.data.get(), canvas, raster.row_bytes() * static_cast<std::size_t>(raster.size.height));
}

/// The file around the compressed pixels: their colour space and, unless it is empty, a text.
std::vector<std::byte> assemble(const WebPMemoryWriter& pixels, const std::string& description) {
    const WebPData picture = {pixels.mem, pixels.size};
    const WebPData profile = as_data(srgb_profile());
    const std::vector<std::byte> exif = make_exif(description);
    const WebPData text = as_data(exif);
    const Muxer muxer(WebPMuxNew());
    WebPData assembled = {};
    if (muxer == nullptr || WebPMuxSetImage(muxer.get(), &picture, 0) != WEBP_MUX_OK ||
        WebPMuxSetChunk(muxer.get(), "ICCP", &profile, 0) != WEBP_MUX_OK ||
        (!description.empty() && WebPMuxSetChunk(muxer.get(), "EXIF", &text, 0) != WEBP_MUX_OK) ||
        WebPMuxAssemble(muxer.get(), &assembled) != WEBP_MUX_OK) {
        throw_unwritable("WebP", "its colour profile or text could not be added");
    }
    const std::unique_ptr<WebPData, Destroy<WebPData, WebPDataClear>> owner(&assembled);
    const auto bytes = std::as_bytes(std::span(assembled.bytes, assembled.size));
    return {bytes.begin(), bytes.end()};
}

}  // namespace

Header webp_header(Bytes bytes, const std::string& name) {
    const Demuxer demuxer = open(bytes, name);
    const std::optional<int> exif = parse_exif(find_chunk(demuxer, "EXIF")).orientation;
    const std::optional<int> xmp = xmp_orientation(find_chunk(demuxer, "XMP "));
    return {{WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT), WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH)},
            exif.value_or(xmp.value_or(1))};
}

Raster decode_webp(Bytes bytes, const Header& header, const std::string& name) {
    const Demuxer demuxer = open(bytes, name);
    const bool animated = (WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) != 0;
    WebPBitstreamFeatures features = {};
    const WebPData data = as_data(bytes);
    if (WebPGetFeatures(data.bytes, data.size, &features) != VP8_STATUS_OK ||
        Size{features.height, features.width} != header.size) {
        throw_damaged(name, "its headers contradict each other");
    }
    const bool has_alpha = features.has_alpha != 0;
    Raster raster(header.size, 8, 3, has_alpha || animated ? 4 : 3);
    raster.has_alpha = has_alpha;
    if (animated) {
        decode_first_frame(bytes, raster, name);
        raster.notes.push_back(first_picture_note(name, "frames"));
    } else {
        decode_still(bytes, raster, name);
    }
    raster.text = from_comment(parse_exif(find_chunk(demuxer, "EXIF")).description);
    raster.conversion = profile_conversion(find_chunk(demuxer, "ICCP"), 3, name, raster.notes);
    return raster;
}

std::vector<std::byte> encode_webp(const Raster& raster, const Text& text, int quality) {
    static_assert(kLongestWebpSide == WEBP_MAX_DIMENSION);
    WebPConfig config;
    WebPPicture picture;
    if (WebPConfigPreset(&config, WEBP_PRESET_PHOTO, static_cast<float>(quality)) == 0 ||
        WebPPictureInit(&picture) == 0) {
        throw_unwritable("WebP", "libwebp has another version than its headers");
    }
    config.thread_level = 1;
    config.exact = 1;  // colours under full transparency are kept as well
    const std::unique_ptr<WebPPicture, Destroy<WebPPicture, WebPPictureFree>> picture_owner(&picture);
    WebPMemoryWriter writer;
    WebPMemoryWriterInit(&writer);
    const std::unique_ptr<WebPMemoryWriter, Destroy<WebPMemoryWriter, WebPMemoryWriterClear>> writer_owner(&writer);
    picture.width = static_cast<int>(raster.size.width);
    picture.height = static_cast<int>(raster.size.height);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    const auto* samples = reinterpret_cast<const std::uint8_t*>(raster.data.get());
    const auto stride = static_cast<int>(raster.row_bytes());
    const bool imported = raster.has_alpha ? WebPPictureImportRGBA(&picture, samples, stride) != 0
                                           : WebPPictureImportRGB(&picture, samples, stride) != 0;
    if (!imported || WebPEncode(&config, &picture) == 0) {
        throw_unwritable("WebP", "libwebp's error " + std::to_string(picture.error_code));
    }
    return assemble(writer, to_comment(text));
}

}  // namespace reverie::image
