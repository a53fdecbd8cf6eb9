#include "nn/bind.h"

#include <ATen/ATen.h>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using Shape = std::vector<std::int64_t>;

std::string text_of(const Shape& shape) {
    std::vector<std::string> sides;
    for (const std::int64_t side : shape) {
        sides.push_back(std::to_string(side));
    }
    return "[" + join(sides, ",", ",") + "]";
}

}  // namespace

void check_weights(const Graph& graph, const StateDict& weights) {
    constexpr std::size_t kNamed = 3;
    std::vector<std::string> missing;
    std::vector<std::string> mismatched;
    std::size_t missing_count = 0;
    std::size_t mismatched_count = 0;
    for (const Node& node : graph.nodes) {
        if (node.op == Op::Linear && !weights.contains(node.weight_key + ".weight")) {
            continue;  // a file without its classifier still gives every feature; bind_node says so if it is asked for
        }
        for (const WeightShape& wanted : weights_of(graph, node)) {
            if (!weights.contains(wanted.name)) {
                if (++missing_count <= kNamed) {
                    missing.push_back("'" + wanted.name + "'");
                }
            } else if (const Shape& found = weights.info(wanted.name).shape; found != wanted.shape) {
                if (++mismatched_count <= kNamed) {
                    mismatched.push_back("'" + wanted.name + "' is " + text_of(found) + " instead of " +
                                         text_of(wanted.shape));
                }
            }
        }
    }
    if (missing_count + mismatched_count == 0) {
        return;
    }
    std::vector<std::string> faults;
    if (missing_count > 0) {
        faults.push_back(std::to_string(missing_count) + " tensor(s) are missing, first " + join(missing));
    }
    if (mismatched_count > 0) {
        faults.push_back(std::to_string(mismatched_count) + " have another shape, first " + join(mismatched));
    }
    throw Error(ErrorKind::Weights, "'" + weights.path().string() + "' does not hold the weights of " +
                                        graph.architecture + ": " + join(faults, "; ", "; ") +
                                        "; pass the network it belongs to with --network");
}

NodeWeights bind_node(const Graph& graph, int index, const StateDict& weights) {
    const Node& node = graph.nodes[static_cast<std::size_t>(index)];
    if (!weights.contains(node.weight_key + ".weight")) {
        throw Error(ErrorKind::Weights, "'" + weights.path().string() + "' was saved without its classifier ('" +
                                            node.weight_key + ".weight' is missing); choose a layer before it");
    }
    NodeWeights bound;
    bound.weight = weights.load(node.weight_key + ".weight");
    if (node.norm_key.empty()) {
        bound.bias = weights.load(node.weight_key + ".bias");
    } else {
        // y = (x - mean) / sqrt(var + eps) * gamma + beta, as a factor and a bias of the convolution; in double,
        // because variances of dead channels are tiny.
        const auto load = [&](const char* part) { return weights.load(node.norm_key + part).to(at::kDouble); };
        const Tensor factor = load(".weight") / (load(".running_var") + node.norm_epsilon).sqrt();
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
