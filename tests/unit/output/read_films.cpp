#include "read_films.h"

#include <ATen/ops/from_blob.h>
#include <gif_lib.h>
#include <webp/demux.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <stdexcept>
#include <string>

#include "reverie/core/files.h"

namespace reverie::test {
namespace {

Tensor from_bytes(const std::uint8_t* bytes, std::int64_t height, std::int64_t width, std::int64_t channels) {
    return at::from_blob(const_cast<std::uint8_t*>(bytes), {height, width, channels}, at::kByte)
        .permute({2, 0, 1})
        .to(at::kFloat)
        .div(255)
        .contiguous();
}

void expect(bool good, const char* what) {
    if (!good) {
        throw std::runtime_error(what);
    }
}

}  // namespace

ReadFilm read_gif(const std::filesystem::path& path) {
    GifFileType* gif = DGifOpenFileName(path.c_str(), nullptr);
    expect(gif != nullptr && DGifSlurp(gif) == GIF_OK, "giflib cannot read this");
    ReadFilm film;
    for (int i = 0; i < gif->ImageCount; ++i) {
        const SavedImage& image = gif->SavedImages[i];
        const GifImageDesc& place = image.ImageDesc;
        expect(place.ColorMap != nullptr && place.Width == gif->SWidth && place.Height == gif->SHeight,
               "a frame without its palette or of another size");
        std::vector<std::uint8_t> pixels;
        for (int p = 0; p < place.Width * place.Height; ++p) {
            const GifColorType& color = place.ColorMap->Colors[image.RasterBits[p]];
            pixels.insert(pixels.end(), {color.Red, color.Green, color.Blue});
        }
        film.frames.push_back(from_bytes(pixels.data(), place.Height, place.Width, 3));
        GraphicsControlBlock control;
        expect(DGifSavedExtensionToGCB(gif, i, &control) == GIF_OK, "a frame without a delay");
        film.seconds.push_back(control.DelayTime / 100.0);
        for (int e = 0; i == 0 && e < image.ExtensionBlockCount; ++e) {
            const ExtensionBlock& block = image.ExtensionBlocks[e];
            film.loops = film.loops || std::string(reinterpret_cast<const char*>(block.Bytes),
                                                   static_cast<std::size_t>(block.ByteCount)) == "NETSCAPE2.0";
        }
    }
    DGifCloseFile(gif, nullptr);
    return film;
}

ReadFilm read_webp(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    const WebPData data = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    WebPAnimDecoder* decoder = WebPAnimDecoderNew(&data, nullptr);
    expect(decoder != nullptr, "libwebp cannot read this");
    WebPAnimInfo info;
    WebPAnimDecoderGetInfo(decoder, &info);
    ReadFilm film;
    film.loops = info.loop_count == 0;
    int start = 0;
    while (WebPAnimDecoderHasMoreFrames(decoder) != 0) {
        std::uint8_t* pixels = nullptr;
        int end = 0;
        expect(WebPAnimDecoderGetNext(decoder, &pixels, &end) != 0, "libwebp cannot decode a frame");
        film.frames.push_back(from_bytes(pixels, info.canvas_height, info.canvas_width, 4));
        film.seconds.push_back((end - start) / 1000.0);
        start = end;
    }
    WebPAnimDecoderDelete(decoder);
    return film;
}

ReadFilm read_mp4(const std::filesystem::path& path) {
    AVFormatContext* format = nullptr;
    expect(avformat_open_input(&format, path.c_str(), nullptr, nullptr) == 0, "FFmpeg cannot open this");
    expect(avformat_find_stream_info(format, nullptr) >= 0 && format->nb_streams == 1, "one stream was expected");
    const AVStream* stream = format->streams[0];
    const AVCodec* codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext* context = avcodec_alloc_context3(codec);
    expect(avcodec_parameters_to_context(context, stream->codecpar) >= 0 && avcodec_open2(context, codec, nullptr) == 0,
           "FFmpeg has no decoder");
    AVPacket* packet = av_packet_alloc();
    AVFrame* frame = av_frame_alloc();
    ReadFilm film;
    const auto drain = [&] {
        while (avcodec_receive_frame(context, frame) == 0) {
            SwsContext* scaler = sws_getContext(frame->width, frame->height, static_cast<AVPixelFormat>(frame->format),
                                                frame->width, frame->height, AV_PIX_FMT_RGB24,
                                                SWS_BICUBIC | SWS_ACCURATE_RND, nullptr, nullptr, nullptr);
            const int* colors = sws_getCoefficients(frame->colorspace);  // as the file says
            sws_setColorspaceDetails(scaler, colors, 0, colors, 1, 0, 1 << 16, 1 << 16);
            // Room behind the last row: the scaler may write whole vectors.
            std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * frame->width * frame->height) + 64);
            std::uint8_t* planes[] = {pixels.data()};
            const int strides[] = {3 * frame->width};
            sws_scale(scaler, frame->data, frame->linesize, 0, frame->height, planes, strides);
            sws_freeContext(scaler);
            film.frames.push_back(from_bytes(pixels.data(), frame->height, frame->width, 3));
            film.seconds.push_back(static_cast<double>(frame->pkt_duration) * av_q2d(stream->time_base));
        }
    };
    while (av_read_frame(format, packet) == 0) {
        expect(avcodec_send_packet(context, packet) == 0, "FFmpeg cannot decode a packet");
        av_packet_unref(packet);
        drain();
    }
    avcodec_send_packet(context, nullptr);
    drain();
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    avformat_close_input(&format);
    return film;
}

}  // namespace reverie::test
