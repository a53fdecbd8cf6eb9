#include "reverie/techniques/dream_target.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "nn/layer_weights.h"
#include "nn/taps.h"
#include "reverie/core/error.h"
#include "reverie/core/option_text.h"
#include "reverie/core/text.h"
#include "reverie/nn/graph.h"
#include "reverie/nn/imagenet_classes.h"

namespace reverie {
namespace {

using Kind = DreamTarget::Kind;

constexpr std::string_view kClass = "class:";

[[noreturn]] void refuse(const std::string& text, const std::string& what) {
    throw Error(ErrorKind::Usage, "{--layers} '" + text + "' " + what);
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

std::int64_t class_of(const std::string& text, const std::string& name) {
    if (const auto index = whole_number(name)) {
        return *index;
    }
    if (const auto index = imagenet_class(name)) {
        return *index;
    }
    const std::size_t parts = name.empty() ? 0 : find_imagenet_classes(name).size();
    refuse(text, "names no class; wanted a name of ImageNet's or its number, see {--list-classes}" +
                     (parts > 0 ? " " + name + ", which finds " + std::to_string(parts)
                                : did_you_mean(name, imagenet_classes())));
}

/// What stands behind the layer's colon.
void parse_part(DreamTarget& target, const std::string& text, std::string_view part) {
    const auto counted = [&](std::string_view word, Kind kind) {
        const auto number = part.starts_with(word) ? whole_number(part.substr(word.size())) : std::nullopt;
        if (number) {
            target.kind = kind;
            target.number = *number;
        }
        return number.has_value();
    };
    if (counted("top", Kind::Strongest) || counted("bottom", Kind::Weakest)) {
        if (target.number < 1) {
            refuse(text, "asks for no channel; wanted at least 1, as in " + target.tap + ":top5");
        }
        return;
    }
    const std::size_t at = part.find('@');
    const auto channel = whole_number(part.substr(0, at));
    const std::size_t comma = part.find(',', at);
    const bool is_neuron = at != std::string_view::npos;
    const bool placed = is_neuron && comma != std::string_view::npos &&
                        parse_value(std::string(part.substr(at + 1, comma - at - 1)), target.x) &&
                        parse_value(std::string(part.substr(comma + 1)), target.y);
    if (!channel || is_neuron != placed) {
        refuse(text,
               "is not understood; wanted LAYER, LAYER:CHANNEL, LAYER:CHANNEL@X,Y, LAYER:top5, LAYER:bottom5 or "
               "class:NAME, each with =WEIGHT behind it or not");
    }
    if (is_neuron && (target.x < 0.0 || target.x > 1.0 || target.y < 0.0 || target.y > 1.0)) {
        refuse(text,
               "lies outside the picture; X and Y are fractions of its width and height from the top left, 0 to 1");
    }
    target.kind = is_neuron ? Kind::Neuron : Kind::Channel;
    target.number = *channel;
}

void check_class(const Graph& graph, const DreamTarget& target) {
    const std::string text = dream_target_text(target);
    const std::optional<Tap> classifier = classifier_of(graph);
    if (!classifier) {
        refuse(text, "asks for a class, and " + graph.architecture +
                         " has no classifier here; take a net that has one, as {--network} efficientnet_lite0, or a "
                         "layer's channel");
    }
    if (target.number >= classifier->channels) {
        refuse(text, "is beyond the classes of " + graph.architecture + ", which are 0 to " +
                         std::to_string(classifier->channels - 1));
    }
    if (classifier->channels != static_cast<std::int64_t>(imagenet_classes().size()) && !whole_number(target.tap)) {
        refuse(text, "names a class, and the " + std::to_string(classifier->channels) + " classes of " +
                         graph.architecture + " have no names here; give its number");
    }
}

void check_layer(const Graph& graph, const DreamTarget& target) {
    const int node = find_tap(graph, target.tap);
    const std::int64_t channels = graph.nodes[static_cast<std::size_t>(node)].channels;
    const std::string text = dream_target_text(target);
    const bool counts = target.kind == Kind::Strongest || target.kind == Kind::Weakest;
    if (target.kind != Kind::Layer && (counts ? target.number > channels : target.number >= channels)) {
        refuse(text, counts ? "asks for more channels than the " + std::to_string(channels) + " of " + target.tap
                            : "names a channel that " + target.tap + " has not; its channels are 0 to " +
                                  std::to_string(channels - 1));
    }
    if (target.kind == Kind::Neuron) {
        if (const std::optional<Tap> tap = tap_at(graph, node); tap && tap->field == 0) {
            refuse(text, "names a place, and " + target.tap + " sees the whole picture at once; leave @X,Y out");
        }
    }
}

}  // namespace

std::vector<std::string> whole_targets(const std::vector<std::string>& texts) {
    std::vector<std::string> whole;
    bool lacks_y = false;
    for (const std::string& text : texts) {
        if (lacks_y) {
            whole.back() += "," + text;
        } else {
            whole.push_back(text);
        }
        const std::size_t at = whole.back().find('@');
        lacks_y = at != std::string::npos && whole.back().find(',', at) == std::string::npos;
    }
    return whole;
}

DreamTarget parse_dream_target(const std::string& text) {
    const std::size_t equals = text.rfind('=');
    const std::string name = text.substr(0, equals);
    DreamTarget target;
    if (equals != std::string::npos && !parse_value(text.substr(equals + 1), target.weight)) {
        refuse(text, "has no number as its weight; wanted one behind the =, as in block9.expand=0.5");
    }
    if (name.starts_with(kClass)) {
        target.kind = Kind::Class;
        target.tap = name.substr(kClass.size());
        target.number = class_of(text, target.tap);
        return target;
    }
    const std::size_t colon = name.find(':');
    target.tap = name.substr(0, colon);
    if (target.tap.empty()) {
        refuse(text, "names no layer; wanted one, as in block9.expand ({--list-layers} shows them all)");
    }
    if (colon != std::string::npos) {
        parse_part(target, text, std::string_view(name).substr(colon + 1));
    }
    return target;
}

std::string dream_target_text(const DreamTarget& target) {
    std::string text = target.kind == Kind::Class ? std::string(kClass) + target.tap : target.tap;
    const std::string number = std::to_string(target.number);
    switch (target.kind) {
        case Kind::Layer:
        case Kind::Class:
            break;
        case Kind::Channel:
            text += ":" + number;
            break;
        case Kind::Neuron:
            text += ":" + number + "@" + number_text(target.x) + "," + number_text(target.y);
            break;
        case Kind::Strongest:
            text += ":top" + number;
            break;
        case Kind::Weakest:
            text += ":bottom" + number;
            break;
    }
    return target.weight == 1.0 ? text : text + "=" + number_text(target.weight);
}

void check_targets(const Graph& graph, const std::vector<DreamTarget>& targets) {
    const auto identity = [&](const DreamTarget& target) {
        const int node = target.kind == Kind::Class ? -1 : find_tap(graph, target.tap);
        return std::make_tuple(node, target.kind, target.number, target.x, target.y);
    };
    for (auto target = targets.begin(); target != targets.end(); ++target) {
        target->kind == Kind::Class ? check_class(graph, *target) : check_layer(graph, *target);
        const auto same = std::find_if(targets.begin(), target,
                                       [&](const DreamTarget& other) { return identity(other) == identity(*target); });
        if (same != target) {
            refuse_twice("{--layers}", same->tap, target->tap,
                         (target->kind == Kind::Class ? "class of " : "layer of ") + graph.architecture);
        }
    }
}

}  // namespace reverie
