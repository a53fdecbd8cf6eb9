#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/frame/toml.h"
#include "cli/style/checkpoint.h"
#include "fuzz/scratch.h"
#include "reverie/cli/flags.h"
#include "reverie/cli/settings.h"
#include "reverie/models/gan.h"
#include "reverie/models/vae.h"
#include "reverie/output/records.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/train/run_folder.h"
#include "reverie/weights/catalogue.h"
#include "weights/sealed_file.h"

namespace reverie::fuzz {
namespace {

namespace fs = std::filesystem;

/// A program of one flag of each kind, filled in from settings of unknown origin.
void fill_flags(const Settings& settings) {
    CLI::App app("fuzz", "fuzz");
    int steps = 1;
    std::uint64_t seed = 1;
    double rate = 1.0;
    bool quiet = false;
    std::string network;
    std::vector<std::string> layers;
    int way = 0;
    FlagGroup flags(app, "Flags");
    flags.add("--steps", steps, "N", "steps");
    flags.add("--seed", seed, "N", "seed");
    flags.add("--rate", rate, "X", "rate");
    flags.add("--quiet", quiet, "quiet");
    flags.add("--network", network, "NAME", "network");
    flags.add_list("--layers", layers, "NAMES", "layers");
    flags.add_choice("--way", way, Choices<int>{{"this", 1}, {"that", 2}}, "way");
    is_read({ErrorKind::Usage}, [&] { fill_in(app, settings, "settings", [](const std::string&) {}); });
    is_read({ErrorKind::Usage}, [&] { without_stale(settings, app, {{"network", {"layers", "rate"}}}); });
}

/// Settings as the notes that a program leaves in the weights it trained.
void read_notes(const Settings& settings) {
    std::map<std::string, std::string> notes;
    for (const Setting& setting : settings.all()) {
        notes[setting.name] = settings.value(setting.name);
    }
    is_read({ErrorKind::Input}, [&] { vae_net_options(notes); });
    is_read({ErrorKind::Input}, [&] { gan_net_options(notes); });
}

/// What is read is written, and comes back as it was.
void check_settings(const Settings& settings) {
    const std::string json = to_json(settings);
    Settings again;
    is_read({ErrorKind::Input}, [&] { again = settings_of({{kSettingsKey, json}}, "picture"); });
    require(to_json(again) == json, "settings that change when they are written and read");
    for (const Setting& setting : settings.all()) {
        const std::string line = "x = " + toml_value(setting.values, true);
        is_read({ErrorKind::Usage}, [&] { parse_toml(line, "written"); });
    }
    fill_flags(settings);
    read_notes(settings);
}

void read_text(const std::string& text) {
    Settings settings;
    if (is_read({ErrorKind::Usage}, [&] { settings = parse_toml(text, "config"); })) {
        check_settings(settings);
    }
    if (is_read({ErrorKind::Input}, [&] { settings = settings_of({{kSettingsKey, text}}, "picture"); })) {
        check_settings(settings);
    }
}

void read_files(Bytes bytes) {
    const fs::path path = put("file", bytes);
    is_read({ErrorKind::Input}, [&] {
        const std::vector<Record> records = read_json_lines(path);
        curves_of(records);
        write_csv(scratch_folder() / "metrics.csv", records);
    });
    is_read({ErrorKind::Weights}, [&] { read_catalogue(path); });
    for (const char* name : {"latents.csv", "latents.npy"}) {
        const fs::path latents = put(name, bytes);
        is_read({ErrorKind::Input}, [&] { read_latents(latents, 4); });
    }
    is_read({ErrorKind::Input, ErrorKind::Weights}, [&] { read_direction(path, 4); });
    is_read({ErrorKind::Usage}, [&] { read_config(path); });
    is_checkpoint(path);
    is_read({ErrorKind::Input}, [&] { read_checkpoint(path); });
}

/// Up to five texts with a zero between them: notes under a seal that fits, as no mutation would make them.
std::array<std::string, 5> pieces_of(std::string_view text) {
    std::array<std::string, 5> pieces;
    for (std::string& piece : pieces) {
        const std::size_t end = std::min(text.find('\0'), text.size());
        piece = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return pieces;
}

void read_checkpoints(const std::array<std::string, 5>& notes) {
    const std::map<std::string, Tensor> tensors = {{"a", at::ones({2})}};
    const fs::path style = scratch_folder() / "style.safetensors";
    is_read({ErrorKind::Output}, [&] {
        write_sealed(style, {tensors,
                             {{"format", "reverie checkpoint 1"},
                              {"output", notes[0]},
                              {"settings", notes[1]},
                              {"state", notes[2]},
                              {"max-memory", notes[3]},
                              {"traced", notes[4]}}});
        is_read({ErrorKind::Input}, [&] {
            const Checkpoint checkpoint = read_checkpoint(style);
            is_of(checkpoint, "out.png");
            check_settings(checkpoint.identity);
            is_read({ErrorKind::Usage}, [&] { require_same(checkpoint, checkpoint.identity, style); });
        });
    });
    const fs::path folder = scratch_folder() / "run";
    fs::create_directories(folder);
    is_read({ErrorKind::Output}, [&] {
        write_sealed(
            folder / "checkpoint.safetensors",
            {tensors, {{"format", "reverie run 1"}, {"program", "vae"}, {"options", notes[1]}, {"state", notes[2]}}});
        put("run/options.toml", bytes_of(notes[0]));
        is_read({ErrorKind::Input, ErrorKind::Usage}, [&] {
            const RunFolder run = RunFolder::resume(folder, {"vae", {{"batch", "4"}}, {}});
            run.load([](const std::string&) {});
        });
    });
}

}  // namespace

void runs(Bytes bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    read_text(text);
    read_files(bytes);
    if (text.find('\0') != std::string::npos || text.starts_with('"')) {
        read_checkpoints(pieces_of(text));
    }
}

}  // namespace reverie::fuzz
