// vae sample
#include <optional>

#include "cli/show.h"
#include "cli/vae_commands.h"
#include "cli/vae_run.h"
#include "cli/vae_seeds.h"

namespace reverie {
namespace {

class Sample : public Program {
  public:
    std::string name() const override { return "vae sample"; }
    std::string description() const override { return "Makes new images."; }
    std::string output_help() const override {
        return "a picture (grid.png) or a folder of PNGs; - is a PNG on standard output";
    }
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
        what.add("--count", count_, "N", "seeds 1 to N");
        add_class_flag(what, run_);
        what.add("--data", seeds_.sampler.data, "DATA", "images to fit the mixture to", "the run's own; fitted once");
    }

    int run(Session& session) override {
        validate(show_);
        if (count_ && (!seeds_.seeds.empty() || *count_ < 1)) {
            throw Error(ErrorKind::Usage,
                        *count_ < 1 ? "--count " + std::to_string(*count_) + " is out of range; wanted 1 or more"
                                    : "--count and --seeds both say which; leave one away");
        }
        const ShowAs how = check_output(session, /*moving=*/false);
        const std::string wanted = count_ ? "1-" + std::to_string(*count_) : "1-64";
        const std::vector<std::uint64_t> seeds = seeds_of(seeds_, wanted);
        const VaeRun run(session, run_);
        const Latents latents = latents_of(session, run, seeds_, seeds);
        Settings settings = run.made_with();
        Settings which;
        which.set("seeds", seeds_.seeds.empty() ? wanted : seeds_.seeds);
        put_down(settings, seeds_);
        show(session, show_,
             {.count = latents.count(),
              .images = [&](std::int64_t first, std::int64_t count) { return run.decode(latents, first, count); },
              .names = latents.names,
              .settings = settings,
              .which = which},
             how);
        return 0;
    }

  private:
    VaeRunFlags run_;
    ShowFlags show_;
    SeedFlags seeds_;
    std::optional<std::int64_t> count_;
};

}  // namespace

std::unique_ptr<Program> vae_sample_command() { return std::make_unique<Sample>(); }

}  // namespace reverie
