#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>

#include "models/net_options.h"
#include "reverie/core/text.h"
#include "reverie/models/gan.h"

namespace reverie {
namespace {

constexpr std::int64_t kLatent = 64;
constexpr std::int64_t kWidth = 32;
constexpr std::int64_t kWidest = 4096;
// Of a generator or discriminator of Sauer et al. on a CPU:
constexpr std::int64_t kFastganLatent = 256;
constexpr std::int64_t kFastganWidth = 32;
constexpr std::int64_t kEnoughProjected = 224;  // what the frozen net has learnt on
constexpr std::int64_t kProjectedUnit = 32;     // the frozen net halves its maps five times
constexpr std::int64_t kLeastProjected = 64;
constexpr std::int64_t kMostProjected = 1024;
constexpr std::array kGenerators = {std::pair{GanGeneratorKind::Dcgan, std::string_view("dcgan")},
                                    std::pair{GanGeneratorKind::Fastgan, std::string_view("fastgan")}};
constexpr std::array kDiscriminators = {std::pair{GanDiscriminatorKind::Own, std::string_view("own")},
                                        std::pair{GanDiscriminatorKind::Projected, std::string_view("projected")}};

template <typename Names, typename Kind>
std::string name_of(const Names& names, Kind kind) {
    return std::string(std::ranges::find(names, kind, [](const auto& one) { return one.first; })->second);
}

/// A published net: what it is called and the images it takes, in words and as flags.
struct Published {
    GanNetKind kind;
    std::string_view name;
    std::string_view images;
    std::string_view flags;
    std::int64_t latent;
    std::int64_t width;  ///< of both nets; 0: not to be chosen
};
constexpr std::array kPublished = {
    Published{GanNetKind::Chollet2, "chollet2e", "RGB images of 64x64", "{--size} 64x64 {--channels} 3", 128, 0},
    Published{GanNetKind::Chollet1, "chollet1e", "RGB images of 32x32", "{--size} 32x32 {--channels} 3", 32, 0},
    Published{GanNetKind::Pytorch, "pytorch", "grey or RGB images of 64x64 or 32x32", "{--size} 64x64 {--channels} 3",
              100, 64},
    Published{GanNetKind::PytorchCpp, "pytorch-cpp", "grey images of 28x28", "{--size} 28x28 {--channels} 1", 100, 0},
    Published{GanNetKind::KobaJon, "koba-jon", "square images of 64, 128, 256, ... pixels a side", "{--size} 64x64",
              512, 64},
};
constexpr std::string_view kOurs = "reverie";

const Published* published(GanNetKind kind) {
    const auto* found =
        std::find_if(kPublished.begin(), kPublished.end(), [&](const Published& one) { return one.kind == kind; });
    return found == kPublished.end() ? nullptr : found;
}

bool takes_images(const GanNetOptions& options) {
    const auto square = [&](std::int64_t side) { return options.size == Size{side, side}; };
    switch (options.kind) {
        case GanNetKind::Reverie:
            return true;
        case GanNetKind::Chollet2:
            return square(64) && options.channels == 3;
        case GanNetKind::Chollet1:
            return square(32) && options.channels == 3;
        case GanNetKind::Pytorch:
            return (square(64) || square(32)) && options.channels != 4;
        case GanNetKind::PytorchCpp:
            return square(28) && options.channels == 1;
        case GanNetKind::KobaJon:
            return square(options.size.width) && options.size.width >= 64 &&
                   std::has_single_bit(static_cast<std::uint64_t>(options.size.width));
    }
    return false;
}

void require_published(const GanNetOptions& options, const Published& preset) {
    const std::string name(preset.name);
    if (!takes_images(options)) {
        refuse_images(name, std::string(preset.images), std::string(preset.flags), options.size, options.channels);
    }
    require_as_published(name, {{"{--attention}", options.attention},
                                {"{--conditional}", options.classes},
                                {"{--minibatch-std}", options.minibatch_deviation ? 1 : 0}});
    if (preset.width == 0) {
        require_as_published(name,
                             {{"{--width}", options.generator_width}, {"{--width}", options.discriminator_width}});
    }
    require_as_published(name, {{"{--generator}", options.generator == GanGeneratorKind::Dcgan ? 0 : 1},
                                {"{--projected-size}", options.projected_side},
                                {"{--pixel-branch}", options.pixel_branch ? 1 : 0}});
}

void require_parts(const GanNetOptions& options) {
    const bool projected = options.discriminator == GanDiscriminatorKind::Projected;
    if (options.attention > 0 && (projected || options.generator == GanGeneratorKind::Fastgan)) {
        throw Error(ErrorKind::Usage, "{--attention} " + std::to_string(options.attention) +
                                          " is for the generator and the discriminator of a DCGAN, and one of these "
                                          "nets is none; leave it out");
    }
    if (!projected) {
        if (options.projected_side != 0 || options.pixel_branch) {
            throw Error(ErrorKind::Usage,
                        std::string(options.pixel_branch ? "{--pixel-branch}" : "{--projected-size}") +
                            " is for {--preset} projected alone; leave it out");
        }
        return;
    }
    if (options.minibatch_deviation) {
        throw Error(ErrorKind::Usage,
                    "{--minibatch-std} is not for {--preset} projected, whose discriminator looks at single features; "
                    "leave it out");
    }
    const std::int64_t side = options.projected_side;
    if (side != 0 && (side < kLeastProjected || side > kMostProjected || side % kProjectedUnit != 0)) {
        throw Error(ErrorKind::Usage, "{--projected-size} is " + std::to_string(side) + "; wanted a multiple of " +
                                          std::to_string(kProjectedUnit) + " from " + std::to_string(kLeastProjected) +
                                          " to " + std::to_string(kMostProjected));
    }
}

}  // namespace

void validate(const GanNetOptions& options) {
    require_images(options.size, options.channels);
    require_range("{--latent}", options.latent, 0, 65536);
    require_range("{--width}", options.generator_width, 0, kWidest);
    require_range("{--width}", options.discriminator_width, 0, kWidest);
    if (const Published* preset = published(options.kind)) {
        require_published(options, *preset);
        return;
    }
    require_range("{--attention}", options.attention, 0, std::min(options.size.height, options.size.width));
    require_range("the number of classes", options.classes, 0, 100'000);
    require_parts(options);
}

GanNetOptions resolved(const GanNetOptions& options) {
    GanNetOptions all = options;
    const auto fill = [](std::int64_t& value, std::int64_t own) { value = value == 0 ? own : value; };
    const Published* preset = published(options.kind);
    const bool fastgan = all.generator == GanGeneratorKind::Fastgan;
    fill(all.latent, preset != nullptr ? preset->latent : (fastgan ? kFastganLatent : kLatent));
    fill(all.generator_width, preset != nullptr ? preset->width : (fastgan ? kFastganWidth : kWidth));
    fill(all.discriminator_width, preset != nullptr ? preset->width : kWidth);
    all.spectral_norm = all.spectral_norm && preset == nullptr;
    if (all.discriminator == GanDiscriminatorKind::Projected) {
        const std::int64_t own = std::min(all.size.height, all.size.width) / kProjectedUnit * kProjectedUnit;
        fill(all.projected_side, std::clamp(own, kLeastProjected, kEnoughProjected));
    }
    return all;
}

GanGeneratorKind gan_generator_kind(const std::string& name) {
    const auto* found = std::ranges::find(kGenerators, name, [](const auto& one) { return one.second; });
    if (found == kGenerators.end()) {
        throw Error(ErrorKind::Usage, "there is no generator '" + name + "'" +
                                          did_you_mean(name, gan_generator_kinds()) + "; {--generator} takes " +
                                          join(gan_generator_kinds(), ", ", " or "));
    }
    return found->first;
}

std::string text_of(GanGeneratorKind kind) { return name_of(kGenerators, kind); }

std::vector<std::string> gan_generator_kinds() {
    std::vector<std::string> names;
    for (const auto& one : kGenerators) {
        names.emplace_back(one.second);
    }
    return names;
}

Size projected_size(const GanNetOptions& options) {
    const std::int64_t side = resolved(options).projected_side;
    const std::int64_t shorter = std::min(options.size.height, options.size.width);
    const auto shown = [&](std::int64_t own) {
        const double wanted = static_cast<double>(own * side) / static_cast<double>(shorter * kProjectedUnit);
        return kProjectedUnit * static_cast<std::int64_t>(std::lround(wanted));
    };
    return {shown(options.size.height), shown(options.size.width)};
}

std::map<std::string, std::string> to_metadata(const GanNetOptions& options) {
    const GanNetOptions all = resolved(options);
    const Published* preset = published(all.kind);
    std::map<std::string, std::string> notes = {
        {"net", std::string(preset != nullptr ? preset->name : kOurs)},
        {"height", std::to_string(all.size.height)},
        {"width", std::to_string(all.size.width)},
        {"channels", std::to_string(all.channels)},
        {"latent", std::to_string(all.latent)},
        {"generator_width", std::to_string(all.generator_width)},
        {"discriminator_width", std::to_string(all.discriminator_width)},
        {"classes", std::to_string(all.classes)},
        {"spectral_norm", all.spectral_norm ? "1" : "0"},
        {"attention", std::to_string(all.attention)},
        {"minibatch_deviation", all.minibatch_deviation ? "1" : "0"},
        {"generator", text_of(all.generator)},
        {"discriminator", name_of(kDiscriminators, all.discriminator)},
    };
    if (all.discriminator == GanDiscriminatorKind::Projected) {
        notes["projected_side"] = std::to_string(all.projected_side);
        notes["pixel_branch"] = all.pixel_branch ? "1" : "0";
    }
    return notes;
}

GanNetOptions gan_net_options(const std::map<std::string, std::string>& metadata) {
    const NetNotes notes(metadata, "gan");
    const std::string name = notes.net();
    GanNetOptions options;
    if (name != kOurs) {
        const auto* found =
            std::find_if(kPublished.begin(), kPublished.end(), [&](const Published& one) { return one.name == name; });
        if (found == kPublished.end()) {
            notes.refuse_net();
        }
        options.kind = found->kind;
    }
    options.size = {notes.number("height"), notes.number("width")};
    options.channels = notes.number("channels");
    options.latent = notes.number("latent");
    options.generator_width = notes.number("generator_width");
    options.discriminator_width = notes.number("discriminator_width");
    options.classes = notes.number("classes");
    options.spectral_norm = notes.number("spectral_norm") != 0;
    options.attention = notes.number("attention");
    options.minibatch_deviation = notes.number("minibatch_deviation") != 0;
    options.generator = notes.one_of("generator", kGenerators, options.generator);
    options.discriminator = notes.one_of("discriminator", kDiscriminators, options.discriminator);
    if (options.discriminator == GanDiscriminatorKind::Projected) {
        options.projected_side = notes.number("projected_side");
        options.pixel_branch = notes.number("pixel_branch") != 0;
    }
    validate_notes(options);
    return options;
}

}  // namespace reverie
