// vae edit
#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "cli/runs/show.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_directions.h"
#include "cli/vae/vae_run.h"
#include "cli/vae/vae_seeds.h"
#include "cli/vae/vae_swap.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace {

/// "0,1.5,40" -> forty strengths from 0 to 1.5. Throws Usage.
std::vector<double> parse_strengths(const std::string& text) {
    std::vector<double> numbers;
    const char* begin = text.data();
    const char* end = begin + text.size();
    bool good = true;
    while (good && begin <= end && numbers.size() < 4) {
        double number = 0.0;
        const auto result = std::from_chars(begin, end, number);
        good = result.ec == std::errc() && std::isfinite(number) && (result.ptr == end || *result.ptr == ',');
        numbers.push_back(number);
        begin = result.ptr + 1;
    }
    constexpr double kMost = 100'000.0;
    if (!good || numbers.size() != 3 || numbers[2] < 2.0 || numbers[2] > kMost ||
        numbers[2] != std::floor(numbers[2])) {
        throw Error(ErrorKind::Usage,
                    "--strengths '" + text +
                        "' is not a series; wanted the first, the last and how many (2 or more), e.g. "
                        "0,1.5,40");
    }
    std::vector<double> strengths;
    for (double i = 0.0; i < numbers[2]; i += 1.0) {
        strengths.push_back(numbers[0] + (numbers[1] - numbers[0]) * i / (numbers[2] - 1.0));
    }
    return strengths;
}

class Edit : public Program {
  public:
    std::string name() const override { return "vae edit"; }
    std::string description() const override {
        return "Gives images an attribute learnt from examples (a smile), or swaps faces.";
    }
    std::string output_help() const override {
        return "a picture, a folder of PNGs or a film (.mp4 .gif .webp); - is a PNG on standard output. Not needed "
               "where "
               "only --save-direction is wanted";
    }
    std::string examples() const override {
        return "examples:\n"
               "  vae edit run/ --attribute faces.tar:smiling --without faces.tar:neutral --save-direction "
               "smile.safetensors\n"
               "  vae edit run/ ann.jpg --direction smile.safetensors -o ann.png --strength 1.2\n"
               "  vae edit run/ ann.jpg bob.jpg --direction smile.safetensors -o strips.png --strengths=-1,2,7\n"
               "  vae edit run/ ann.jpg --direction smile.safetensors -o smile.gif --strengths 0,1.5,30 --back\n"
               "  vae edit run/ --swap ann.jpg bob.jpg -o swapped.png\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_, kSourcesHelp);
        reverie::add_flags(input, seeds_, "the images named");
        add_class_flag(input, run_);
        reverie::add_flags(input, show_, /*moving=*/true);
        reverie::add_flags(app, directions_);
        FlagGroup amount(app, "How much");
        amount.add("--strength", strength_, "X", "1: from the mean without the attribute to the mean with it", "1");
        amount.add("--strengths", strengths_, "FROM,TO,COUNT", "a series: a strip, or the frames of a film",
                   "a film goes from 0 to --strength in 40 frames");
        amount.add("--back", back_, "a film goes back again, so that it has no seam");
        reverie::add_flags(app, swap_);
    }

    int run(Session& session) override {
        if (wanted(swap_)) {
            if (!images_.empty() || !seeds_.seeds.empty() || !directions_.attribute.empty() ||
                !directions_.files.empty()) {
                throw Error(ErrorKind::Usage,
                            "--swap takes its two images alone; leave other images, --seeds and directions out");
            }
            run_swap(session, swap_, run_, show_);
            return 0;
        }
        validate(directions_, session.common().overwrite);
        if (strength_ && !strengths_.empty()) {
            throw Error(ErrorKind::Usage, "--strength and --strengths both say how much; leave one out");
        }
        const bool learns_only = images_.empty() && seeds_.seeds.empty() && !directions_.save.empty();
        if (learns_only) {
            edit_vector(session, directions_, VaeRun(session, run_));
            return 0;
        }
        if (images_.empty() == seeds_.seeds.empty()) {
            throw Error(ErrorKind::Usage, images_.empty()
                                              ? "nothing to edit is given; name images after RUN, or --seeds"
                                              : "images and --seeds are both given; leave one out");
        }
        edit(session);
        return 0;
    }

  private:
    std::vector<double> strengths_for(ShowAs how) const {
        const double strength = strength_.value_or(1.0);
        std::vector<double> strengths = {strength};
        if (!strengths_.empty()) {
            strengths = parse_strengths(strengths_);
        } else if (how == ShowAs::Film) {
            strengths = parse_strengths("0," + number_text(strength) + ",40");
        }
        if (back_ && how == ShowAs::Film) {
            for (std::size_t i = strengths.size() - 1; i-- > 1;) {
                strengths.push_back(strengths[i]);
            }
        }
        return strengths;
    }

    void edit(Session& session) {
        const ShowAs how = check_output(session, /*moving=*/true);
        const std::vector<double> strengths = strengths_for(how);
        const VaeRun run(session, run_);
        const Latents start = images_.empty() ? latents_of(session, run, seeds_, seeds_of(seeds_, ""))
                                              : run.latents_of(run.images(images_));
        const Tensor vector = edit_vector(session, directions_, run);
        Settings settings = run.made_with();
        add_settings(settings, directions_);
        if (!seeds_.seeds.empty()) {
            add_settings(settings, seeds_);
        }
        if (strengths_.empty()) {
            settings.set("strength", strength_.value_or(1.0));
        } else {
            settings.set("strengths", strengths_);
        }
        how == ShowAs::Film ? show_film(session, run, start, vector, strengths, settings)
                            : show_images(session, run, start, vector, strengths, settings, how);
    }

    /// A row an image, a column a strength.
    void show_images(Session& session, const VaeRun& run, const Latents& start, const Tensor& vector,
                     const std::vector<double>& strengths, const Settings& settings, ShowAs how) const {
        const auto columns = static_cast<std::int64_t>(strengths.size());
        Latents all;
        all.values = edited_latents(start.values, vector, strengths);
        if (start.labels.defined()) {
            all.labels = start.labels.repeat_interleave(columns);
        }
        for (const std::string& name : start.names) {
            for (const double strength : strengths) {
                all.names.push_back(columns == 1 ? name : bare_name(name) + "_" + number_text(strength));
            }
        }
        show(session, show_,
             {.count = all.count(),
              .images = [&](std::int64_t first, std::int64_t count) { return run.decode(all, first, count); },
              .size = run.image_size(),
              .names = all.names,
              .columns = columns == 1 ? 0 : columns,
              .settings = settings},
             how);
    }

    /// All images side by side in every frame.
    void show_film(Session& session, const VaeRun& run, const Latents& start, const Tensor& vector,
                   const std::vector<double>& strengths, const Settings& settings) const {
        const auto frame = [&](double strength) {
            const Latents edited{edited_latents(start.values, vector, {strength}), start.labels, {}};
            const Tensor images = run.decode(edited, 0, edited.count());
            return images.size(0) == 1 ? images[0] : image_grid(images, {.columns = show_.columns});
        };
        show(session, show_,
             {.count = static_cast<std::int64_t>(strengths.size()),
              .images =
                  [&](std::int64_t first, std::int64_t count) {
                      std::vector<Tensor> frames;
                      for (std::int64_t i = first; i < first + count; ++i) {
                          frames.push_back(frame(strengths[static_cast<std::size_t>(i)]));
                      }
                      return at::stack(frames);
                  },
              .size = start.count() == 1 ? run.image_size()
                                         : grid_size(start.count(), run.image_size(), {.columns = show_.columns}),
              .settings = settings},
             ShowAs::Film);
    }

    RunFlags run_{.program = "vae"};
    std::vector<std::string> images_;
    VaeSeedFlags seeds_;
    ShowFlags show_;
    DirectionFlags directions_;
    std::optional<double> strength_;
    std::string strengths_;
    bool back_ = false;
    SwapFlags swap_;
};

}  // namespace

std::unique_ptr<Program> vae_edit_command() { return std::make_unique<Edit>(); }

}  // namespace reverie
