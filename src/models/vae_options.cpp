#include <algorithm>
#include <array>
#include <string_view>

#include "models/net_options.h"
#include "reverie/models/vae.h"

namespace reverie {
namespace {

/// A published net: what it is called and the only images it takes.
struct Published {
    VaeNetKind kind;
    std::string_view name;
    Size size;
    std::int64_t channels;
    std::int64_t latent;
};
constexpr std::array kPublished = {
    Published{VaeNetKind::Chollet, "chollet2e", {28, 28}, 1, 2},
    Published{VaeNetKind::Pytorch, "pytorch", {28, 28}, 1, 20},
    Published{VaeNetKind::Antixk, "antixk", {64, 64}, 3, 128},
};
constexpr std::string_view kOurs = "residual";

const Published* published(VaeNetKind kind) {
    for (const Published& one : kPublished) {
        if (one.kind == kind) {
            return &one;
        }
    }
    return nullptr;
}

void require_published(const VaeNetOptions& options, const Published& preset) {
    const std::string name(preset.name);
    if (options.size != preset.size || options.channels != preset.channels) {
        const std::string size = text_of(preset.size);
        refuse_images(name, channels_text(preset.channels) + " images of " + size,
                      "{--size} " + size + " {--channels} " + std::to_string(preset.channels), options.size,
                      options.channels);
    }
    require_as_published(name, {{"{--latent-grid}", options.latent_grid},
                                {"{--width}", options.width},
                                {"{--blocks}", options.blocks},
                                {"{--conditional}", options.classes}});
}

}  // namespace

void validate(const VaeNetOptions& options) {
    require_images(options.size, options.channels);
    require_range("{--latent}", options.latent, 0, 65536);
    if (const Published* preset = published(options.kind)) {
        require_published(options, *preset);
        return;
    }
    const std::int64_t shortest = std::min(options.size.height, options.size.width);
    require_range("{--latent-grid}", options.latent_grid, 0, shortest / 2);
    require_range("{--width}", options.width, 0, 4096);
    require_range("{--blocks}", options.blocks, 0, 64);
    require_range("the number of classes", options.classes, 0, 100'000);
}

VaeNetOptions resolved(const VaeNetOptions& options) {
    VaeNetOptions all = options;
    const auto fill = [](std::int64_t& value, std::int64_t own) { value = value == 0 ? own : value; };
    if (const Published* preset = published(options.kind)) {
        fill(all.latent, preset->latent);
        return all;
    }
    const bool small = std::min(options.size.height, options.size.width) < 48;
    fill(all.latent, options.latent_grid > 0 ? 8 : small ? 32 : 128);
    fill(all.width, 32);
    fill(all.blocks, 1);
    return all;
}

std::map<std::string, std::string> to_metadata(const VaeNetOptions& options) {
    const VaeNetOptions all = resolved(options);
    const Published* preset = published(all.kind);
    return {
        {"net", std::string(preset != nullptr ? preset->name : kOurs)},
        {"height", std::to_string(all.size.height)},
        {"width", std::to_string(all.size.width)},
        {"channels", std::to_string(all.channels)},
        {"latent", std::to_string(all.latent)},
        {"latent_grid", std::to_string(all.latent_grid)},
        {"stage_width", std::to_string(all.width)},
        {"blocks", std::to_string(all.blocks)},
        {"classes", std::to_string(all.classes)},
        {"logits", all.logits ? "1" : "0"},
    };
}

VaeNetOptions vae_net_options(const std::map<std::string, std::string>& metadata) {
    const NetNotes notes(metadata, "vae");
    const std::string name = notes.net();
    VaeNetOptions options;
    bool known = name == kOurs;
    for (const Published& one : kPublished) {
        if (name == one.name) {
            options.kind = one.kind;
            known = true;
        }
    }
    if (!known) {
        notes.refuse_net();
    }
    options.size = {notes.number("height"), notes.number("width")};
    options.channels = notes.number("channels");
    options.latent = notes.number("latent");
    options.latent_grid = notes.number("latent_grid");
    options.width = notes.number("stage_width");
    options.blocks = notes.number("blocks");
    options.classes = notes.number("classes");
    options.logits = notes.number("logits") != 0;
    validate_notes(options);
    return options;
}

}  // namespace reverie
