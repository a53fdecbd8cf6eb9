// Films by FFmpeg, frame by frame. One frame is decoded ahead: how long a frame is shown is told by the next one.
#include "output/ffmpeg/decoder.h"

extern "C" {
#include <libavutil/cpu.h>
}

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "output/ffmpeg/pixels.h"
#include "output/ffmpeg/stream_info.h"

namespace reverie::output {
namespace {

/// "3.20 s".
std::string seconds_text(double seconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f s", seconds);
    return text.data();
}

std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

const AVCodec* find_decoder(const AVStream& stream) {
    // FFmpeg's own decoders pass the alpha of these two by.
    const AVDictionaryEntry* alpha = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
    if (alpha != nullptr && std::strcmp(alpha->value, "1") == 0) {
        const AVCodecID id = stream.codecpar->codec_id;
        const char* name = id == AV_CODEC_ID_VP9 ? "libvpx-vp9" : id == AV_CODEC_ID_VP8 ? "libvpx" : nullptr;
        const AVCodec* codec = name == nullptr ? nullptr : avcodec_find_decoder_by_name(name);
        if (codec != nullptr) {
            return codec;
        }
    }
    return avcodec_find_decoder(stream.codecpar->codec_id);
}

class Decoder : public FilmDecoder {
  public:
    explicit Decoder(FilmSource source) : source_(std::move(source)) {
        av_log_set_level(AV_LOG_QUIET);
        packet_.reset(made(av_packet_alloc()));
        shown_.reset(made(av_frame_alloc()));
        ahead_.reset(made(av_frame_alloc()));
        open();
        advance();
        if (!ahead_pts_) {
            throw fault_ ? *fault_ : FilmFault(ErrorKind::Input, quoted() + " holds no frame; pass another film");
        }
        info_ = info_of(*format_, *stream_, *ahead_, source_.path);
        std::vector<std::string> said_already;
        orientation_ = orientation_of(*stream_, said_already);
        info_.alpha = info_.alpha && (stream_->codecpar->codec_id != AV_CODEC_ID_GIF || shows_through(*ahead_));
    }

    const FilmInfo& info() const override { return info_; }
    int orientation() const override { return orientation_; }

    bool next(std::uint16_t* samples, FilmTime& time) override {
        if (!ahead_pts_) {
            if (fault_) {
                throw *fault_;
            }
            return false;
        }
        const std::int64_t pts = *ahead_pts_;
        std::swap(shown_, ahead_);
        advance();
        const std::int64_t duration = ahead_pts_ ? *ahead_pts_ - pts : last_duration(pts);
        previous_duration_ = duration;
        time = {pts, duration};
        reader_.read(*shown_, color_of(*shown_), info_.alpha ? 4 : 3, samples);
        return true;
    }

    bool seek(std::int64_t pts) override {
        if (source_.y4m) {
            pass(pts);
            return ahead_pts_ == pts;
        }
        // Containers sort by the time of decoding, so the key frame found may be shown after the frame that is wanted.
        const bool has_index = info_.container == "mov" || info_.container == "matroska";
        const std::int64_t second = av_rescale_q(1, AVRational{1, 1}, stream_->time_base) + 1;
        for (std::int64_t back = 0; has_index && back <= 64 * second; back = back == 0 ? second : 4 * back) {
            if (!jump(pts - back)) {
                break;
            }
            pass(pts);
            // The first frame behind a jump may lean on what was not decoded, unless it is a key frame.
            if (ahead_pts_ == pts && (passed_ > 0 || ahead_->key_frame != 0)) {
                return true;
            }
        }
        open();
        advance();
        pass(pts);
        return ahead_pts_ == pts;
    }

  private:
    std::string quoted() const { return "'" + source_.path + "'"; }

    void open() {
        codec_.reset();
        format_ = open_input(source_.path, source_.y4m);
        stream_ = find_film(*format_);
        if (stream_ == nullptr) {
            throw FilmFault(ErrorKind::Input, quoted() + " holds no moving pictures; pass a film");
        }
        for (unsigned i = 0; i < format_->nb_streams; ++i) {
            format_->streams[i]->discard = format_->streams[i] == stream_ ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        }
        const AVCodecParameters& parameters = *stream_->codecpar;
        if (std::int64_t{parameters.width} * parameters.height > source_.max_pixels) {
            throw FilmFault(ErrorKind::Input, quoted() + " has frames of " +
                                                  size_text(parameters.width, parameters.height) + ", more than the " +
                                                  std::to_string(source_.max_pixels) +
                                                  " pixels allowed; raise {--max-pixels} or make it smaller");
        }
        const AVCodec* codec = find_decoder(*stream_);
        if (codec == nullptr) {
            throw FilmFault(ErrorKind::Input, quoted() + " is encoded as " + avcodec_get_name(parameters.codec_id) +
                                                  ", which this machine's FFmpeg cannot decode; convert it to H.264");
        }
        codec_.reset(made(avcodec_alloc_context3(codec)));
        if (avcodec_parameters_to_context(codec_.get(), &parameters) < 0) {
            throw std::bad_alloc();
        }
        constexpr int kMostThreads = 8;  // each holds frames
        codec_->thread_count = std::min(av_cpu_count(), kMostThreads);
        codec_->pkt_timebase = stream_->time_base;
        codec_->err_recognition = AV_EF_CRCCHECK;
        if (parameters.codec_id == AV_CODEC_ID_FFV1) {  // else a sum that does not fit is passed over
            codec_->err_recognition |= AV_EF_EXPLODE;
        }
        if (const int code = avcodec_open2(codec_.get(), codec, nullptr); code < 0) {
            throw FilmFault(ErrorKind::Input,
                            quoted() + " cannot be decoded (" + reason_of(code) + "); convert it to H.264 in MP4");
        }
        forget();
    }

    void forget() {
        fault_.reset();
        ahead_pts_.reset();
        ended_ = false;
        read_to_ = 0;
    }

    /// To the key frame before.
    bool jump(std::int64_t pts) {
        const int code = avformat_seek_file(format_.get(), stream_->index, INT64_MIN, pts, pts, 0);
        if (code < 0) {
            return false;
        }
        avcodec_flush_buffers(codec_.get());
        forget();
        jumped_ = true;
        advance();
        return true;
    }

    /// Drops what is shown before `pts`.
    void pass(std::int64_t pts) {
        for (passed_ = 0; ahead_pts_ && *ahead_pts_ < pts; ++passed_) {
            advance();
        }
        jumped_ = false;
    }

    /// Decodes into `ahead_`; at the end, and where the film is damaged, there is no `ahead_pts_`.
    void advance() {
        const std::optional<std::int64_t> before = std::exchange(ahead_pts_, std::nullopt);
        for (;;) {
            const int code = avcodec_receive_frame(codec_.get(), ahead_.get());
            if (code == AVERROR(EAGAIN)) {
                feed();
                continue;
            }
            if (code < 0) {
                if (code != AVERROR_EOF && !fault_) {
                    fault_ = damage(before, reason_of(code));
                    end();
                    continue;
                }
                return;
            }
            const bool corrupt = (ahead_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || ahead_->decode_error_flags != 0;
            if (corrupt && jumped_) {  // pictures that lean on those before the key frame
                continue;
            }
            if (corrupt) {
                if (!fault_) {
                    fault_ = damage(before, "a frame cannot be decoded whole");
                }
                return;
            }
            if (!has_first_size(before)) {
                return;
            }
            ahead_pts_ = pts_of(*ahead_, before);
            return;
        }
    }

    /// The next packet, or the end, to the decoder.
    void feed() {
        for (;;) {
            const int code = av_read_frame(format_.get(), packet_.get());
            if (code < 0) {
                if (!fault_ && (source_.cut_off || ends_within_a_frame(code))) {
                    fault_ = FilmFault(ErrorKind::Input,
                                       quoted() +
                                           " ends before it should, because its end is missing; the frames up to "
                                           "there are whole: get a complete copy for the rest");
                } else if (!fault_ && code != AVERROR_EOF) {
                    fault_ = damage({}, reason_of(code));
                }
                end();
                return;
            }
            read_to_ = packet_->pos + packet_->size;
            if (packet_->stream_index != stream_->index) {
                av_packet_unref(packet_.get());
                continue;
            }
            const bool corrupt = (packet_->flags & AV_PKT_FLAG_CORRUPT) != 0;
            const int sent = corrupt ? AVERROR_INVALIDDATA : avcodec_send_packet(codec_.get(), packet_.get());
            const std::int64_t pts = packet_->pts;
            av_packet_unref(packet_.get());
            if (sent < 0 && !fault_) {
                if (corrupt && source_.cut_off) {
                    continue;  // its end says it better
                }
                fault_ = damage(pts == AV_NOPTS_VALUE ? std::optional<std::int64_t>() : pts, reason_of(sent));
                end();
            }
            return;
        }
    }

    /// A stream does not know how long it should be, but a part of a frame behind the last whole one is a part too few.
    bool ends_within_a_frame(int code) const {
        return source_.y4m && code == AVERROR_EOF && read_to_ > 0 && avio_tell(format_->pb) > read_to_;
    }

    /// What the decoder holds back still comes.
    void end() {
        if (!std::exchange(ended_, true)) {
            avcodec_send_packet(codec_.get(), nullptr);
        }
    }

    bool has_first_size(const std::optional<std::int64_t>& before) {
        if (first_width_ == 0) {
            first_width_ = ahead_->width;
            first_height_ = ahead_->height;
        }
        if (ahead_->width == first_width_ && ahead_->height == first_height_) {
            return true;
        }
        if (!fault_) {
            fault_ = FilmFault(ErrorKind::Input,
                               quoted() + " changes its size from " + size_text(first_width_, first_height_) + " to " +
                                   size_text(ahead_->width, ahead_->height) + " after " +
                                   seconds_text(seconds(before.value_or(0))) + "; cut it there into two films");
        }
        return false;
    }

    std::int64_t pts_of(const AVFrame& frame, const std::optional<std::int64_t>& before) const {
        std::int64_t pts = frame.best_effort_timestamp;
        if (pts == AV_NOPTS_VALUE) {
            pts = before ? *before + std::max<std::int64_t>(1, previous_duration_) : 0;
        }
        return before ? std::max(pts, *before + 1) : pts;
    }

    double seconds(std::int64_t ticks) const { return static_cast<double>(ticks) * av_q2d(stream_->time_base); }

    FilmFault damage(const std::optional<std::int64_t>& pts, const std::string& reason) const {
        return {ErrorKind::Input, quoted() + " is damaged" +
                                      (pts ? " after " + seconds_text(seconds(*pts)) : std::string()) + " (" + reason +
                                      "); the frames before that are whole: get an undamaged copy for the rest"};
    }

    /// Packets know it unless frames are stored in another order than they are shown; then the whole does.
    std::int64_t last_duration(std::int64_t pts) const {
        std::int64_t duration = 0;
        if (info_.container == "mov" && stream_->duration > 0 && stream_->start_time != AV_NOPTS_VALUE) {
            duration = stream_->start_time + stream_->duration - pts;
        } else if (const AVDictionaryEntry* entry = av_dict_get(stream_->metadata, "DURATION", nullptr, 0)) {
            int hours = 0;
            int minutes = 0;
            double rest = 0;
            if (std::sscanf(entry->value, "%d:%d:%lf", &hours, &minutes, &rest) == 3) {
                const double end = (60.0 * hours + minutes) * 60.0 + rest;
                duration = std::llround(end / av_q2d(stream_->time_base)) - pts;
            }
        }
        if (duration <= 0 || fault_) {
            duration = shown_->pkt_duration;
        }
        return duration > 0 ? duration : std::max<std::int64_t>(1, previous_duration_);
    }

    /// A GIF's canvas can always be seen through; this one is.
    static bool shows_through(const AVFrame& frame) {
        if (frame.format != AV_PIX_FMT_BGRA) {
            return true;
        }
        for (int y = 0; y < frame.height; ++y) {
            const std::uint8_t* row = frame.data[0] + static_cast<std::ptrdiff_t>(y) * frame.linesize[0];
            for (int x = 0; x < frame.width; ++x) {
                if (row[4 * x + 3] != 255) {
                    return true;
                }
            }
        }
        return false;
    }

    FilmSource source_;
    Input format_;
    AVStream* stream_ = nullptr;
    Owner<AVCodecContext> codec_;
    Owner<AVPacket> packet_;
    Owner<AVFrame> shown_;
    Owner<AVFrame> ahead_;
    std::optional<std::int64_t> ahead_pts_;
    std::optional<FilmFault> fault_;  ///< thrown behind the last whole frame
    PixelReader reader_;
    FilmInfo info_;
    int orientation_ = 1;
    int first_width_ = 0;
    int first_height_ = 0;
    int passed_ = 0;
    std::int64_t previous_duration_ = 0;
    std::int64_t read_to_ = 0;  ///< bytes of a stream, up to the end of its last packet
    bool ended_ = false;
    bool jumped_ = false;
};

}  // namespace

std::unique_ptr<FilmDecoder> open_decoder(const FilmSource& source) { return std::make_unique<Decoder>(source); }

}  // namespace reverie::output
