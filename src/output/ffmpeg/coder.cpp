// A film's encoder chosen, its segments opened, and what it is joined to checked before any frame is made.
#include "output/ffmpeg/coder.h"

#include <utility>

#include "output/ffmpeg/encoder.h"
#include "output/ffmpeg/join.h"

namespace reverie::output {
namespace {

class Coder : public FilmCoder {
  public:
    explicit Coder(const FilmSpec& spec) {
        av_log_set_level(AV_LOG_QUIET);
        choose(spec);
        if (!spec.copied_from.empty()) {
            check_copies(spec, *parameters_, notes_);
        }
    }

    bool alpha() const override { return plan_.choice.alpha; }
    const std::vector<std::string>& notes() const override { return notes_; }
    std::unique_ptr<SegmentEncoder> open_segment() override { return output::open_segment(plan_); }

    void join(const std::vector<FilmPart>& parts, const std::vector<FilmTime>& times, bool within,
              const std::string& target) override {
        join_film(plan_.spec, *parameters_, parts, times, within, target);
    }

  private:
    /// The first that opens.
    void choose(const FilmSpec& spec) {
        const AVOutputFormat* format = av_guess_format(spec.container.c_str(), nullptr, nullptr);
        const bool global_header = format != nullptr && (format->flags & AVFMT_GLOBALHEADER) != 0;
        int code = 0;
        for (const Choice& choice : choices_for(spec)) {
            plan_ = plan_encoder(spec, choice, global_header);
            if (const Owner<AVCodecContext> context = open_encoder(plan_, code)) {
                parameters_.reset(made(avcodec_parameters_alloc()));
                if (avcodec_parameters_from_context(parameters_.get(), context.get()) < 0) {
                    throw std::bad_alloc();
                }
                take_notes(spec);
                return;
            }
        }
        throw FilmFault(ErrorKind::Output, "'" + spec.path + "' cannot be encoded at " + std::to_string(spec.width) +
                                               "x" + std::to_string(spec.height) + " (" + reason_of(code) +
                                               "); make the frames smaller or write a folder of PNGs");
    }

    void take_notes(const FilmSpec& spec) {
        const std::string path = "'" + spec.path + "' ";
        const Choice& choice = plan_.choice;
        const bool as_wished = spec.codec.empty() || spec.codec == choice.codec->name ||
                               spec.codec == choice.codec->encoder ||
                               (spec.codec == "hevc" && choice.codec->name == std::string("h265"));
        if (!as_wished) {
            notes_.push_back(path + "is encoded as " + choice.codec->name + " by " + choice.encoder->name +
                             ", because this machine's FFmpeg has no encoder that works for {--codec} " + spec.codec);
        }
        if (spec.alpha && !choice.alpha) {
            notes_.push_back(path + "cannot keep transparency as " + choice.codec->name +
                             ", so it is put on white; .webm, .mkv, .mov, .webp and folders of PNGs keep it");
        }
        const AVPixFmtDescriptor* pixels = av_pix_fmt_desc_get(choice.pixels);
        if (spec.bits > 8 && pixels != nullptr && pixels->comp[0].depth <= 8) {
            notes_.push_back(path + "has 8 bits a channel, because " + choice.encoder->name + " writes no more" +
                             (choice.alpha ? " with transparency" : ""));
        }
        if (plan_.width != spec.width || plan_.height != spec.height) {
            notes_.push_back(path + "is " + std::to_string(plan_.width) + "x" + std::to_string(plan_.height) +
                             ", because its codec wants even sides: the last row or column is repeated");
        }
    }

    EncoderPlan plan_;
    Owner<AVCodecParameters> parameters_;
    std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<FilmCoder> open_coder(const FilmSpec& spec) { return std::make_unique<Coder>(spec); }

}  // namespace reverie::output
