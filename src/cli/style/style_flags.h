// The flags of style transfer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/settings.h"
#include "reverie/techniques/style.h"

namespace CLI {
class App;
}

namespace reverie {

/// What a style's net is chosen from with --network auto, in order.
std::vector<std::string> style_networks();

/// What was given on the command line; the rest comes from the preset's recipe.
struct StyleFlags {
    std::vector<std::string> styles;
    std::vector<std::string> coarse;
    std::vector<std::string> fine;
    bool each_style = false;
    std::optional<double> style_scale;
    StylePreset preset = StylePreset::Reverie;
    std::optional<double> strength;

    std::optional<StyleStatistic> statistic;
    std::vector<std::string> style_layers;
    std::vector<std::string> content_layers;
    std::optional<double> content_weight;
    std::optional<double> style_weight;
    std::optional<double> palette;
    std::optional<double> tv;
    std::optional<Pooling> pooling;

    std::optional<StyleColor> color;
    bool only_color = false;
    std::vector<std::string> masks;
    std::filesystem::path protect;

    std::optional<std::int64_t> min_size;
    std::optional<std::int64_t> steps;
    std::optional<std::int64_t> first_steps;
    std::optional<std::int64_t> patience;
    std::optional<StyleOptimizer> optimizer;
    std::optional<double> step_size;
    std::optional<double> average;
    std::string init;  ///< a word or a file; empty: the recipe's

    std::int64_t preview_every = 0;
    std::filesystem::path trace;
    std::filesystem::path checkpoint;
    std::int64_t checkpoint_every = 20;
    bool resume = false;
};

/// The help shows the default preset's values.
void add_flags(CLI::App& app, StyleFlags& flags);

/// Throws Usage for flags that need or exclude each other.
void validate(const StyleFlags& flags);

/// What a preset, an optimizer or a number of steps brings along.
std::vector<Followers> style_followers();

/// The recipe of the preset with what was given put over it, checked. Throws Usage.
StyleOptions style_options(const StyleFlags& flags, std::uint64_t seed);

/// --init, where it is a file. Throws Usage for what is neither a word it knows nor a file.
std::optional<std::filesystem::path> init_file(const StyleFlags& flags);

/// Everything that shapes the pixels, by flag names, but for the pictures; --init's file by its name.
void put_down(Settings& settings, const StyleOptions& options, const StyleFlags& flags);

}  // namespace reverie
