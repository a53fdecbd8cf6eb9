#include <algorithm>
#include <array>
#include <bit>
#include <string_view>

#include "models/net_options.h"
#include "reverie/models/gan.h"

namespace reverie {
namespace {

constexpr std::int64_t kLatent = 64;
constexpr std::int64_t kWidth = 32;
constexpr std::int64_t kWidest = 4096;

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
}

GanNetOptions resolved(const GanNetOptions& options) {
    GanNetOptions all = options;
    const auto fill = [](std::int64_t& value, std::int64_t own) { value = value == 0 ? own : value; };
    const Published* preset = published(options.kind);
    fill(all.latent, preset != nullptr ? preset->latent : kLatent);
    fill(all.generator_width, preset != nullptr ? preset->width : kWidth);
    fill(all.discriminator_width, preset != nullptr ? preset->width : kWidth);
    all.spectral_norm = all.spectral_norm && preset == nullptr;
    return all;
}

std::map<std::string, std::string> to_metadata(const GanNetOptions& options) {
    const GanNetOptions all = resolved(options);
    const Published* preset = published(all.kind);
    return {
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
    };
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
    validate_notes(options);
    return options;
}

}  // namespace reverie
