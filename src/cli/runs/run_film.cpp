#include "cli/runs/run_film.h"

#include <ATen/ATen.h>

#include <limits>

#include "cli/runs/show.h"
#include "cli/runs/trained_run.h"
#include "reverie/image/picture.h"
#include "reverie/train/run_folder.h"
#include "train/run_records.h"

namespace reverie {
namespace {

class Film : public Program {
  public:
    explicit Film(const std::string& program) : run_{.program = program} {}

    std::string name() const override { return run_.program + " film"; }
    std::string description() const override { return "Shows how a training went: its previews, one after the other."; }
    std::string output_help() const override { return kMovingHelp; }
    std::string examples() const override {
        return "train --preview-every says how many steps lie between two frames.\n\n"
               "examples:\n  " +
               run_.program + " film run/ -o training.mp4\n  " + run_.program +
               " film run/ -o training.gif --fps 5 --scale 2\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        add_run(input, run_);
        reverie::add_flags(input, show_, /*moving=*/true);
    }

    int run(Session& session) override {
        const ShowAs how = check_output(session, /*moving=*/true);
        const std::filesystem::path run = run_path(run_);
        const std::vector<std::filesystem::path> files = preview_paths(run, std::numeric_limits<std::int64_t>::max());
        if (files.empty()) {
            throw Error(ErrorKind::Input, "'" + (run / kPreviewFolder).string() +
                                              "' holds no previews; pass the folder of a run that " + run_.program +
                                              " train made without --preview-every 0");
        }
        show(session, show_,
             {.count = static_cast<std::int64_t>(files.size()),
              .images = [&](std::int64_t first, std::int64_t count) { return frames(files, first, count); },
              .size = read_picture_size(files.front()),
              .settings = made_with(session, run)},
             how);
        return 0;
    }

  private:
    static Tensor frames(const std::vector<std::filesystem::path>& files, std::int64_t first, std::int64_t count) {
        std::vector<Tensor> frames;
        for (std::int64_t i = first; i < first + count; ++i) {
            const std::filesystem::path& file = files[static_cast<std::size_t>(i)];
            frames.push_back(load_image(file));
            if (frames.back().sizes() != frames.front().sizes()) {
                throw Error(ErrorKind::Input, "'" + file.string() + "' is " + text_of(size_of(frames.back())) +
                                                  " and the previews before it " + text_of(size_of(frames.front())) +
                                                  "; take it out of the folder");
            }
        }
        return at::stack(frames);
    }

    RunFlags run_;
    ShowFlags show_{.fps = 10.0};
};

}  // namespace

std::unique_ptr<Program> film_command(const std::string& program) { return std::make_unique<Film>(program); }

}  // namespace reverie
