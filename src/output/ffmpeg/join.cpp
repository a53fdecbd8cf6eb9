#include "output/ffmpeg/join.h"

#include <algorithm>
#include <optional>

#include "output/ffmpeg/copies.h"
#include "output/ffmpeg/segment.h"

namespace reverie::output {
namespace {

[[noreturn]] void fail(const std::string& path, int code) {
    const bool full = code == AVERROR(ENOSPC) || code == AVERROR(EFBIG) || code == AVERROR(EDQUOT);
    throw FilmFault(ErrorKind::Output,
                    "'" + path + "' could not be written (" + reason_of(code) + "); " +
                        (full ? "free space or choose another place" : "choose another place or format"));
}

/// Ticks of MP4 and MOV are finer than the film's by a whole number, because players expect no coarse ones.
AVRational stream_time_base(const Rational& time_base) {
    constexpr std::int64_t kCoarsest = 10'000;
    const AVRational exact = to_av(time_base);
    std::int64_t ticks = exact.den;
    while (ticks < kCoarsest) {
        ticks *= 2;
    }
    return {1, static_cast<int>(ticks)};
}

class Mux {
  public:
    Mux(const FilmSpec& spec, const AVCodecParameters& film, const std::string& target) : spec_(spec) {
        const std::string address = "file:" + target;
        if (const int code = avformat_alloc_output_context2(&format_, nullptr, spec.container.c_str(), address.c_str());
            code < 0) {
            fail(spec.path, code);
        }
        format_->flags |= AVFMT_FLAG_BITEXACT;  // no versions, times or random numbers
        AVStream& stream = *made(avformat_new_stream(format_, nullptr));
        if (avcodec_parameters_copy(stream.codecpar, &film) < 0) {
            throw std::bad_alloc();
        }
        const bool apple = spec.container == "mp4" || spec.container == "mov";
        stream.codecpar->codec_tag =
            apple && film.codec_id == AV_CODEC_ID_HEVC ? MKTAG('h', 'v', 'c', '1') : 0;  // what Apple's players know
        stream.time_base = stream_time_base(spec.time_base);
        stream.avg_frame_rate = to_av(spec.rate);
        stream.sample_aspect_ratio = to_av(spec.pixel_aspect);
        if (apple) {
            const std::string ticks = std::to_string(stream.time_base.den);
            options_.set("video_track_timescale", ticks);
            options_.set("movie_timescale", ticks);  // else the last frame's end would be rounded
        }
    }
    ~Mux() {
        if (dry_ && format_->pb != nullptr) {
            std::uint8_t* bytes = nullptr;
            avio_close_dyn_buf(format_->pb, &bytes);
            av_free(bytes);
        } else {
            avio_closep(&format_->pb);
        }
        avformat_free_context(format_);
    }
    Mux(const Mux&) = delete;
    Mux& operator=(const Mux&) = delete;

    AVFormatContext& format() { return *format_; }
    AVStream& film() { return *format_->streams[0]; }

    /// Its header, into memory.
    void try_header() {
        dry_ = true;
        int code = avio_open_dyn_buf(&format_->pb);
        code = code < 0 ? code : avformat_write_header(format_, options_.get());
        if (code < 0) {
            throw FilmFault(ErrorKind::Output, "'" + spec_.path + "' cannot hold what is copied from '" +
                                                   spec_.copied_from + "' (" + reason_of(code) +
                                                   "); name it .mkv, or leave out what is copied");
        }
    }

    void begin() {
        if (spec_.container == "mp4" || spec_.container == "mov") {
            options_.set("movflags", "faststart");  // plays while it is still being loaded
        }
        int code = avio_open(&format_->pb, format_->url, AVIO_FLAG_WRITE);
        code = code < 0 ? code : avformat_write_header(format_, options_.get());
        check(code);
    }

    void write(AVPacket& packet) { check(av_interleaved_write_frame(format_, &packet)); }

    void end() {
        check(av_write_trailer(format_));
        check(format_->pb->error);
        check(avio_closep(&format_->pb));
    }

  private:
    void check(int code) const {
        if (code < 0) {
            fail(spec_.path, code);
        }
    }

    const FilmSpec& spec_;
    AVFormatContext* format_ = nullptr;
    Dictionary options_;
    bool dry_ = false;
};

/// The packets of all parts in the order in which they are stored.
class FilmPackets {
  public:
    FilmPackets(const std::vector<FilmPart>& parts, const std::vector<FilmTime>& times) : parts_(parts), times_(times) {
        std::vector<std::int64_t> stored;
        PacketHead head;
        for (const FilmPart& part : parts) {
            for (SegmentFile file(part.path); file.next(head); file.skip(head)) {
                stored.push_back(part.first + head.frame);
                if (stored.back() < 0 || stored.back() >= static_cast<std::int64_t>(times.size())) {
                    throw FilmFault(ErrorKind::Output, "'" + part.path +
                                                           "' holds frames of another film; remove its "
                                                           "folder and begin anew");
                }
            }
        }
        decoding_ = decoding_times(stored, times);
    }

    /// When the next one is decoded; nothing at the end.
    std::optional<std::int64_t> decoded_at() const {
        return count_ < decoding_.size() ? std::optional(decoding_[count_]) : std::nullopt;
    }

    /// In ticks of the film.
    void next(AVPacket& packet) {
        PacketHead head;
        while (!file_ || !file_->next(head)) {
            file_.emplace(parts_.at(part_++).path);
        }
        file_->read(head, packet);
        const FilmTime& time = times_[static_cast<std::size_t>(parts_[part_ - 1].first + head.frame)];
        packet.pts = time.pts;
        packet.duration = time.duration;
        packet.dts = decoding_[count_++];
    }

  private:
    const std::vector<FilmPart>& parts_;
    const std::vector<FilmTime>& times_;
    std::vector<std::int64_t> decoding_;
    std::optional<SegmentFile> file_;
    std::size_t part_ = 0;
    std::size_t count_ = 0;
};

CopySpan span_of(const FilmSpec& spec, const std::vector<FilmTime>& times, bool within) {
    const std::int64_t first = times.front().pts;
    return {.time_base = to_av(spec.time_base),
            .shift = within ? -first : std::max<std::int64_t>(0, -first),
            .within = within,
            .first = first,
            .end = times.back().pts + times.back().duration};
}

}  // namespace

std::vector<std::int64_t> decoding_times(const std::vector<std::int64_t>& stored, const std::vector<FilmTime>& times) {
    const auto count = static_cast<std::int64_t>(stored.size());
    std::vector<std::int64_t> shown = stored;
    std::sort(shown.begin(), shown.end());
    std::int64_t delay = 0;  // frames that are decoded before they can be shown
    for (std::int64_t i = 0; i < count; ++i) {
        const auto rank =
            std::lower_bound(shown.begin(), shown.end(), stored[static_cast<std::size_t>(i)]) - shown.begin();
        delay = std::max(delay, i - rank);
    }
    const auto pts = [&](std::int64_t rank) {
        return times[static_cast<std::size_t>(shown[static_cast<std::size_t>(rank)])].pts;
    };
    std::vector<std::int64_t> decoding;
    // So much earlier than the first frame that MP4's sum of decoding steps, the last of which is that frame's
    // duration, is the time from the first frame's beginning to the last one's end: readers take it for that.
    const std::int64_t end = times.back().pts + times.back().duration;
    const std::int64_t early =
        delay == 0 ? 0 : end - pts(count - 1 - delay) - times[static_cast<std::size_t>(stored.back())].duration;
    for (std::int64_t i = 0; i < count; ++i) {
        decoding.push_back(i < delay ? pts(0) - early + i * early / delay : pts(i - delay));
    }
    return decoding;
}

void check_copies(const FilmSpec& spec, const AVCodecParameters& film, std::vector<std::string>& notes) {
    Mux mux(spec, film, spec.path);
    const CopySpan span = {.time_base = to_av(spec.time_base)};
    Copies(spec).add_to(mux.format(), spec.container, span, notes);
    mux.try_header();
}

void join_film(const FilmSpec& spec, const AVCodecParameters& film, const std::vector<FilmPart>& parts,
               const std::vector<FilmTime>& times, bool within, const std::string& target) {
    Mux mux(spec, film, target);
    const CopySpan span = span_of(spec, times, within);
    std::optional<Copies> copies;
    if (!spec.copied_from.empty()) {
        std::vector<std::string> said_already;
        copies.emplace(spec).add_to(mux.format(), spec.container, span, said_already);
    }
    mux.begin();
    FilmPackets packets(parts, times);
    const Owner<AVPacket> packet(made(av_packet_alloc()));
    const auto write_next = [&] {
        packets.next(*packet);
        const auto ticks = [&](std::int64_t at) {
            return av_rescale_q(at + span.shift, span.time_base, mux.film().time_base);
        };
        packet->duration = ticks(packet->pts + packet->duration) - ticks(packet->pts);
        packet->pts = ticks(packet->pts);
        packet->dts = ticks(packet->dts);
        packet->stream_index = mux.film().index;
        mux.write(*packet);
    };
    const Owner<AVPacket> copied(made(av_packet_alloc()));
    while (copies && copies->next(mux.format(), span, *copied)) {
        const AVRational base = mux.format().streams[copied->stream_index]->time_base;
        for (auto at = packets.decoded_at(); at && copied->dts != AV_NOPTS_VALUE &&
                                             av_compare_ts(*at + span.shift, span.time_base, copied->dts, base) <= 0;
             at = packets.decoded_at()) {
            write_next();
        }
        mux.write(*copied);
    }
    while (packets.decoded_at()) {
        write_next();
    }
    mux.end();
}

}  // namespace reverie::output
