// vae sample
#include <optional>

#include "cli/runs/show.h"
#include "cli/runs/ways.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_run.h"
#include "cli/vae/vae_seeds.h"

namespace reverie {
namespace {

class Sample : public Program {
  public:
    std::string name() const override { return "vae sample"; }
    std::string description() const override { return "Makes new images."; }
    std::string output_help() const override { return kPicturesHelp; }
    bool may_share() const override { return true; }
    std::string examples() const override {
        return "examples:\n"
               "  vae sample run/ -o grid.png --seeds 1-100 --columns 10\n"
               "  vae sample run/ -o samples/ --truncation 0.8\n"
               "  vae sample run/ -o smiling.png --class smiling\n";
    }

    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        reverie::add_flags(input, show_, /*moving=*/false);
        FlagGroup what(app, "Samples");
        reverie::add_flags(what, seeds_, "1-64");
        add_count_flag(what, count_);
        add_class_flag(what, run_);
        what.add("--data", seeds_.sampler.data, "DATA", "images to fit the mixture to", "the run's own; fitted once");
    }

    int run(Session& session) override {
        const std::string wanted = seeds_text(seeds_, count_);
        const ShowAs how = check_output(session, /*moving=*/false);
        const std::vector<std::uint64_t> seeds = seeds_of(seeds_, wanted);
        const VaeRun run(session, run_);
        const Latents latents = latents_of(session, run, seeds_, seeds);
        Settings settings = run.made_with();
        add_settings(settings, seeds_);
        Settings which;
        which.set("seeds", wanted);
        show_latents(session, show_, run, latents, settings, how, which);
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
    ShowFlags show_;
    VaeSeedFlags seeds_;
    std::optional<std::int64_t> count_;
};

}  // namespace

std::unique_ptr<Program> vae_sample_command() { return std::make_unique<Sample>(); }

}  // namespace reverie
