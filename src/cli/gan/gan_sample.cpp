// gan sample
#include <optional>

#include "cli/gan/gan_commands.h"
#include "cli/gan/gan_run.h"
#include "cli/runs/ways.h"

namespace reverie {
namespace {

class Sample : public Program {
  public:
    std::string name() const override { return "gan sample"; }
    std::string description() const override { return "Makes new images."; }
    std::string output_help() const override { return kPicturesHelp; }
    bool may_share() const override { return true; }
    std::string examples() const override {
        return "examples:\n"
               "  gan sample run/ -o grid.png --seeds 1-100 --columns 10\n"
               "  gan sample run/ -o samples/ --count 1000 --truncation 0.8\n"
               "  gan sample run/ -o smiling.png --class smiling\n";
    }

    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        reverie::add_flags(input, show_, /*moving=*/false);
        FlagGroup what(app, "Samples");
        reverie::add_flags(what, latents_, "1-64");
        add_count_flag(what, count_);
        add_class_flag(what, run_);
    }

    int run(Session& session) override {
        validate(latents_);
        if (count_ && !latents_.file.empty()) {
            throw Error(ErrorKind::Usage, "--count and --latents both say which; leave one out");
        }
        const std::string seeds = seeds_text(latents_, count_);
        const ShowAs how = check_output(session, /*moving=*/false);
        seeds_of(latents_, seeds);
        const GanRun run(session, run_, latents_.truncation);
        const Latents latents = latents_of(run, latents_, seeds);
        Settings settings = run.made_with();
        add_settings(settings, latents_);
        Settings which;
        add_which_settings(which, latents_, seeds);
        show_latents(session, show_, run, latents, settings, how, which);
        return 0;
    }

  private:
    RunFlags run_{.program = "gan"};
    ShowFlags show_;
    GanLatentFlags latents_;
    std::optional<std::int64_t> count_;
};

}  // namespace

std::unique_ptr<Program> gan_sample_command() { return std::make_unique<Sample>(); }

}  // namespace reverie
