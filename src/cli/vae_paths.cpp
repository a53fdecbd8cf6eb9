// vae interpolate and walk: ways through the latent space.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "cli/show.h"
#include "cli/vae_commands.h"
#include "cli/vae_run.h"
#include "cli/vae_seeds.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

const Choices<Blend>& blends() {
    static const Choices<Blend> choices = {{"linear", Blend::Linear}, {"spherical", Blend::Spherical}};
    return choices;
}

/// --frames, or what suits a film or a picture.
std::int64_t frames_of(const std::optional<std::int64_t>& given, ShowAs how) {
    constexpr std::int64_t kFilm = 60;
    constexpr std::int64_t kPicture = 10;
    const std::int64_t frames = given.value_or(how == ShowAs::Picture ? kPicture : kFilm);
    if (frames < 2 || frames > 1'000'000) {
        throw Error(ErrorKind::Usage, "--frames " + std::to_string(frames) + " is out of range; wanted 2 to 1000000");
    }
    return frames;
}

/// A row of few images, a sheet of many.
std::int64_t strip_columns(std::int64_t frames) {
    constexpr std::int64_t kLongest = 12;
    return frames <= kLongest ? frames : 0;
}

void add_frames(FlagGroup& group, std::optional<std::int64_t>& frames) {
    group.add("--frames", frames, "N", "images on the way, both ends included", "60, of a picture 10");
}

class Interpolate : public Program {
  public:
    std::string name() const override { return "vae interpolate"; }
    std::string description() const override { return "Morphs from image to image, or from seed to seed."; }
    std::string output_help() const override {
        return "a film (.mp4 .gif .webp), a folder of PNGs or a picture (grid.png); - is a PNG on standard output";
    }
    std::string examples() const override {
        return "examples:\n"
               "  vae interpolate run/ ann.jpg bob.jpg cy.jpg -o morph.mp4 --frames 120 --loop\n"
               "  vae interpolate run/ --seeds 1-8 -o loop.gif --loop --blend spherical\n"
               "  vae interpolate run/ ann.jpg bob.jpg -o strip.png --frames 8\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_, kSourcesHelp);
        reverie::add_flags(input, show_, /*moving=*/true);
        FlagGroup way(app, "Way");
        reverie::add_flags(way, seeds_, "the images named");
        add_class_flag(way, run_);
        add_frames(way, frames_);
        way.add_choice("--blend", blend_, blends(),
                       "linear: straight from point to point; spherical: keeping the distance from the middle, which "
                       "suits seeds");
        way.add("--loop", loop_, "back to the first, so that a film has no seam");
    }

    int run(Session& session) override {
        validate(show_);
        if (images_.empty() == seeds_.seeds.empty()) {
            throw Error(ErrorKind::Usage, images_.empty()
                                              ? "no points are given; name two images or more after RUN, or --seeds"
                                              : "images and --seeds are both given; leave one away");
        }
        const ShowAs how = check_output(session, /*moving=*/true);
        const std::int64_t frames = frames_of(frames_, how);
        const VaeRun run(session, run_);
        const Latents keys = images_.empty() ? latents_of(session, run, seeds_, seeds_of(seeds_, ""))
                                             : run.latents_of(run.images(images_));
        if (keys.count() < 2) {
            throw Error(ErrorKind::Usage, "only one point is given, and a way needs two; name another image or seed");
        }
        const Latents path{latent_path(keys.values, frames, blend_, loop_), labels_on_the_way(keys, frames), {}};
        Settings settings = run.made_with();
        settings.set("frames", frames);
        settings.set("blend", choice_text(blends(), blend_));
        if (!seeds_.seeds.empty()) {
            settings.set("seeds", seeds_.seeds);
            put_down(settings, seeds_);
        }
        if (loop_) {
            settings.set("loop", "true");
        }
        show(session, show_,
             {.count = frames,
              .images = [&](std::int64_t first, std::int64_t count) { return run.decode(path, first, count); },
              .columns = strip_columns(frames),
              .settings = settings},
             how);
        return 0;
    }

  private:
    /// Each frame has the label of the nearest key.
    Tensor labels_on_the_way(const Latents& keys, std::int64_t frames) const {
        if (!keys.labels.defined()) {
            return {};
        }
        const double last = static_cast<double>(loop_ ? keys.count() : keys.count() - 1);
        const double parts = static_cast<double>(loop_ ? frames : frames - 1);
        Tensor labels = at::empty({frames}, at::kLong);
        for (std::int64_t i = 0; i < frames; ++i) {
            labels[i] = keys.labels[std::llround(static_cast<double>(i) * last / parts) % keys.count()];
        }
        return labels;
    }

    VaeRunFlags run_;
    std::vector<std::string> images_;
    ShowFlags show_;
    SeedFlags seeds_;
    std::optional<std::int64_t> frames_;
    Blend blend_ = Blend::Linear;
    bool loop_ = false;
};

class Walk : public Program {
  public:
    std::string name() const override { return "vae walk"; }
    std::string description() const override { return "Goes along one axis or direction of the latent space."; }
    std::string output_help() const override {
        return "a film (.mp4 .gif .webp), a folder of PNGs or a picture (strip.png); - is a PNG on standard output";
    }
    std::string examples() const override {
        return "examples:\n"
               "  vae walk run/ --axis 3 -o strip.png --frames 9\n"
               "  vae walk run/ --direction smile.safetensors --from-image ann.jpg -o smile.gif --range 1.5\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        reverie::add_flags(input, show_, /*moving=*/true);
        FlagGroup way(app, "Way");
        way.add("--axis", axis_, "N", "along dimension N of the latent space, from 0 on: it takes each value in turn");
        way.add("--direction", direction_, "FILE", "along what edit --save-direction wrote: multiples of it are added");
        way.add("--from-image", image_, "IMAGE", "where the other dimensions stand", "the latent of --seed");
        way.add("--range", range_, "X", "from -X to X");
        add_frames(way, frames_);
        add_class_flag(way, run_);
    }

    int run(Session& session) override {
        validate(show_);
        if (axis_.has_value() == !direction_.empty()) {
            throw Error(ErrorKind::Usage, direction_.empty() ? "no way is given; pass --axis N or --direction FILE"
                                                             : "--axis and --direction exclude each other; leave one "
                                                               "away");
        }
        const ShowAs how = check_output(session, /*moving=*/true);
        const std::int64_t frames = frames_of(frames_, how);
        const VaeRun run(session, run_);
        const std::int64_t dimensions = run.vae().dimensions();
        if (axis_ && (*axis_ < 0 || *axis_ >= dimensions)) {
            throw Error(ErrorKind::Usage, "--axis " + std::to_string(*axis_) + " is out of range; '" +
                                              run.path().string() + "' has dimensions 0 to " +
                                              std::to_string(dimensions - 1));
        }
        const Latents start = image_.empty() ? drawn_latents(session, run, {}, {session.common().runtime.seed}, 1.0)
                                             : run.latents_of(run.images({image_}));
        if (start.count() != 1) {
            throw Error(ErrorKind::Usage,
                        "--from-image '" + image_ + "' holds " + std::to_string(start.count()) + " images; name one");
        }
        Latents path{
            start.values.repeat({frames, 1}), start.labels.defined() ? start.labels.repeat({frames}) : Tensor(), {}};
        const Tensor positions = at::linspace(-range_, range_, frames, at::kDouble).to(at::kFloat);
        if (axis_) {
            path.values.select(1, *axis_).copy_(positions);
        } else {
            path.values += positions.unsqueeze(1) * read_direction(direction_, dimensions).vector.unsqueeze(0);
        }
        Settings settings = run.made_with();
        if (axis_) {
            settings.set("axis", *axis_);
        } else {
            settings.set("direction", last_part(direction_));
        }
        if (image_.empty()) {
            settings.set("seed", std::to_string(session.common().runtime.seed));
        } else {
            settings.set("from-image", last_part(image_));
        }
        settings.set("range", range_);
        settings.set("frames", frames);
        show(session, show_,
             {.count = frames,
              .images = [&](std::int64_t first, std::int64_t count) { return run.decode(path, first, count); },
              .columns = strip_columns(frames),
              .settings = settings},
             how);
        return 0;
    }

  private:
    VaeRunFlags run_;
    ShowFlags show_;
    std::optional<std::int64_t> axis_;
    std::string direction_;
    std::string image_;
    double range_ = 3.0;
    std::optional<std::int64_t> frames_;
};

}  // namespace

std::unique_ptr<Program> vae_interpolate_command() { return std::make_unique<Interpolate>(); }
std::unique_ptr<Program> vae_walk_command() { return std::make_unique<Walk>(); }

}  // namespace reverie
