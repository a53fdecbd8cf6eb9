// gan interpolate
#include "cli/gan/gan_commands.h"
#include "cli/gan/gan_run.h"
#include "cli/runs/ways.h"

namespace reverie {
namespace {

class Interpolate : public Program {
  public:
    std::string name() const override { return "gan interpolate"; }
    std::string description() const override { return "Morphs from seed to seed."; }
    std::string output_help() const override { return kMovingHelp; }
    std::string examples() const override {
        return "examples:\n"
               "  gan interpolate run/ -o walk.gif --seeds 1-8 --loop\n"
               "  gan interpolate run/ -o walk.mp4 --seeds 3,17,40 --frames 240 --scale 4\n"
               "  gan interpolate run/ -o strip.png --seeds 1-2 --frames 8\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        reverie::add_flags(input, show_, /*moving=*/true);
        FlagGroup way(app, "Way");
        reverie::add_flags(way, latents_, kSeeds);
        add_class_flag(way, run_);
        reverie::add_flags(way, way_);
    }

    int run(Session& session) override {
        validate(latents_);
        const std::string seeds = latents_.seeds.empty() ? kSeeds : latents_.seeds;
        const ShowAs how = check_output(session, /*moving=*/true);
        seeds_of(latents_, seeds);
        const GanRun run(session, run_, latents_.truncation);
        const Latents way = way_between(latents_of(run, latents_, seeds), way_, how);
        Settings settings = run.made_with();
        add_which_settings(settings, latents_, seeds);
        add_settings(settings, latents_);
        add_settings(settings, way_, way);
        show_way(session, show_, run, way, settings, how);
        return 0;
    }

  private:
    static constexpr const char* kSeeds = "1-8";

    RunFlags run_{.program = "gan"};
    ShowFlags show_;
    GanLatentFlags latents_;
    WayFlags way_{.frames = {}, .blend = Blend::Spherical};
};

}  // namespace

std::unique_ptr<Program> gan_interpolate_command() { return std::make_unique<Interpolate>(); }

}  // namespace reverie
