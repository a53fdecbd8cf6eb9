#include "nn/bind.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using Shape = std::vector<std::int64_t>;

/// What is wrong with a node's weights, in the words of a message.
struct WeightFaults {
    std::vector<std::string> missing;
    std::vector<std::string> mismatched;
    bool any() const { return !missing.empty() || !mismatched.empty(); }
};

WeightFaults faults_of(const Graph& graph, const Node& node, const StateDict& weights) {
    WeightFaults faults;
    for (const WeightShape& wanted : weights_of(graph, node)) {
        if (!weights.contains(wanted.name)) {
            faults.missing.push_back("'" + wanted.name + "'");
        } else if (const Shape& found = weights.info(wanted.name).shape; found != wanted.shape) {
            faults.mismatched.push_back("'" + wanted.name + "' is " + shape_text(found) + " instead of " +
                                        shape_text(wanted.shape));
        }
    }
    return faults;
}

std::vector<std::string> first_of(const std::vector<std::string>& all) {
    constexpr std::size_t kNamed = 3;
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(kNamed, all.size()))};
}

/// Its values, of which one that is no number would spread over the whole picture.
Tensor load_finite(const StateDict& weights, const std::string& name) {
    Tensor values = weights.load(name);
    // A sum is a number only if all are; one that overflows is looked at again.
    if (!std::isfinite(values.sum().item<float>()) && !at::isfinite(values).all().item<bool>()) {
        throw Error(ErrorKind::Weights, "'" + weights.path().string() + "' holds values that are not numbers in '" +
                                            weights.prefix() + name +
                                            "'; it comes from a training that went wrong, so get another file");
    }
    return values;
}

/// Uniform within 1/sqrt(fan in), as PyTorch begins its layers.
NodeWeights drawn_weights(const Graph& graph, const Node& node) {
    const std::int64_t in = graph.nodes[static_cast<std::size_t>(node.inputs.front())].channels / node.groups;
    const Shape shape = {node.channels, in, node.window.kernel_h, node.window.kernel_w};
    const double bound = 1.0 / std::sqrt(static_cast<double>(in * node.window.kernel_h * node.window.kernel_w));
    const auto drawn = [&](const char* part, const Shape& of) {
        return uniform_noise(*node.drawn_from, stream_of(node.weight_key + part), 0, 1, of)[0]
            .mul(2.0 * bound)
            .sub(bound);
    };
    return {.weight = drawn(".weight", shape), .bias = drawn(".bias", {node.channels})};
}

}  // namespace

StateDict arrays_of(const Graph& graph, const StateDict& weights) {
    const std::vector<WeightShape> wanted = weights_of(graph);
    if (wanted.empty()) {
        return weights;
    }
    const std::string& first = wanted.front().name;
    std::string best;
    const auto count_below = [&](const std::string& prefix) {
        return std::ranges::count_if(wanted,
                                     [&](const WeightShape& weight) { return weights.contains(prefix + weight.name); });
    };
    const auto is_mean = [](const std::string& prefix) { return prefix.find("ema") != std::string::npos; };
    auto most = count_below("");
    for (const std::string& name : weights.names()) {
        if (name.size() <= first.size() || !name.ends_with("." + first)) {
            continue;
        }
        const std::string prefix = name.substr(0, name.size() - first.size());
        const auto count = count_below(prefix);
        if (count > most || (count == most && !best.empty() && is_mean(prefix) && !is_mean(best))) {
            most = count;
            best = prefix;
        }
    }
    return weights.below(best);
}

std::vector<int> check_weights(const Graph& graph, const StateDict& weights) {
    std::vector<int> lacking;
    std::vector<std::string> missing;
    std::vector<std::string> mismatched;
    bool some_fit = false;           // some convolution does
    bool fits_behind_a_gap = false;  // one behind a node whose weights do not
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const Node& node = graph.nodes[i];
        const WeightFaults faults = faults_of(graph, node, weights);
        missing.insert(missing.end(), faults.missing.begin(), faults.missing.end());
        mismatched.insert(mismatched.end(), faults.mismatched.begin(), faults.mismatched.end());
        if (faults.any()) {
            lacking.push_back(static_cast<int>(i));
        } else if (node.op == Op::Convolution) {
            some_fit = true;
            fits_behind_a_gap = fits_behind_a_gap || !lacking.empty();
        }
    }
    if (lacking.empty() || (some_fit && !fits_behind_a_gap)) {
        return lacking;
    }
    std::vector<std::string> faults;
    if (!missing.empty()) {
        faults.push_back(std::to_string(missing.size()) + " tensor(s) are missing, first " + join(first_of(missing)));
    }
    if (!mismatched.empty()) {
        faults.push_back(std::to_string(mismatched.size()) + " have another shape, first " +
                         join(first_of(mismatched)));
    }
    throw Error(ErrorKind::Weights, "'" + weights.path().string() + "' does not hold the weights of " +
                                        graph.architecture + ": " + join(faults, "; ", "; ") +
                                        "; pass the network it belongs to with {--network}");
}

void require_weights(const Graph& graph, int node, const std::string& tap, const std::vector<int>& lacking,
                     const StateDict& weights) {
    if (lacking.empty()) {
        return;
    }
    std::vector<bool> needed(graph.nodes.size());
    needed[static_cast<std::size_t>(node)] = true;
    for (std::size_t i = needed.size(); i-- > 0;) {  // inputs come before what they feed
        for (const int input : graph.nodes[i].inputs) {
            needed[static_cast<std::size_t>(input)] = needed[static_cast<std::size_t>(input)] || needed[i];
        }
    }
    for (const int index : lacking) {
        if (!needed[static_cast<std::size_t>(index)]) {
            continue;
        }
        const WeightFaults faults = faults_of(graph, graph.nodes[static_cast<std::size_t>(index)], weights);
        throw Error(ErrorKind::Weights,
                    "'" + weights.path().string() + "' lacks what layer '" + tap + "' of " + graph.architecture +
                        " needs (" +
                        (faults.missing.empty() ? faults.mismatched.front() : faults.missing.front() + " is missing") +
                        "); choose a layer before it, or weights that were saved with it");
    }
}

NodeWeights bind_node(const Graph& graph, int index, const StateDict& weights) {
    const Node& node = graph.nodes[static_cast<std::size_t>(index)];
    if (node.drawn_from) {
        return drawn_weights(graph, node);
    }
    NodeWeights bound;
    bound.weight = load_finite(weights, node.weight_key + ".weight");
    if (node.norm_key.empty()) {
        bound.bias = load_finite(weights, node.weight_key + ".bias");
    } else {
        // y = (x - mean) / sqrt(var + eps) * gamma + beta, as a factor and a bias of the convolution; in double,
        // because variances of dead channels are tiny.
        const auto load = [&](const char* part) { return load_finite(weights, node.norm_key + part).to(at::kDouble); };
        const Tensor variance = load(".running_var") + node.norm_epsilon;
        if ((variance <= 0).any().item<bool>()) {
            throw Error(ErrorKind::Weights, "'" + weights.path().string() + "' holds negative variances in '" +
                                                weights.prefix() + node.norm_key +
                                                ".running_var'; it is damaged, so get another file");
        }
        const Tensor factor = load(".weight") / variance.sqrt();
        bound.bias = (load(".bias") - load(".running_mean") * factor).to(at::kFloat);
        bound.weight = (bound.weight.to(at::kDouble) * factor.view({-1, 1, 1, 1})).to(at::kFloat);
    }
    const bool reads_image = graph.nodes[static_cast<std::size_t>(node.inputs.front())].op == Op::Input;
    if (reads_image && graph.normalization.bgr) {
        bound.weight = bound.weight.flip({1});
    }
    bound.weight = bound.weight.contiguous();
    return bound;
}

}  // namespace reverie
