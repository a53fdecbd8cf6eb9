// What a dream amplifies, as it is typed: a layer, a channel, a neuron, the channels that answer most, a class.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reverie {

struct Graph;

struct DreamTarget {
    enum class Kind {
        Layer,      ///< "block9.expand": everything a layer says, its mean square
        Channel,    ///< "block9.expand:17": one channel everywhere, its mean before the activation
        Neuron,     ///< "block9.expand:17@0.3,0.5": one channel at one place of the picture
        Strongest,  ///< "block9.expand:top5": the channels that answer most to the picture as an octave begins
        Weakest,    ///< "block9.expand:bottom5": those that answer least
        Class,      ///< "class:goldfish", "class:1": an output of the net's classifier, before any softmax
    };
    std::string tap;      ///< any name the net knows; of a class: what was typed behind "class:"
    double weight = 1.0;  ///< relative to the other targets'; negative: quieten it
    Kind kind = Kind::Layer;
    std::int64_t number = 0;  ///< channel or class from 0; how many channels
    double x = 0.0, y = 0.0;  ///< of a neuron: fractions of width and height from the top left, 0 to 1
    bool operator==(const DreamTarget&) const = default;
};

/// "layer", "layer:channel", "layer:channel@x,y", "layer:top5", "layer:bottom5", "class:NAME", "class:INDEX", each with
/// "=WEIGHT" behind it or not. A class' name is one of imagenet_classes(). Throws Usage.
DreamTarget parse_dream_target(const std::string& text);

/// Lists may be written with commas, and so is a neuron's place: "block9:3@0.5" and "0.4=2" become one text again.
std::vector<std::string> whole_targets(const std::vector<std::string>& texts);

/// As it would be typed.
std::string dream_target_text(const DreamTarget& target);

/// Throws Usage for what the graph does not have: layers, channels, a classifier; and for one target named twice,
/// under two names of a layer too.
void check_targets(const Graph& graph, const std::vector<DreamTarget>& targets);

}  // namespace reverie
