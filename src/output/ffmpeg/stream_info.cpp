#include "output/ffmpeg/stream_info.h"

#include <cstdlib>
#include <utility>

#include "output/ffmpeg/pixels.h"

namespace reverie::output {
namespace {

/// Larger than the four numbers of a turn can be by rounding.
constexpr std::int64_t kNearZero = 1 << 10;

int turn_of(const std::int32_t* matrix) {
    // A stored (x, y) is shown at (a x + c y, b x + d y).
    const std::int64_t a = matrix[0];
    const std::int64_t b = matrix[1];
    const std::int64_t c = matrix[3];
    const std::int64_t d = matrix[4];
    if (std::abs(b) < kNearZero && std::abs(c) < kNearZero) {
        return a < 0 ? (d < 0 ? 3 : 2) : (d < 0 ? 4 : 1);
    }
    if (std::abs(a) < kNearZero && std::abs(d) < kNearZero) {
        return c < 0 ? (b < 0 ? 7 : 6) : (b < 0 ? 8 : 5);
    }
    return 0;
}

std::string quoted(const std::string& path) { return "'" + path + "'"; }

}  // namespace

int orientation_of(const AVStream& stream, std::vector<std::string>& notes) {
    std::size_t size = 0;
    const std::uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (data == nullptr || size < 9 * sizeof(std::int32_t)) {
        return 1;
    }
    const int turn = turn_of(reinterpret_cast<const std::int32_t*>(data));
    if (turn == 0) {
        notes.emplace_back("the film asks to be turned by an angle that is no right one; it is read unturned");
    }
    return turn == 0 ? 1 : turn;
}

FilmColor color_of(const AVFrame& frame) {
    constexpr int kLinesOfHd = 720;
    const auto format = static_cast<AVPixelFormat>(frame.format);
    if (is_plain_rgb(format)) {
        return {.matrix = AVCOL_SPC_RGB,
                .primaries = frame.color_primaries,
                .transfer = frame.color_trc,
                .full_range = true};
    }
    const bool full = frame.color_range == AVCOL_RANGE_JPEG || format == AV_PIX_FMT_YUVJ420P ||
                      format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P || format == AV_PIX_FMT_YUVJ440P ||
                      format == AV_PIX_FMT_YUVJ411P;
    const int assumed = frame.height >= kLinesOfHd ? FilmColor::kBt709 : FilmColor::kBt601;
    const bool stated = frame.colorspace != AVCOL_SPC_UNSPECIFIED && frame.colorspace != AVCOL_SPC_RGB &&
                        frame.colorspace != AVCOL_SPC_RESERVED;
    return {.matrix = stated ? frame.colorspace : assumed,
            .primaries = frame.color_primaries,
            .transfer = frame.color_trc,
            .full_range = full};
}

std::string stream_text(const AVStream& stream) {
    const std::string name = avcodec_get_name(stream.codecpar->codec_id);
    switch (stream.codecpar->codec_type) {
        case AVMEDIA_TYPE_AUDIO:
            return name + " sound";
        case AVMEDIA_TYPE_SUBTITLE:
            return name + " subtitles";
        case AVMEDIA_TYPE_VIDEO:
            return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0 ? name + " cover" : name + " film";
        case AVMEDIA_TYPE_ATTACHMENT:
            return "attachment";
        default:
            return "data";
    }
}

FilmInfo info_of(AVFormatContext& format, AVStream& stream, AVFrame& first, const std::string& path) {
    FilmInfo info;
    const int turn = orientation_of(stream, info.notes);
    const bool lies = turn >= 5;
    info.width = lies ? first.height : first.width;
    info.height = lies ? first.width : first.height;
    info.mirrored = turn == 2 || turn == 4 || turn == 5 || turn == 7;
    info.rotation = turn == 3 || turn == 4 ? 180 : turn == 6 || turn == 7 ? 90 : turn == 8 || turn == 5 ? 270 : 0;
    info.time_base = from_av(stream.time_base);
    info.rate = from_av(stream.avg_frame_rate);
    if (info.rate.numerator <= 0) {
        info.rate = from_av(stream.r_frame_rate);
    }
    info.frames = stream.nb_frames;
    const AVRational aspect = av_guess_sample_aspect_ratio(&format, &stream, &first);
    if (aspect.num > 0 && aspect.den > 0) {
        info.pixel_aspect = lies ? Rational{aspect.den, aspect.num} : from_av(aspect);
    }
    info.color = color_of(first);
    const AVPixFmtDescriptor* pixels = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(first.format));
    if (pixels != nullptr) {
        info.bits = pixels->comp[0].depth;
        info.alpha = (pixels->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    }
    const std::string names = format.iformat->name;  // "mov,mp4,m4a"
    info.container = names.substr(0, names.find(','));
    info.codec = avcodec_get_name(stream.codecpar->codec_id);
    for (unsigned i = 0; i < format.nb_streams; ++i) {
        if (format.streams[i] != &stream) {
            info.other_streams.push_back(stream_text(*format.streams[i]));
        }
    }
    if (info.color.transfer == AVCOL_TRC_SMPTE2084 || info.color.transfer == AVCOL_TRC_ARIB_STD_B67) {
        info.notes.push_back(quoted(path) + " is a film of high dynamic range (" +
                             (info.color.transfer == AVCOL_TRC_SMPTE2084 ? "PQ" : "HLG") +
                             "); its numbers are taken as they are, so colours look pale to a network");
    }
    const AVFieldOrder order = stream.codecpar->field_order;
    if (first.interlaced_frame != 0 || (order != AV_FIELD_UNKNOWN && order != AV_FIELD_PROGRESSIVE)) {
        info.notes.push_back(quoted(path) +
                             " is interlaced: its two half pictures are read as one, which shows combs where things "
                             "move; deinterlace it first");
    }
    return info;
}

}  // namespace reverie::output
