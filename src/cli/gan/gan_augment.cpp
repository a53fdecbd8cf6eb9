// gan augment
#include <ATen/ATen.h>

#include <limits>

#include "cli/gan/gan_commands.h"
#include "cli/runs/image_list.h"
#include "cli/runs/show.h"
#include "reverie/cli/data_flags.h"
#include "reverie/output/grid.h"
#include "reverie/techniques/augment.h"

namespace reverie {
namespace {

constexpr std::uint64_t kStream = 0x73686565;

class Augment : public Program {
  public:
    std::string name() const override { return "gan augment"; }
    std::string description() const override {
        return "Shows what the discriminator sees of images that are augmented.";
    }
    std::string output_help() const override {
        return "a picture (sheet.png): rows of images, and below each what becomes of it; - is a PNG on standard "
               "output";
    }
    std::string examples() const override {
        return "examples:\n"
               "  gan augment faces/ -o sheet.png\n"
               "  gan augment faces/ -o sheet.png --augment color --augment-probability 0.5 --draws 5\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        input.add_positional("IMAGE", images_, kSourcesHelp);
        add_file_flags(input, show_);
        FlagGroup what(app, "Sheet");
        what.add("--augment", kinds_, "KINDS", "some of color,translation,cutout");
        what.add("--cutout", cutout_, "SHARE", "sides of what cutout takes away, as a share of the image's",
                 OptionRange{std::numeric_limits<double>::denorm_min(), 1.0, "a share above 0, up to 1"});
        what.add("--augment-probability", probability_, "P", "how often each happens to an image",
                 OptionRange{0.0, 1.0});
        what.add("--columns", show_.columns, "N", "images side by side", OptionRange{.low = 1, .wanted = "1 or more"});
        what.add("--draws", draws_, "N", "rows below an image, each another draw", OptionRange{1, 100});
        reverie::add_flags(app, data_);
    }

    int run(Session& session) override {
        if (images_.empty()) {
            throw Error(ErrorKind::Usage, "no images are given; name files, folders or tars (see --help)");
        }
        AugmentKinds kinds = augment_kinds(kinds_);
        kinds.cutout_side = cutout_;
        check_sheet_output(session);
        const std::uint64_t seed = session.common().runtime.seed;
        const ImageList images =
            open_images(session, images_, data_options(data_, session.environment())).sample(show_.columns, seed);
        const Tensor reals = images.read(0, images.count());
        std::vector<Tensor> rows = {reals};
        for (std::int64_t draw = 0; draw < draws_; ++draw) {
            const Tensor seen =
                augmented(reals * 2.0 - 1.0, kinds, at::full({}, probability_), seed, kStream, draw * images.count());
            rows.push_back((seen * 0.5 + 0.5).clamp(0.0, 1.0));
        }
        ShowFlags sheet = show_;
        sheet.columns = images.count();
        const Tensor all = interleave_rows(rows, sheet.columns);
        Settings settings;
        settings.set("program", session.program());
        settings.set("version", version());
        settings.set("augment", text_of(kinds));
        settings.set("cutout", cutout_);
        settings.set("augment-probability", probability_);
        settings.set("draws", draws_);
        show(session, sheet,
             {.count = all.size(0),
              .images = [&](std::int64_t first, std::int64_t count) { return all.narrow(0, first, count); },
              .size = size_of(all),
              .settings = settings},
             ShowAs::Picture);
        return 0;
    }

  private:
    std::vector<std::string> images_;
    ShowFlags show_{.columns = 8};
    DataFlags data_;
    std::string kinds_ = "color,translation,cutout";
    double cutout_ = AugmentKinds{}.cutout_side;
    double probability_ = 1.0;
    std::int64_t draws_ = 3;
};

}  // namespace

std::unique_ptr<Program> gan_augment_command() { return std::make_unique<Augment>(); }

}  // namespace reverie
