// The flags of `styletransfer train` and `styletransfer add`, and what they mean.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/style/style_inputs.h"
#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/core/option_table.h"
#include "reverie/techniques/fast_style.h"
#include "reverie/train/run_folder.h"

namespace reverie {

inline constexpr const char* kStyleProgram = "styletransfer";

/// What was given on the command line.
struct FastStyleFlags {
    GivenOptions options;  ///< see fast_style_option_table
    std::vector<std::string> styles;
    std::string network = "auto";
    std::string content_network = "auto";
    std::filesystem::path init_from;
    std::string to;  ///< of `add`: the run or file that gets a style more
};

/// `adds`: those of `add`, which takes the net from what it adds to.
void add_flags(CLI::App& app, FastStyleFlags& flags, bool adds);

/// The styles named, none twice: the pictures' and folders' names without extension and ':' or '=', made different from
/// each other and from those in `taken`. Throws Usage when none is named.
std::vector<StyleInput> fast_style_inputs(const FastStyleFlags& flags);
std::vector<std::string> fast_style_names(const std::vector<StyleInput>& styles, std::vector<std::string> taken);

/// A trained net out of a run folder or file. Throws Input and Weights.
struct StyleNetFile {
    StyleNetWeights weights;
    std::map<std::string, std::string> notes;
};
StyleNetFile read_style_net(const std::filesystem::path& path);

/// All that decides the weights but for nets and pictures, by flag names.
RunOptions fast_style_identity(const FastStyleFlags& flags, const FastStyleOptions& options);

}  // namespace reverie
