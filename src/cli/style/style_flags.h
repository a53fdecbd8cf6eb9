// The flags of style transfer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/network_flags.h"
#include "reverie/cli/settings.h"
#include "reverie/core/option_table.h"
#include "reverie/techniques/style.h"

namespace CLI {
class App;
}

namespace reverie {

/// What a style's net is chosen from with --network auto, in order.
std::vector<std::string> style_networks();

/// The same for a second net that sees the content, of which there may be none.
std::vector<std::string> content_networks();

inline constexpr const char* kNoNetwork = "none";

/// What was given on the command line.
struct StyleFlags {
    GivenOptions options;  ///< what the preset's recipe leaves to flags: see style_option_table
    std::vector<std::string> styles;
    std::vector<std::string> coarse;
    std::vector<std::string> fine;
    bool each_style = false;
    bool only_color = false;
    std::vector<std::string> masks;
    std::filesystem::path protect;
    std::string content_network = "auto";  ///< a second net that sees the content
    std::string init;                      ///< a word or a file; empty: the recipe's
    std::string model;                     ///< as parse_model takes it; empty: pictures are optimised
    std::int64_t refine = 0;               ///< steps of optimisation after --model

    std::filesystem::path trace;
    std::filesystem::path checkpoint;
    std::int64_t checkpoint_every = 20;
    bool resume = false;
};

/// A net named by --content-network, as it is chosen by.
NetworkOptions content_network(const std::string& name);

/// The help shows the default preset's values.
void add_flags(CLI::App& app, StyleFlags& flags);

/// Throws Usage for flags that need or exclude each other.
void validate(const StyleFlags& flags);

/// Names of flags that speak of optimising a picture, and not of painting with a net.
std::vector<std::string> optimising_flags();

/// What a preset, an optimizer or a number of steps brings along.
std::vector<Followers> style_followers();

/// The recipe of the preset with what was given put over it, checked. Throws Usage.
StyleOptions style_options(const StyleFlags& flags, std::uint64_t seed);

/// --init, where it is a file. Throws Usage for what is neither a word it knows nor a file.
std::optional<std::filesystem::path> init_file(const StyleFlags& flags);

/// Everything that shapes the pixels, by flag names, but for the nets and the pictures; --init's file by its name.
/// `content_network`: the second net, of which nothing is said when there is none.
void add_settings(Settings& settings, const StyleOptions& options, const StyleFlags& flags,
                  const std::string& content_network);

}  // namespace reverie
