#include "film_tools.h"

#include <ATen/ATen.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "reverie/image/picture.h"

namespace reverie::test {
namespace {

void expect(bool good, const std::string& what) {
    if (!good) {
        throw std::runtime_error(what);
    }
}

struct Reading {
    explicit Reading(const std::filesystem::path& path) {
        expect(avformat_open_input(&format, path.c_str(), nullptr, nullptr) == 0,
               "FFmpeg cannot open " + path.string());
        expect(avformat_find_stream_info(format, nullptr) >= 0, "no stream information");
    }
    ~Reading() { avformat_close_input(&format); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    AVFormatContext* format = nullptr;
};

struct Writing {
    explicit Writing(const std::filesystem::path& path) {
        expect(avformat_alloc_output_context2(&format, nullptr, nullptr, path.c_str()) >= 0, "no such container");
        format->flags |= AVFMT_FLAG_BITEXACT;
        expect(avio_open(&format->pb, path.c_str(), AVIO_FLAG_WRITE) >= 0, "cannot be opened");
    }
    ~Writing() {
        avio_closep(&format->pb);
        avformat_free_context(format);
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    AVStream* add() { return avformat_new_stream(format, nullptr); }
    AVFormatContext* format = nullptr;
};

std::string kind_of(const AVStream& stream) {
    if ((stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
        return "cover";
    }
    const char* name = av_get_media_type_string(stream.codecpar->codec_type);
    return name == nullptr ? "other" : name;
}

std::string tag(const AVDictionary* tags, const char* name) {
    const AVDictionaryEntry* entry = av_dict_get(tags, name, nullptr, 0);
    return entry == nullptr ? "" : entry->value;
}

using Packets = std::vector<AVPacket*>;

/// A second of a rising tone; times in the encoder's time base, shifted by `from`.
AVCodecContext* encode_sound(const std::string& name, double from, Packets& packets) {
    const AVCodec* codec = avcodec_find_encoder_by_name(name.c_str());
    expect(codec != nullptr, "no encoder " + name);
    AVCodecContext* context = avcodec_alloc_context3(codec);
    constexpr int kRate = 48'000;
    context->sample_rate = kRate;
    context->time_base = {1, kRate};
    context->sample_fmt = codec->sample_fmts[0];
    for (const AVSampleFormat* format = codec->sample_fmts; *format != AV_SAMPLE_FMT_NONE; ++format) {
        if (*format == AV_SAMPLE_FMT_FLT || *format == AV_SAMPLE_FMT_FLTP) {
            context->sample_fmt = *format;
        }
    }
    av_channel_layout_default(&context->ch_layout, 1);
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    expect(avcodec_open2(context, codec, nullptr) == 0, "sound encoder");
    AVFrame* frame = av_frame_alloc();
    frame->format = context->sample_fmt;
    frame->nb_samples = context->frame_size;
    frame->sample_rate = kRate;
    av_channel_layout_copy(&frame->ch_layout, &context->ch_layout);
    expect(av_frame_get_buffer(frame, 0) == 0, "sound frame");
    const auto drain = [&] {
        for (AVPacket* packet = av_packet_alloc();; packet = av_packet_alloc()) {
            if (avcodec_receive_packet(context, packet) < 0) {
                av_packet_free(&packet);
                return;
            }
            packet->pts += static_cast<std::int64_t>(std::llround(from * kRate));
            packet->dts = packet->pts;
            packets.push_back(packet);
        }
    };
    for (int at = 0; at < kRate; at += frame->nb_samples) {
        av_frame_make_writable(frame);
        auto* samples = reinterpret_cast<float*>(frame->data[0]);
        for (int i = 0; i < frame->nb_samples; ++i) {
            const double t = static_cast<double>(at + i) / kRate;
            samples[i] = static_cast<float>(0.5 * std::sin(2000 * t * (1 + t)));
        }
        frame->pts = at;
        expect(avcodec_send_frame(context, frame) == 0, "sound");
        drain();
    }
    avcodec_send_frame(context, nullptr);
    drain();
    av_frame_free(&frame);
    return context;
}

AVPacket* text_packet(const std::string& text, bool mov_text, std::int64_t pts, std::int64_t duration) {
    // mov_text begins with the length in two bytes.
    const std::string bytes = mov_text ? std::string{char(text.size() >> 8), char(text.size() & 255)} + text : text;
    AVPacket* packet = av_packet_alloc();
    expect(av_new_packet(packet, static_cast<int>(bytes.size())) == 0, "memory");
    std::memcpy(packet->data, bytes.data(), bytes.size());
    packet->pts = packet->dts = pts;
    packet->duration = duration;
    packet->flags = AV_PKT_FLAG_KEY;
    return packet;
}

void add_chapters(AVFormatContext* format) {
    constexpr int kCount = 2;
    format->chapters = static_cast<AVChapter**>(av_calloc(kCount, sizeof(AVChapter*)));
    for (int i = 0; i < kCount; ++i) {
        auto* chapter = static_cast<AVChapter*>(av_mallocz(sizeof(AVChapter)));
        chapter->id = i + 1;
        chapter->time_base = {1, 1000};
        chapter->start = 400 * i;
        chapter->end = 400 * (i + 1);
        av_dict_set(&chapter->metadata, "title", i == 0 ? "dawn" : "noon", 0);
        format->chapters[format->nb_chapters++] = chapter;
    }
}

}  // namespace

std::vector<std::string> TakenApart::of(const std::string& kind) const {
    std::vector<std::string> bytes;
    for (const Packet& packet : packets) {
        if (packet.kind == kind) {
            bytes.push_back(packet.bytes);
        }
    }
    return bytes;
}

double TakenApart::first_start(const std::string& kind) const {
    double first = 1e9;
    for (const Packet& packet : packets) {
        first = packet.kind == kind ? std::min(first, packet.start) : first;
    }
    return first;
}

TakenApart take_apart(const std::filesystem::path& path) {
    const Reading film(path);
    TakenApart parts;
    AVPacket* packet = av_packet_alloc();
    while (av_read_frame(film.format, packet) == 0) {
        const AVStream& stream = *film.format->streams[packet->stream_index];
        parts.packets.push_back(
            {.kind = kind_of(stream),
             .bytes = std::string(reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size)),
             .start = static_cast<double>(packet->pts) * av_q2d(stream.time_base),
             .pts = packet->pts,
             .dts = packet->dts,
             .duration = packet->duration});
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    for (unsigned i = 0; i < film.format->nb_chapters; ++i) {
        const AVChapter& chapter = *film.format->chapters[i];
        parts.chapters.push_back({tag(chapter.metadata, "title"),
                                  static_cast<double>(chapter.start) * av_q2d(chapter.time_base),
                                  static_cast<double>(chapter.end) * av_q2d(chapter.time_base)});
    }
    parts.title = tag(film.format->metadata, "title");
    return parts;
}

void add_extras(const std::filesystem::path& film, const std::filesystem::path& target, const Extras& extras) {
    const Reading source(film);
    Writing output(target);
    const AVStream* in = source.format->streams[0];
    AVStream* video = output.add();
    avcodec_parameters_copy(video->codecpar, in->codecpar);
    video->codecpar->codec_tag = 0;
    video->time_base = in->time_base;
    video->avg_frame_rate = in->avg_frame_rate;
    if (extras.turned != 0) {
        auto* matrix = reinterpret_cast<std::int32_t*>(
            av_stream_new_side_data(video, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(std::int32_t)));
        constexpr std::int32_t kOne = 1 << 16;
        const std::int32_t cosine = extras.turned == 180 ? -kOne : 0;
        const std::int32_t sine = extras.turned == 90 ? kOne : extras.turned == 270 ? -kOne : 0;
        // A stored (x, y) is shown at (x cos - y sin, x sin + y cos), y downwards: clockwise.
        const std::array<std::int32_t, 9> turn = {cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30};
        std::copy(turn.begin(), turn.end(), matrix);
    }
    Packets sound;
    AVStream* audio = nullptr;
    if (!extras.sound.empty()) {
        AVCodecContext* context = encode_sound(extras.sound, extras.sound_from, sound);
        audio = output.add();
        avcodec_parameters_from_context(audio->codecpar, context);
        audio->time_base = context->time_base;
        avcodec_free_context(&context);
    }
    AVStream* text = nullptr;
    if (!extras.subtitles.empty()) {
        text = output.add();
        text->codecpar->codec_type = AVMEDIA_TYPE_SUBTITLE;
        text->codecpar->codec_id = extras.subtitles == "subrip" ? AV_CODEC_ID_SUBRIP : AV_CODEC_ID_MOV_TEXT;
        text->time_base = {1, 1000};
        av_dict_set(&text->metadata, "language", "eng", 0);
    }
    AVStream* cover = nullptr;
    if (extras.cover) {
        cover = output.add();
        cover->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
        cover->codecpar->codec_id = AV_CODEC_ID_MJPEG;
        cover->codecpar->width = cover->codecpar->height = 32;
        cover->disposition = AV_DISPOSITION_ATTACHED_PIC;
        cover->time_base = {1, 90'000};
    }
    if (extras.chapters) {
        add_chapters(output.format);
    }
    if (!extras.title.empty()) {
        av_dict_set(&output.format->metadata, "title", extras.title.c_str(), 0);
    }
    const AVRational text_base{1, 1000};
    const AVRational sound_base{1, 48'000};
    expect(avformat_write_header(output.format, nullptr) >= 0, "header of " + target.string());
    const auto write = [&](AVPacket* packet, AVRational base, const AVStream* stream) {
        av_packet_rescale_ts(packet, base, stream->time_base);
        packet->stream_index = stream->index;
        expect(av_interleaved_write_frame(output.format, packet) >= 0, "packet");
    };
    if (cover != nullptr) {
        const std::vector<std::byte> jpeg = encode_picture({.color = soft_frame(0, 32, 32)}, PictureFormat::Jpeg);
        AVPacket* packet =
            text_packet(std::string(reinterpret_cast<const char*>(jpeg.data()), jpeg.size()), false, 0, 0);
        write(packet, {1, 90'000}, cover);
        av_packet_free(&packet);
    }
    for (AVPacket* packet : sound) {
        write(packet, sound_base, audio);
        av_packet_free(&packet);
    }
    if (text != nullptr) {
        for (const auto& [words, at] : {std::pair("It begins.", 100), std::pair("It goes on.", 500)}) {
            AVPacket* packet = text_packet(words, extras.subtitles == "mov_text", at, 300);
            write(packet, text_base, text);
            av_packet_free(&packet);
        }
    }
    AVPacket* packet = av_packet_alloc();
    while (av_read_frame(source.format, packet) == 0) {
        write(packet, in->time_base, video);
    }
    av_packet_free(&packet);
    expect(av_write_trailer(output.format) >= 0, "trailer");
}

void write_mjpeg(const std::filesystem::path& path, const std::vector<Tensor>& pictures) {
    Writing output(path);
    AVStream* stream = output.add();
    stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
    stream->codecpar->codec_id = AV_CODEC_ID_MJPEG;
    stream->codecpar->width = pictures.empty() ? 16 : static_cast<int>(pictures[0].size(2));
    stream->codecpar->height = pictures.empty() ? 16 : static_cast<int>(pictures[0].size(1));
    stream->time_base = {1, 10};
    stream->avg_frame_rate = {10, 1};
    expect(avformat_write_header(output.format, nullptr) >= 0, "header of " + path.string());
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        const std::vector<std::byte> jpeg = encode_picture({.color = pictures[i]}, PictureFormat::Jpeg);
        AVPacket* packet = text_packet(std::string(reinterpret_cast<const char*>(jpeg.data()), jpeg.size()), false,
                                       static_cast<std::int64_t>(i), 1);
        av_packet_rescale_ts(packet, {1, 10}, stream->time_base);
        expect(av_interleaved_write_frame(output.format, packet) >= 0, "packet");
        av_packet_free(&packet);
    }
    expect(av_write_trailer(output.format) >= 0, "trailer");
}

Tensor soft_frame(std::int64_t index, std::int64_t height, std::int64_t width, std::int64_t channels) {
    const Tensor across = at::linspace(0.05, 0.95, width).expand({height, width});
    const Tensor down = at::linspace(0.9, 0.1, height).unsqueeze(1).expand({height, width});
    const double level = 0.1 + 0.8 * static_cast<double>(index * 7 % 16) / 15;
    const Tensor flat = at::full({height, width}, level);
    return channels == 4 ? at::stack({across, down, flat, across * 0.5 + 0.25}) : at::stack({across, down, flat});
}

std::filesystem::path write_soft_film(const std::filesystem::path& path, Size size, const FilmWriteOptions& options,
                                      const std::vector<std::int64_t>& durations, std::int64_t first,
                                      std::int64_t channels) {
    FilmWriter film(path, options);
    for (std::size_t i = 0; i < durations.size(); ++i) {
        film.add(soft_frame(static_cast<std::int64_t>(i), size.height, size.width, channels), {first, durations[i]});
        first += durations[i];
    }
    return film.finish();
}

std::vector<FilmFrame> read_all(const std::filesystem::path& path) {
    FilmReader film(path);
    std::vector<FilmFrame> frames;
    while (std::optional<FilmFrame> frame = film.next()) {
        frames.push_back(*frame);
    }
    return frames;
}

double mean_error(const Tensor& a, const Tensor& b) { return (a - b).abs().mean().item<double>(); }

}  // namespace reverie::test
