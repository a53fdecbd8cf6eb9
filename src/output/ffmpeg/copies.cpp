#include "output/ffmpeg/copies.h"

extern "C" {
#include <libavutil/avstring.h>
}

#include <algorithm>
#include <cstring>

#include "output/ffmpeg/stream_info.h"
#include "reverie/core/text.h"

namespace reverie::output {
namespace {

struct Holder {
    const char* container;
    const char* extension;
};
constexpr std::array kHolders = {Holder{"matroska", ".mkv"}, Holder{"mp4", ".mp4"}, Holder{"mov", ".mov"},
                                 Holder{"webm", ".webm"}};

bool is_cover(const AVStream& stream) { return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0; }

bool is_copied_as_stream(const AVStream& stream) {
    const AVMediaType type = stream.codecpar->codec_type;
    return type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_SUBTITLE ||
           (type == AVMEDIA_TYPE_VIDEO && !is_cover(stream));
}

bool holds(const char* container, const AVStream& stream) {
    const AVOutputFormat* format = av_guess_format(container, nullptr, nullptr);
    return format != nullptr && avformat_query_codec(format, stream.codecpar->codec_id, FF_COMPLIANCE_NORMAL) != 0;
}

/// Tags that say how the source was stored, which is no longer true.
bool is_of_storage(const std::string& key) {
    static const std::array kKeys = {"major_brand", "minor_version", "compatible_brands", "encoder",
                                     "rotate",      "alpha_mode",    "DURATION",          "vendor_id"};
    return key.starts_with("_STATISTICS_") || key.starts_with("NUMBER_OF_") || key.starts_with("BPS") ||
           std::any_of(kKeys.begin(), kKeys.end(),
                       [&](const char* known) { return av_strcasecmp(known, key.c_str()) == 0; });
}

void copy_tags(const AVDictionary* from, AVDictionary** to) {
    const AVDictionaryEntry* entry = nullptr;
    while ((entry = av_dict_get(from, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
        if (!is_of_storage(entry->key)) {
            av_dict_set(to, entry->key, entry->value, 0);
        }
    }
}

void copy_chapters(const AVFormatContext& from, AVFormatContext& to, const CopySpan& span) {
    if (from.nb_chapters == 0) {
        return;
    }
    to.chapters = static_cast<AVChapter**>(made(av_calloc(from.nb_chapters, sizeof(AVChapter*))));
    for (unsigned i = 0; i < from.nb_chapters; ++i) {
        const AVChapter& chapter = *from.chapters[i];
        if (span.within && (av_compare_ts(chapter.start, chapter.time_base, span.end, span.time_base) >= 0 ||
                            av_compare_ts(chapter.end, chapter.time_base, span.first, span.time_base) <= 0)) {
            continue;
        }
        const auto ticks = [&](std::int64_t at) { return av_rescale_q(at, span.time_base, chapter.time_base); };
        auto* copy = static_cast<AVChapter*>(made(av_mallocz(sizeof(AVChapter))));
        copy->id = chapter.id;
        copy->time_base = chapter.time_base;
        copy->start = (span.within ? std::max(chapter.start, ticks(span.first)) : chapter.start) + ticks(span.shift);
        copy->end = (span.within ? std::min(chapter.end, ticks(span.end)) : chapter.end) + ticks(span.shift);
        av_dict_copy(&copy->metadata, chapter.metadata, 0);
        to.chapters[to.nb_chapters++] = copy;
    }
}

}  // namespace

Copies::Copies(const FilmSpec& spec)
    : path_(spec.path), source_(spec.copied_from), input_(open_input(spec.copied_from, false)) {
    film_ = find_film(*input_);
    places_.assign(input_->nb_streams, -1);
    last_.resize(input_->nb_streams);
}

void Copies::add_to(AVFormatContext& output, const std::string& container, const CopySpan& span,
                    std::vector<std::string>& notes) {
    std::vector<const AVStream*> homeless;
    std::vector<std::string> left_out;
    for (unsigned i = 0; i < input_->nb_streams; ++i) {
        AVStream& stream = *input_->streams[i];
        const bool attached = stream.codecpar->codec_type == AVMEDIA_TYPE_ATTACHMENT;
        if (&stream == film_) {
            stream.discard = AVDISCARD_ALL;
        } else if (is_copied_as_stream(stream) || (is_cover(stream) && (container == "mp4" || container == "mov"))) {
            if (holds(container.c_str(), stream)) {
                places_[i] = static_cast<int>(output.nb_streams);
                add_stream(output, stream);
            } else {
                homeless.push_back(&stream);
            }
        } else if ((attached || is_cover(stream)) && container == "matroska") {
            add_attachment(output, stream);
        } else {
            stream.discard = AVDISCARD_ALL;
            left_out.push_back(stream_text(stream));
        }
    }
    if (!homeless.empty()) {
        std::vector<std::string> better;
        for (const Holder& holder : kHolders) {
            if (std::all_of(homeless.begin(), homeless.end(),
                            [&](const AVStream* stream) { return holds(holder.container, *stream); })) {
                better.emplace_back(holder.extension);
            }
        }
        throw FilmFault(ErrorKind::Output,
                        "'" + path_ + "' cannot hold the " + stream_text(*homeless.front()) + " of '" + source_ +
                            "'; " +
                            (better.empty() ? "leave out what is copied"
                                            : "name it " + join(better, ", ", " or ") + ", which can hold it"));
    }
    if (!left_out.empty()) {
        notes.push_back("'" + path_ + "' has no place for what else is in '" + source_ +
                        "' and leaves it out: " + join(left_out));
    }
    copy_tags(input_->metadata, &output.metadata);
    copy_tags(film_ != nullptr ? film_->metadata : nullptr, &output.streams[0]->metadata);
    copy_chapters(*input_, output, span);
}

void Copies::add_stream(AVFormatContext& output, const AVStream& stream) {
    AVStream& copy = *made(avformat_new_stream(&output, nullptr));
    if (avcodec_parameters_copy(copy.codecpar, stream.codecpar) < 0) {
        throw std::bad_alloc();
    }
    copy.codecpar->codec_tag = 0;  // containers have their own
    copy.time_base = stream.time_base;
    copy.disposition = stream.disposition;
    copy.avg_frame_rate = stream.avg_frame_rate;
    copy.sample_aspect_ratio = stream.sample_aspect_ratio;
    for (int i = 0; i < stream.nb_side_data; ++i) {
        const AVPacketSideData& beside = stream.side_data[i];
        std::uint8_t* data = made(av_stream_new_side_data(&copy, beside.type, beside.size));
        std::memcpy(data, beside.data, beside.size);
    }
    copy_tags(stream.metadata, &copy.metadata);
}

/// Matroska keeps files beside its streams: fonts, and covers, whose picture then is the file.
void Copies::add_attachment(AVFormatContext& output, const AVStream& stream) {
    AVStream& copy = *made(avformat_new_stream(&output, nullptr));
    const bool cover = is_cover(stream);
    const std::uint8_t* bytes = cover ? stream.attached_pic.data : stream.codecpar->extradata;
    const int size = cover ? stream.attached_pic.size : stream.codecpar->extradata_size;
    copy.codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    copy.codecpar->codec_id = stream.codecpar->codec_id;
    copy.codecpar->extradata =
        static_cast<std::uint8_t*>(made(av_mallocz(static_cast<std::size_t>(size) + AV_INPUT_BUFFER_PADDING_SIZE)));
    std::memcpy(copy.codecpar->extradata, bytes, static_cast<std::size_t>(size));
    copy.codecpar->extradata_size = size;
    copy_tags(stream.metadata, &copy.metadata);
    if (cover) {
        const bool png = stream.codecpar->codec_id == AV_CODEC_ID_PNG;
        av_dict_set(&copy.metadata, "filename", png ? "cover.png" : "cover.jpg", 0);
        av_dict_set(&copy.metadata, "mimetype", png ? "image/png" : "image/jpeg", 0);
    }
}

bool Copies::next(AVFormatContext& output, const CopySpan& span, AVPacket& packet) {
    // A damaged end is the reader's to report.
    while (av_read_frame(input_.get(), &packet) >= 0) {
        const auto index = static_cast<std::size_t>(packet.stream_index);
        const AVStream& stream = *input_->streams[index];
        const std::int64_t start = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
        const bool outside = span.within && start != AV_NOPTS_VALUE && !is_cover(stream) &&
                             (av_compare_ts(start, stream.time_base, span.end, span.time_base) >= 0 ||
                              av_compare_ts(start, stream.time_base, span.first, span.time_base) < 0);
        // MP4's own filling of the time between subtitles, which its writer makes again.
        const bool filler = stream.codecpar->codec_id == AV_CODEC_ID_MOV_TEXT && packet.size == 2 &&
                            packet.data[0] == 0 && packet.data[1] == 0;
        if (index >= places_.size() || places_[index] < 0 || outside || filler) {
            av_packet_unref(&packet);
            continue;
        }
        if (is_cover(stream)) {  // of no time
            packet.pts = packet.dts = 0;
        }
        if (packet.dts == AV_NOPTS_VALUE) {
            packet.dts = packet.pts;
        }
        if (packet.pts == AV_NOPTS_VALUE) {
            packet.pts = packet.dts;
        }
        AVStream& place = *output.streams[places_[index]];
        av_packet_rescale_ts(&packet, stream.time_base, place.time_base);
        if (packet.dts != AV_NOPTS_VALUE && !is_cover(stream)) {
            std::int64_t shift = av_rescale_q(span.shift, span.time_base, place.time_base);
            const AVCodecParameters& parameters = *place.codecpar;
            const bool matroska = av_match_name("matroska", output.oformat->name) != 0 ||
                                  av_match_name("webm", output.oformat->name) != 0;
            if (matroska && parameters.initial_padding > 0 && parameters.sample_rate > 0) {
                // Readers take off again what a decoder swallows at the beginning; FFmpeg 5.1 does not add it.
                shift += av_rescale_q(parameters.initial_padding, {1, parameters.sample_rate}, place.time_base);
            }
            packet.pts += shift;
            packet.dts += shift;
            if (last_[index] && packet.dts <= *last_[index]) {  // muxers refuse what does not ascend
                packet.dts = *last_[index] + 1;
                packet.pts = std::max(packet.pts, packet.dts);
            }
            last_[index] = packet.dts;
        }
        packet.stream_index = place.index;
        packet.pos = -1;
        return true;
    }
    return false;
}

}  // namespace reverie::output
