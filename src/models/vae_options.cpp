#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/models/vae.h"

namespace reverie {
namespace {

constexpr std::int64_t kLeastSide = 16;
constexpr std::int64_t kLargestSide = 4096;

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

std::string channels_text(std::int64_t channels) {
    return channels == 1 ? "grey" : channels == 3 ? "RGB" : std::to_string(channels) + "-channel";
}

void require_range(const char* flag, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least || value > most) {
        throw Error(ErrorKind::Usage, std::string(flag) + " is " + std::to_string(value) + "; wanted " +
                                          std::to_string(least) + " to " + std::to_string(most));
    }
}

void require_published(const VaeNetOptions& options, const Published& preset) {
    const std::string name = "--preset " + std::string(preset.name);
    if (options.size != preset.size || options.channels != preset.channels) {
        throw Error(ErrorKind::Usage, name + " is a net for " + channels_text(preset.channels) + " images of " +
                                          text_of(preset.size) + ", not for " + channels_text(options.channels) +
                                          " ones of " + text_of(options.size) + "; pass --size " +
                                          text_of(preset.size) + " --channels " + std::to_string(preset.channels) +
                                          ", or leave the preset out");
    }
    const std::pair<const char*, std::int64_t> others[] = {{"--latent-grid", options.latent_grid},
                                                           {"--width", options.width},
                                                           {"--blocks", options.blocks},
                                                           {"--conditional", options.classes}};
    for (const auto& [flag, value] : others) {
        if (value != 0) {
            throw Error(ErrorKind::Usage, std::string(flag) + " changes the net, and " + name +
                                              " stands for a published one; leave one of the two out");
        }
    }
}

std::int64_t number(const std::map<std::string, std::string>& metadata, const std::string& key) {
    const auto found = metadata.find(key);
    std::int64_t value = 0;
    if (found != metadata.end()) {
        const char* end = found->second.data() + found->second.size();
        const auto [stop, fault] = std::from_chars(found->second.data(), end, value);
        if (fault == std::errc() && stop == end) {
            return value;
        }
    }
    throw Error(ErrorKind::Input, "the weights' notes hold no number for '" + key +
                                      "', so they are no VAE's; pass a run folder or weights that `vae train` wrote");
}

}  // namespace

void validate(const VaeNetOptions& options) {
    require_range("--size: the width", options.size.width, kLeastSide, kLargestSide);
    require_range("--size: the height", options.size.height, kLeastSide, kLargestSide);
    if (options.channels != 1 && options.channels != 3 && options.channels != 4) {
        throw Error(ErrorKind::Usage,
                    "--channels is " + std::to_string(options.channels) + "; wanted 1 (grey), 3 (RGB) or 4 (RGBA)");
    }
    require_range("--latent", options.latent, 0, 65536);
    if (const Published* preset = published(options.kind)) {
        require_published(options, *preset);
        return;
    }
    const std::int64_t shortest = std::min(options.size.height, options.size.width);
    require_range("--latent-grid", options.latent_grid, 0, shortest / 2);
    require_range("--width", options.width, 0, 4096);
    require_range("--blocks", options.blocks, 0, 64);
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
    const auto net = metadata.find("net");
    const std::string name = net == metadata.end() ? "" : net->second;
    VaeNetOptions options;
    bool known = name == kOurs;
    for (const Published& one : kPublished) {
        if (name == one.name) {
            options.kind = one.kind;
            known = true;
        }
    }
    if (!known) {
        throw Error(ErrorKind::Input,
                    "the weights' notes name " + (name.empty() ? "no net" : "the net '" + name + "'") +
                        ", so they are no VAE's; pass a run folder or weights that `vae train` wrote");
    }
    options.size = {number(metadata, "height"), number(metadata, "width")};
    options.channels = number(metadata, "channels");
    options.latent = number(metadata, "latent");
    options.latent_grid = number(metadata, "latent_grid");
    options.width = number(metadata, "stage_width");
    options.blocks = number(metadata, "blocks");
    options.classes = number(metadata, "classes");
    options.logits = number(metadata, "logits") != 0;
    try {
        validate(options);
    } catch (const Error& error) {
        throw Error(ErrorKind::Input, std::string("the weights' notes describe a net that cannot be: ") + error.what());
    }
    return options;
}

}  // namespace reverie
