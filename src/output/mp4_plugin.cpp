// MP4 by FFmpeg: H.264 as every player and browser takes it (4:2:0, BT.709, index in front).
#include "output/mp4_plugin.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <array>
#include <stdexcept>
#include <string>

namespace reverie::output {
namespace {

[[noreturn]] void fail(int code) {
    std::array<char, 200> text{};
    av_strerror(code, text.data(), text.size());
    throw std::runtime_error(std::string("FFmpeg: ") + text.data());
}

int checked(int code) {
    if (code < 0) {
        fail(code);
    }
    return code;
}

template <typename T>
T* checked(T* object) {
    if (object == nullptr) {
        fail(AVERROR(ENOMEM));
    }
    return object;
}

struct Free {
    void operator()(AVCodecContext* context) const noexcept { avcodec_free_context(&context); }
    void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
    void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
    void operator()(SwsContext* scaler) const noexcept { sws_freeContext(scaler); }
    void operator()(AVFormatContext* format) const noexcept {
        avio_closep(&format->pb);
        avformat_free_context(format);
    }
};
template <typename T>
using Owner = std::unique_ptr<T, Free>;

/// x264 where FFmpeg has it, another H.264 otherwise, and MPEG-4 as the last resort.
const AVCodec* best_codec() {
    if (const AVCodec* codec = avcodec_find_encoder_by_name("libx264")) {
        return codec;
    }
    for (const AVCodecID id : {AV_CODEC_ID_H264, AV_CODEC_ID_MPEG4}) {
        if (const AVCodec* codec = avcodec_find_encoder(id)) {
            return codec;
        }
    }
    throw std::runtime_error("FFmpeg has no encoder for MP4");
}

class Encoder : public Mp4Encoder {
  public:
    Encoder(const char* path, int width, int height, double fps) {
        av_log_set_level(AV_LOG_QUIET);
        AVFormatContext* format = nullptr;
        checked(avformat_alloc_output_context2(&format, nullptr, "mp4", path));
        format_.reset(format);
        open_codec(width, height, fps);
        stream_ = checked(avformat_new_stream(format, nullptr));
        stream_->time_base = codec_->time_base;
        stream_->avg_frame_rate = codec_->framerate;
        checked(avcodec_parameters_from_context(stream_->codecpar, codec_.get()));
        open_frame();
        checked(avio_open(&format->pb, path, AVIO_FLAG_WRITE));
        AVDictionary* options = nullptr;
        av_dict_set(&options, "movflags", "faststart", 0);  // plays while it is still being loaded
        const int code = avformat_write_header(format, &options);
        av_dict_free(&options);
        checked(code);
        packet_.reset(checked(av_packet_alloc()));
    }

    void add(const std::uint8_t* pixels) override {
        checked(av_frame_make_writable(frame_.get()));
        const std::array<const std::uint8_t*, 1> planes = {pixels};
        const std::array<int, 1> strides = {3 * codec_->width};
        sws_scale(scaler_.get(), planes.data(), strides.data(), 0, codec_->height, frame_->data, frame_->linesize);
        frame_->pts = count_++;
        encode(frame_.get());
    }

    void finish() override {
        encode(nullptr);
        checked(av_write_trailer(format_.get()));
        checked(avio_closep(&format_->pb));
    }

  private:
    void open_codec(int width, int height, double fps) {
        const AVCodec* codec = best_codec();
        codec_.reset(checked(avcodec_alloc_context3(codec)));
        constexpr int kFinest = 60'000;  // of the frame rate's fraction; MPEG-4 ends at 65535
        codec_->width = width;
        codec_->height = height;
        codec_->framerate = av_d2q(fps, kFinest);
        codec_->time_base = av_inv_q(codec_->framerate);
        codec_->pix_fmt = AV_PIX_FMT_YUV420P;
        codec_->color_range = AVCOL_RANGE_MPEG;
        codec_->colorspace = AVCOL_SPC_BT709;
        codec_->color_primaries = AVCOL_PRI_BT709;
        codec_->color_trc = AVCOL_TRC_IEC61966_2_1;  // sRGB
        codec_->thread_count = 1;                    // the same bytes on every machine
        codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
        if (codec->id == AV_CODEC_ID_H264) {
            // Visually without loss, where the encoder knows this option.
            av_opt_set(codec_->priv_data, "crf", "17", 0);
            // x264 164's macroblock tree depends on what lay in memory before (seen once in 600 films of 50x40 pixels).
            av_opt_set(codec_->priv_data, "mbtree", "0", 0);
        } else {
            codec_->flags |= AV_CODEC_FLAG_QSCALE;
            codec_->global_quality = 2 * FF_QP2LAMBDA;
        }
        checked(avcodec_open2(codec_.get(), codec, nullptr));
    }

    void open_frame() {
        frame_.reset(checked(av_frame_alloc()));
        frame_->format = codec_->pix_fmt;
        frame_->width = codec_->width;
        frame_->height = codec_->height;
        checked(av_frame_get_buffer(frame_.get(), 0));
        scaler_.reset(checked(sws_getContext(
            codec_->width, codec_->height, AV_PIX_FMT_RGB24, codec_->width, codec_->height, codec_->pix_fmt,
            SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, nullptr, nullptr, nullptr)));
        const int* bt709 = sws_getCoefficients(SWS_CS_ITU709);
        constexpr int kOne = 1 << 16;
        sws_setColorspaceDetails(scaler_.get(), bt709, 1, bt709, 0, 0, kOne, kOne);
    }

    /// Without a frame: what the encoder holds back.
    void encode(const AVFrame* frame) {
        checked(avcodec_send_frame(codec_.get(), frame));
        for (;;) {
            const int code = avcodec_receive_packet(codec_.get(), packet_.get());
            if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
                return;
            }
            checked(code);
            packet_->duration = 1;
            packet_->stream_index = stream_->index;
            av_packet_rescale_ts(packet_.get(), codec_->time_base, stream_->time_base);
            checked(av_interleaved_write_frame(format_.get(), packet_.get()));
        }
    }

    Owner<AVFormatContext> format_;
    Owner<AVCodecContext> codec_;
    AVStream* stream_ = nullptr;
    Owner<AVFrame> frame_;
    Owner<AVPacket> packet_;
    Owner<SwsContext> scaler_;
    std::int64_t count_ = 0;
};

}  // namespace
}  // namespace reverie::output

extern "C" std::unique_ptr<reverie::output::Mp4Encoder> reverie_open_mp4(const char* path, int width, int height,
                                                                         double fps) {
    return std::make_unique<reverie::output::Encoder>(path, width, height, fps);
}
