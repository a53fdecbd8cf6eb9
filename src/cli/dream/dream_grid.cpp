#include "cli/dream/dream_grid.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "reverie/core/error.h"
#include "reverie/core/pieces.h"
#include "reverie/core/text.h"
#include "reverie/output/grid.h"
#include "reverie/output/report.h"

namespace reverie {
namespace {

constexpr GridOptions kSheet = {.gap = 6};

/// '*' stands for any number of characters.
bool fits_pattern(std::string_view name, std::string_view pattern) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) {
        return name == pattern;
    }
    if (!name.starts_with(pattern.substr(0, star))) {
        return false;
    }
    const std::string_view rest = pattern.substr(star + 1);
    for (std::size_t at = star; at <= name.size(); ++at) {
        if (fits_pattern(name.substr(at), rest)) {
            return true;
        }
    }
    return false;
}

/// The shortest name a layer has.
std::string short_name(const Tap& tap) {
    std::string name = tap.name;
    for (const std::string& alias : tap.aliases) {
        name = alias.size() < name.size() ? alias : name;
    }
    return name;
}

struct ChannelRange {
    std::string layer;
    std::int64_t first, last;
};

/// "block9.expand:0-31" or "block9.expand:*"; nothing: another text.
std::optional<ChannelRange> channel_range(const Graph& graph, const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || text.starts_with("class:")) {
        return std::nullopt;
    }
    const std::string part = text.substr(colon + 1);
    const std::size_t dash = part.find('-', 1);
    ChannelRange range{text.substr(0, colon), 0, 0};
    if (part != "*" && (dash == std::string::npos || !parse_value(part.substr(0, dash), range.first) ||
                        !parse_value(part.substr(dash + 1), range.last))) {
        return std::nullopt;
    }
    const std::int64_t channels = graph.nodes[static_cast<std::size_t>(find_tap(graph, range.layer))].channels;
    if (part == "*") {
        range.last = channels - 1;
    } else if (range.first < 0 || range.last < range.first || range.last >= channels) {
        throw Error(ErrorKind::Usage, "--grid '" + text + "' is no range of channels; those of " + range.layer +
                                          " are 0 to " + std::to_string(channels - 1) + ", the lower one first");
    }
    return range;
}

std::vector<DreamTarget> targets_of(const Graph& graph, const std::string& text) {
    std::vector<DreamTarget> targets;
    if (const auto range = channel_range(graph, text)) {
        for (std::int64_t channel = range->first; channel <= range->last; ++channel) {
            targets.push_back({.tap = range->layer, .kind = DreamTarget::Kind::Channel, .number = channel});
        }
        return targets;
    }
    if (text != "layers" && text.find('*') == std::string::npos) {
        return {parse_dream_target(text)};
    }
    for (const Tap& tap : taps_of(graph)) {
        const bool named = fits_pattern(tap.name, text) || std::ranges::any_of(tap.aliases, [&](const auto& alias) {
                               return fits_pattern(alias, text);
                           });
        if (text == "layers" ? tap.field > 0 : named) {
            targets.push_back({.tap = short_name(tap)});
        }
    }
    if (targets.empty()) {
        throw Error(ErrorKind::Usage,
                    "--grid '" + text + "' fits no layer of " + graph.architecture + "; --list-layers shows them all");
    }
    return targets;
}

}  // namespace

std::vector<DreamTarget> grid_targets(const Graph& graph, const std::vector<std::string>& texts) {
    try {
        std::vector<DreamTarget> all;
        for (const std::string& text : whole_targets(texts)) {
            for (DreamTarget& target : targets_of(graph, text)) {
                if (std::ranges::find(all, target) == all.end()) {
                    check_targets(graph, {target});
                    all.push_back(std::move(target));
                }
            }
        }
        return all;
    } catch (const Error& error) {  // a target is told by the flag that it is typed behind
        std::string sentence = error.sentence();
        if (const std::size_t at = sentence.find("{--layers}"); at != std::string::npos) {
            sentence.replace(at, std::string_view("{--layers}").size(), "{--grid}");
        }
        throw Error(error.kind(), sentence);
    }
}

Size grid_sheet(Size picture, std::size_t targets) {
    const Size cell = captioned_size(picture);
    return grid_size(static_cast<std::int64_t>(targets), cell, kSheet);
}

PictureResult dream_grid(const DreamJob& job, FrozenNet& net, DreamOptions options,
                         const std::vector<DreamTarget>& targets, std::int64_t max_memory, const std::string& title,
                         const std::filesystem::path& page, const Hooks& hooks) {
    PictureResult result;
    std::vector<Tensor> cells;
    Report report{.title = title, .summary = "What " + net.architecture() + " dreams of each target alone."};
    for (std::size_t i = 0; i < targets.size() && !result.cancelled; ++i) {
        options.layers = {targets[i]};
        const std::string name = dream_target_text(targets[i]);
        Hooks part = hooks_of_part(hooks, static_cast<int>(i), static_cast<int>(targets.size()));
        part.on_preview = {};
        try {
            const DreamResult dreamt = dream(job, net, options, max_memory, part);
            result.steps += dreamt.steps;
            result.cancelled = dreamt.cancelled;
            if (dreamt.cancelled) {
                break;
            }
            cells.push_back(captioned(dreamt.image, name));
            report.pictures.push_back({name, dreamt.image});
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::Input) {
                throw;
            }
            hooks.warn(name + " is left out: " + error.sentence());
        }
    }
    if (cells.empty()) {
        if (result.cancelled) {
            result.image = job.photo;
            return result;
        }
        throw Error(ErrorKind::Input, "the picture is too small for every target of --grid; enlarge it with --size");
    }
    result.image = image_grid(at::stack(cells), kSheet);
    if (!page.empty() && !result.cancelled) {
        write_report(page, report);
    }
    return result;
}

}  // namespace reverie
