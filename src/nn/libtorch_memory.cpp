#include "nn/libtorch_memory.h"

#include <algorithm>

namespace reverie {

std::int64_t libtorch_peak_bytes(const Graph& graph, Size image, const std::vector<int>& wanted) {
    // Walks the forward and the backward pass with sizes alone: what is alive after each node, and the largest of it.
    const std::vector<bool> needed = needed_nodes(graph, wanted);
    const std::vector<Size> sizes = sizes_of(graph, image);
    const auto bytes = [&](std::size_t node) {
        return graph.nodes[node].channels * sizes[node].height * sizes[node].width * 4;
    };
    std::vector<std::size_t> last_user(graph.nodes.size(), 0);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (needed[i]) {
            for (const int input : graph.nodes[i].inputs) {
                last_user[static_cast<std::size_t>(input)] = i;
            }
        }
    }
    for (const int node : wanted) {
        last_user[static_cast<std::size_t>(node)] = graph.nodes.size();
    }
    const auto is_saved = [&](std::size_t i) {
        const Node& node = graph.nodes[i];
        return node.op == Op::Activation || (node.op == Op::Pool && node.pooling == Pooling::L2);
    };

    const auto padded_bytes = [&](const Node& node) {
        const bool padded =
            node.op == Op::Convolution && (node.window.padding == Padding::Replicate ||
                                           (node.window.padding == Padding::Same && node.window.stride > 1));
        return padded ? bytes(static_cast<std::size_t>(node.inputs[0])) : 0;
    };

    std::int64_t alive = image.height * image.width * 3 * 4;
    std::int64_t peak = alive;
    std::vector<bool> held(graph.nodes.size(), false);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (!needed[i]) {
            continue;
        }
        const Node& node = graph.nodes[i];
        const bool in_place = node.op == Op::Activation &&
                              graph.nodes[static_cast<std::size_t>(node.inputs[0])].op == Op::Convolution &&
                              last_user[static_cast<std::size_t>(node.inputs[0])] == i;
        alive += in_place ? 0 : bytes(i);
        if (node.op == Op::Pool && node.pooling == Pooling::Max) {
            alive += bytes(i) * 2;  // 64-bit indices
        }
        held[i] = true;
        // A padded copy of the input lives while the convolution runs.
        peak = std::max(peak, alive + padded_bytes(node));
        for (const int k : node.inputs) {
            const auto input = static_cast<std::size_t>(k);
            if (held[input] && last_user[input] == i) {
                held[input] = false;
                if (!is_saved(input) && !in_place) {
                    alive -= bytes(input);
                }
            }
        }
    }
    // Backward: a gradient for each live map, freed with what was saved of it.
    std::vector<std::int64_t> gradient(graph.nodes.size(), 0);
    for (const int node : wanted) {
        gradient[static_cast<std::size_t>(node)] = bytes(static_cast<std::size_t>(node));
        alive += bytes(static_cast<std::size_t>(node));
    }
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
        if (!needed[i]) {
            continue;
        }
        const Node& node = graph.nodes[i];
        for (const int k : node.inputs) {
            const auto input = static_cast<std::size_t>(k);
            const std::int64_t extra = gradient[input] > 0 ? bytes(input) : 0;  // the sum is a new tensor
            if (gradient[input] == 0) {
                gradient[input] = bytes(input);
                alive += bytes(input);
            }
            peak = std::max(peak, alive + extra + padded_bytes(node));
        }
        alive -= gradient[i];
        if (is_saved(i)) {
            alive -= bytes(i);
        }
        if (node.op == Op::Pool && node.pooling == Pooling::Max) {
            alive -= bytes(i) * 2;
        }
    }
    return peak;
}

std::int64_t libtorch_weight_bytes(const Graph& graph, const std::vector<int>& wanted) {
    const std::vector<bool> needed = needed_nodes(graph, wanted);
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const Node& node = graph.nodes[i];
        if (needed[i] && (node.op == Op::Convolution || node.op == Op::Linear)) {
            const std::int64_t in = graph.nodes[static_cast<std::size_t>(node.inputs[0])].channels;
            bytes += 4 * node.channels * (in / node.groups * node.window.kernel_h * node.window.kernel_w + 1);
        }
    }
    return bytes;
}

}  // namespace reverie
