#include "output/ffmpeg/encoder.h"

#include <optional>
#include <utility>

#include "output/ffmpeg/pixels.h"
#include "output/ffmpeg/segment.h"

namespace reverie::output {
namespace {

/// What readers take for granted in formats that cannot say it.
int usual_matrix(std::int64_t height) {
    constexpr std::int64_t kLinesOfHd = 720;
    return height >= kLinesOfHd ? FilmColor::kBt709 : FilmColor::kBt601;
}

FilmColor stated(const FilmColor& wanted, AVPixelFormat pixels) {
    FilmColor color = wanted;
    if (is_plain_rgb(pixels)) {
        color.matrix = AVCOL_SPC_RGB;
        color.full_range = true;
    } else if (color.matrix == AVCOL_SPC_RGB) {  // a film of RGB becomes one of what every player expects
        color.matrix = AVCOL_SPC_BT709;
        color.full_range = false;
    }
    if (color.matrix == FilmColor::kNotStated) {
        color = {.matrix = AVCOL_SPC_BT709,
                 .primaries = AVCOL_PRI_BT709,
                 .transfer = AVCOL_TRC_IEC61966_2_1,  // sRGB
                 .full_range = wanted.full_range};
    }
    return color;
}

int even(std::int64_t side) { return static_cast<int>(side + side % 2); }

class Encoder : public SegmentEncoder {
  public:
    explicit Encoder(const EncoderPlan& plan) : path_(plan.spec.path) {
        int code = 0;
        context_ = open_encoder(plan, code);
        if (context_ == nullptr) {
            fail(code);
        }
        frame_ = make_frame(plan.choice.pixels, plan.width, plan.height);
        frame_->color_range = context_->color_range;
        frame_->colorspace = context_->colorspace;
        frame_->color_primaries = context_->color_primaries;
        frame_->color_trc = context_->color_trc;
        frame_->sample_aspect_ratio = context_->sample_aspect_ratio;
        pixels_.emplace(static_cast<int>(plan.spec.width), static_cast<int>(plan.spec.height),
                        plan.choice.alpha ? 4 : 3, *frame_, plan.color);
        packet_.reset(made(av_packet_alloc()));
    }

    void add(const std::uint16_t* samples, const Sink& sink) override {
        if (av_frame_make_writable(frame_.get()) < 0) {
            throw std::bad_alloc();
        }
        pixels_->write(samples, *frame_);
        frame_->pts = count_++;
        encode(frame_.get(), sink);
    }

    void finish(const Sink& sink) override { encode(nullptr, sink); }

  private:
    /// Without a frame: what the encoder holds back.
    void encode(const AVFrame* frame, const Sink& sink) {
        if (const int code = avcodec_send_frame(context_.get(), frame); code < 0) {
            fail(code);
        }
        for (;;) {
            const int code = avcodec_receive_packet(context_.get(), packet_.get());
            if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
                return;
            }
            if (code < 0) {
                fail(code);
            }
            write_packet(*packet_, sink);
            av_packet_unref(packet_.get());
        }
    }

    [[noreturn]] void fail(int code) const {
        throw FilmFault(ErrorKind::Output, "'" + path_ + "' could not be encoded (" + reason_of(code) +
                                               "); choose another {--codec} or make the frames smaller");
    }

    std::string path_;
    Owner<AVCodecContext> context_;
    Owner<AVFrame> frame_;
    Owner<AVPacket> packet_;
    std::optional<PixelWriter> pixels_;
    std::int64_t count_ = 0;
};

/// Uncompressed 4:4:4, a line of text before the film and before each frame.
class Y4m : public SegmentEncoder {
  public:
    explicit Y4m(const FilmSpec& spec)
        : spec_(spec),
          color_{.matrix = usual_matrix(spec.height), .full_range = spec.color.full_range && spec.color.matrix != 0},
          wide_(spec.bits > 8),
          frame_(make_frame(wide_ ? AV_PIX_FMT_YUV444P10LE : kPlanes8, static_cast<int>(spec.width),
                            static_cast<int>(spec.height))),
          pixels_(frame_->width, frame_->height, 3, *frame_, color_) {}

    void add(const std::uint16_t* samples, const Sink& sink) override {
        if (!std::exchange(begun_, true)) {
            put(sink, header());
        }
        put(sink, "FRAME\n");
        pixels_.write(samples, *frame_);
        const std::size_t row = static_cast<std::size_t>(frame_->width) * (wide_ ? 2 : 1);
        for (int plane = 0; plane < 3; ++plane) {
            for (int y = 0; y < frame_->height; ++y) {
                sink(std::as_bytes(
                    std::span(frame_->data[plane] + static_cast<std::ptrdiff_t>(y) * frame_->linesize[plane], row)));
            }
        }
    }

    void finish(const Sink&) override {}

  private:
    static constexpr AVPixelFormat kPlanes8 = AV_PIX_FMT_YUV444P;

    std::string header() const {
        const auto pair = [](Rational value) {
            return std::to_string(value.numerator) + ":" + std::to_string(value.denominator);
        };
        return "YUV4MPEG2 W" + std::to_string(spec_.width) + " H" + std::to_string(spec_.height) + " F" +
               pair(spec_.rate) + " Ip A" + pair(spec_.pixel_aspect) + (wide_ ? " C444p10 XYSCSS=444P10" : " C444") +
               " XCOLORRANGE=" + (color_.full_range ? "FULL" : "LIMITED") + "\n";
    }

    static void put(const Sink& sink, std::string_view text) {
        sink(std::as_bytes(std::span(text.data(), text.size())));
    }

    FilmSpec spec_;
    FilmColor color_;
    bool wide_;
    Owner<AVFrame> frame_;
    PixelWriter pixels_;
    bool begun_ = false;
};

}  // namespace

EncoderPlan plan_encoder(const FilmSpec& spec, const Choice& choice, bool global_header) {
    const bool padded = choice.codec->even && !is_plain_rgb(choice.pixels);
    FilmColor color = stated(spec.color, choice.pixels);
    if (choice.encoder->id == AV_CODEC_ID_VP8) {  // which knows no other
        color.matrix = AVCOL_SPC_BT470BG;
        color.full_range = false;
    }
    return {.spec = spec,
            .choice = choice,
            .color = color,
            .width = padded ? even(spec.width) : static_cast<int>(spec.width),
            .height = padded ? even(spec.height) : static_cast<int>(spec.height),
            .global_header = global_header};
}

Owner<AVCodecContext> open_encoder(const EncoderPlan& plan, int& code) {
    Owner<AVCodecContext> context(made(avcodec_alloc_context3(plan.choice.encoder)));
    context->width = plan.width;
    context->height = plan.height;
    // Frames are counted, and get their times when they are joined: encoders know neither all time bases nor variable
    // rates.
    constexpr int kFinest = 60'000;  // MPEG-4 ends at 65535
    av_reduce(&context->framerate.num, &context->framerate.den, plan.spec.rate.numerator, plan.spec.rate.denominator,
              kFinest);
    context->time_base = av_inv_q(context->framerate);
    context->pix_fmt = plan.choice.pixels;
    context->sample_aspect_ratio = to_av(plan.spec.pixel_aspect);
    context->color_range = plan.color.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    context->colorspace = static_cast<AVColorSpace>(plan.color.matrix);
    context->color_primaries = static_cast<AVColorPrimaries>(plan.color.primaries);
    context->color_trc = static_cast<AVColorTransferCharacteristic>(plan.color.transfer);
    if (plan.global_header) {
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }
    set_quality(*context, *plan.choice.codec, plan.spec.crf, plan.choice.alpha);
    code = avcodec_open2(context.get(), plan.choice.encoder, nullptr);
    return code < 0 ? nullptr : std::move(context);
}

std::unique_ptr<SegmentEncoder> open_segment(const EncoderPlan& plan) { return std::make_unique<Encoder>(plan); }

std::unique_ptr<SegmentEncoder> open_y4m(const FilmSpec& spec) { return std::make_unique<Y4m>(spec); }

}  // namespace reverie::output
