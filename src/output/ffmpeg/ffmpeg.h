// Owners and checks of FFmpeg's objects.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <array>
#include <memory>
#include <string>

#include "output/film_plugin.h"

namespace reverie::output {

inline std::string reason_of(int code) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(code, text.data(), text.size());
    return text.data();
}

/// An object that FFmpeg had no memory for.
template <typename T>
T* made(T* object) {
    if (object == nullptr) {
        throw std::bad_alloc();
    }
    return object;
}

struct Free {
    void operator()(AVCodecContext* context) const noexcept { avcodec_free_context(&context); }
    void operator()(AVCodecParameters* parameters) const noexcept { avcodec_parameters_free(&parameters); }
    void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
    void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
    void operator()(SwsContext* scaler) const noexcept { sws_freeContext(scaler); }
};
template <typename T>
using Owner = std::unique_ptr<T, Free>;

/// With room for its pixels.
inline Owner<AVFrame> make_frame(AVPixelFormat format, int width, int height) {
    Owner<AVFrame> frame(made(av_frame_alloc()));
    frame->format = format;
    frame->width = width;
    frame->height = height;
    if (av_frame_get_buffer(frame.get(), 0) < 0) {
        throw std::bad_alloc();
    }
    return frame;
}

/// Options by name, for calls that take some of them.
class Dictionary {
  public:
    Dictionary() = default;
    ~Dictionary() { av_dict_free(&entries_); }
    Dictionary(const Dictionary&) = delete;
    Dictionary& operator=(const Dictionary&) = delete;
    void set(const char* name, const std::string& value) { av_dict_set(&entries_, name, value.c_str(), 0); }
    AVDictionary** get() noexcept { return &entries_; }

  private:
    AVDictionary* entries_ = nullptr;
};

/// A film that is open for reading.
struct CloseInput {
    void operator()(AVFormatContext* format) const noexcept { avformat_close_input(&format); }
};
using Input = std::unique_ptr<AVFormatContext, CloseInput>;

/// Opened, its streams known; nothing that it names elsewhere is opened. Throws FilmFault.
Input open_input(const std::string& path, bool y4m);

/// The stream of pictures that move; nothing when there is none.
AVStream* find_film(AVFormatContext& format);

inline AVRational to_av(Rational value) {
    AVRational result;
    av_reduce(&result.num, &result.den, value.numerator, value.denominator, INT32_MAX);
    return result;
}
inline Rational from_av(AVRational value) { return value.den > 0 ? Rational{value.num, value.den} : Rational{0, 1}; }

}  // namespace reverie::output
