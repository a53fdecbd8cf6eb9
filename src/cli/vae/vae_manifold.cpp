// vae manifold
#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <optional>

#include "cli/runs/show.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_run.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

constexpr std::int64_t kMostImages = 5000;  ///< that the axes are looked for in

class Manifold : public Program {
  public:
    std::string name() const override { return "vae manifold"; }
    std::string description() const override { return "A plane of the latent space as a grid of images."; }
    std::string output_help() const override { return kPicturesHelp; }
    std::string examples() const override {
        return "Two dimensions are shown as they are; of more, the two along which the images vary most.\n\n"
               "examples:\n"
               "  vae manifold run/ -o plane.png\n"
               "  vae manifold run/ -o plane.png --rows 12 --columns 18 --data faces/\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        add_file_flags(input, show_);
        FlagGroup plane(app, "Plane");
        const OptionRange some{.low = 1, .wanted = "1 or more"};
        plane.add("--rows", rows_, "N", "images from top to bottom", some);
        plane.add("--columns", show_.columns, "N", "images from left to right", some);
        plane.add("--span", span_, "SHARE", "of the images within the plane, each way",
                  OptionRange{std::numeric_limits<double>::min(), std::nextafter(1.0, 0.0), "above 0 and below 1"});
        plane.add("--data", data_, "DATA", "images whose two principal axes are taken, of more than two dimensions",
                  "the run's own");
        add_class_flag(plane, run_);
    }

    int run(Session& session) override {
        const ShowAs how = check_output(session, /*moving=*/false);
        const VaeRun run(session, run_);
        const std::int64_t dimensions = run.dimensions();
        if (dimensions < 2) {
            throw Error(ErrorKind::Usage, "'" + run.path().string() +
                                              "' has one latent dimension, and a plane needs two; see it with walk "
                                              "--axis 0");
        }
        Tensor center = at::zeros({dimensions});
        Tensor u = at::zeros({dimensions});
        Tensor v = at::zeros({dimensions});
        if (dimensions == 2) {
            u[0] = 1.0;
            v[1] = 1.0;
        } else {
            const PrincipalAxes axes =
                principal_axes(run.encode(run.training_images(data_).sample(kMostImages, 0)).mean);
            center = axes.mean;
            u = axes.axes[0] * axes.deviations[0];
            v = axes.axes[1] * axes.deviations[1];
        }
        Latents plane{
            manifold_latents(center, u, v, rows_, show_.columns, 0.5 - 0.5 * span_, 0.5 + 0.5 * span_), {}, {}};
        if (run.net().classes > 0) {
            plane.labels = at::full({plane.count()}, run.wanted_label().value_or(0), at::kLong);
        }
        Settings settings = run.made_with();
        settings.set("rows", rows_);
        settings.set("columns", show_.columns);
        settings.set("span", span_);
        show(session, show_,
             {.count = plane.count(),
              .images = [&](std::int64_t first, std::int64_t count) { return run.decode(plane, first, count); },
              .size = run.image_size(),
              .settings = settings},
             how);
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
    ShowFlags show_{.columns = 20};
    std::int64_t rows_ = 20;
    double span_ = 0.9;
    std::string data_;
};

}  // namespace

std::unique_ptr<Program> vae_manifold_command() { return std::make_unique<Manifold>(); }

}  // namespace reverie
