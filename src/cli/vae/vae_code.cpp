// vae reconstruct, encode and decode: images to latents and back.
#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "cli/runs/ways.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_run.h"
#include "core/json_text.h"
#include "reverie/cli/batch.h"
#include "reverie/core/text.h"
#include "reverie/output/grid.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

void require_images(const std::vector<std::string>& sources) {
    if (sources.empty()) {
        throw Error(ErrorKind::Usage, "no images are given; name files, folders or tars after RUN (see --help)");
    }
}

class Reconstruct : public Program {
  public:
    std::string name() const override { return "vae reconstruct"; }
    std::string description() const override {
        return "Images through the latent space and back: what the model keeps of them.";
    }
    std::string output_help() const override {
        return "a picture (originals above reconstructions) or a folder of PNGs; - is a PNG on standard output";
    }
    std::string examples() const override {
        return "examples:\n"
               "  vae reconstruct run/ photos/ -o rows.png --columns 8\n"
               "  vae reconstruct run/ faces.tar:smiling -o out/        out/NAME.png, without originals\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_, kSourcesHelp);
        add_class_flag(input, run_);
        reverie::add_flags(input, show_, /*moving=*/false);
    }

    int run(Session& session) override {
        require_images(images_);
        const ShowAs how = check_output(session, /*moving=*/false);
        const VaeRun run(session, run_);
        const ImageList images = run.images(images_);
        const Latents latents = run.latents_of(images);
        if (how == ShowAs::Folder) {
            show_latents(session, show_, run, latents, run.made_with(), how);
            return 0;
        }
        ShowFlags rows = show_;
        constexpr std::int64_t kColumns = 8;
        rows.columns = std::min(show_.columns > 0 ? show_.columns : kColumns, latents.count());
        const Tensor sheet =
            interleave_rows({images.read(0, images.count()), run.decode(latents, 0, latents.count())}, rows.columns);
        show(session, rows,
             {.count = sheet.size(0),
              .images = [&](std::int64_t first, std::int64_t count) { return sheet.narrow(0, first, count); },
              .size = size_of(sheet),
              .settings = run.made_with()},
             how);
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
    std::vector<std::string> images_;
    ShowFlags show_;
};

class Encode : public Program {
  public:
    std::string name() const override { return "vae encode"; }
    std::string description() const override { return "Images to latents, as NPY or CSV."; }
    std::string output_help() const override { return "the latents: .npy, or .csv with names"; }
    std::string examples() const override {
        return "The latent of an image is its posterior's mean. reconstruct gives what decode makes of it, to the "
               "bit.\n\n"
               "examples:\n"
               "  vae encode run/ photos/ -o latents.csv\n"
               "  vae encode run/ faces.tar -o latents.npy\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_, kSourcesHelp);
        add_class_flag(input, run_);
    }

    int run(Session& session) override {
        require_images(images_);
        const std::filesystem::path output = session.common().output;
        const std::string extension = output.extension().string();
        if (extension != ".npy" && extension != ".csv") {
            throw Error(ErrorKind::Usage, output.empty() ? "no output is named; pass -o latents.npy or -o latents.csv"
                                                         : "--output '" + output.string() +
                                                               "' is not a file of latents; wanted .npy or .csv");
        }
        refuse_existing(output, "--output", session.common().overwrite);
        if (const std::optional<Error> fault = writability_fault(output, "--output")) {
            throw Error(*fault);
        }
        const VaeRun run(session, run_);
        const ImageList images = run.images(images_);
        session.save_config(run.made_with());
        if (session.common().dry_run) {
            session.print(std::to_string(images.count()) + " latents of " + std::to_string(run.dimensions()) +
                          " numbers -> " + output.string());
            return 0;
        }
        const Latents latents = run.latents_of(images);
        const std::filesystem::path written =
            write_latents(output, latents.values, extension == ".csv" ? latents.names : std::vector<std::string>(),
                          replacing_for(session));
        say_where(session, output, written);
        if (session.common().json) {
            session.print(json_text(
                {{"output", written.string()}, {"latents", latents.count()}, {"dimensions", run.dimensions()}}));
        } else {
            session.print(path_word(written.string()));
        }
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
    std::vector<std::string> images_;
};

class Decode : public Program {
  public:
    std::string name() const override { return "vae decode"; }
    std::string description() const override { return "Latents to images."; }
    std::string output_help() const override { return kMovingHelp; }
    std::string examples() const override {
        return "examples:\n"
               "  vae decode run/ latents.npy -o grid.png\n"
               "  vae decode run/ path.csv -o film.mp4 --fps 25\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("LATENTS", latents_, "a file of them: .npy or .csv, a row each");
        add_class_flag(input, run_);
        reverie::add_flags(input, show_, /*moving=*/true);
    }

    int run(Session& session) override {
        if (latents_.empty()) {
            throw Error(ErrorKind::Usage, "no latents are given; name a .npy or .csv file after RUN");
        }
        const ShowAs how = check_output(session, /*moving=*/true);
        const VaeRun run(session, run_);
        const Latents latents = run.labelled(read_latents(latents_, run.dimensions()));
        show_latents(session, show_, run, latents, run.made_with(), how);
        return 0;
    }

  private:
    RunFlags run_{.program = "vae"};
    std::string latents_;
    ShowFlags show_;
};

}  // namespace

std::unique_ptr<Program> vae_reconstruct_command() { return std::make_unique<Reconstruct>(); }
std::unique_ptr<Program> vae_encode_command() { return std::make_unique<Encode>(); }
std::unique_ptr<Program> vae_decode_command() { return std::make_unique<Decode>(); }

}  // namespace reverie
