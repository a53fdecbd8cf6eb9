// vae interpolate and walk: ways through the latent space.
#include <ATen/ATen.h>

#include <optional>

#include "cli/runs/ways.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_run.h"
#include "cli/vae/vae_seeds.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

class Interpolate : public Program {
  public:
    std::string name() const override { return "vae interpolate"; }
    std::string description() const override { return "Morphs from image to image, or from seed to seed."; }
    std::string output_help() const override { return kMovingHelp; }
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
        reverie::add_flags(way, way_);
    }

    int run(Session& session) override {
        if (images_.empty() == seeds_.seeds.empty()) {
            throw Error(ErrorKind::Usage, images_.empty()
                                              ? "no points are given; name two images or more after RUN, or --seeds"
                                              : "images and --seeds are both given; leave one out");
        }
        const ShowAs how = check_output(session, /*moving=*/true);
        const VaeRun run(session, run_);
        const Latents keys = images_.empty() ? latents_of(session, run, seeds_, seeds_of(seeds_, ""))
                                             : run.latents_of(run.images(images_));
        const Latents way = way_between(keys, way_, how);
        Settings settings = run.made_with();
        add_settings(settings, way_, way);
        if (!seeds_.seeds.empty()) {
            settings.set("seeds", seeds_.seeds);
            add_settings(settings, seeds_);
        }
        show_way(session, show_, run, way, settings, how);
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
    std::vector<std::string> images_;
    ShowFlags show_;
    VaeSeedFlags seeds_;
    WayFlags way_;
};

class Walk : public Program {
  public:
    std::string name() const override { return "vae walk"; }
    std::string description() const override { return "Goes along one axis or direction of the latent space."; }
    std::string output_help() const override { return kMovingHelp; }
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
        add_frames_flag(way, frames_);
        add_class_flag(way, run_);
    }

    int run(Session& session) override {
        if (axis_.has_value() == !direction_.empty()) {
            throw Error(ErrorKind::Usage, direction_.empty() ? "no way is given; pass --axis N or --direction FILE"
                                                             : "--axis and --direction exclude each other; leave one "
                                                               "away");
        }
        const ShowAs how = check_output(session, /*moving=*/true);
        const std::int64_t frames = frames_of(frames_, how);
        const VaeRun run(session, run_);
        const std::int64_t dimensions = run.dimensions();
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
        show_way(session, show_, run, path, settings, how);
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
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
