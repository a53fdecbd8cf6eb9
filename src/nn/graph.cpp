#include "reverie/nn/graph.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "nn/architectures.h"
#include "nn/layer_weights.h"
#include "nn/taps.h"
#include "nn/window_geometry.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/nn/layer_weight.h"

namespace reverie {
namespace {

Normalization normalization_for(const std::string& preprocessing) {
    if (preprocessing == "torchvision") {
        constexpr std::array mean = {0.485, 0.456, 0.406};
        constexpr std::array deviation = {0.229, 0.224, 0.225};
        Normalization n;
        for (std::size_t c = 0; c < 3; ++c) {
            n.scale[c] = 1.0 / deviation[c];
            n.shift[c] = -mean[c] / deviation[c];
        }
        return n;
    }
    if (preprocessing == "inception") {
        return {{2, 2, 2}, {-1, -1, -1}, false};
    }
    if (preprocessing == "caffe") {  // blue, green, red means 103.939, 116.779, 123.68 of 0..255
        return {{255, 255, 255}, {-123.68, -116.779, -103.939}, true};
    }
    if (preprocessing == "lite0") {
        return {{255.0 / 128, 255.0 / 128, 255.0 / 128}, {-127.0 / 128, -127.0 / 128, -127.0 / 128}, false};
    }
    throw Error(ErrorKind::Usage, "'" + preprocessing + "' is not a preprocessing" +
                                      did_you_mean(preprocessing, {"torchvision", "inception", "caffe", "lite0"}) +
                                      "; wanted torchvision, inception, caffe or lite0");
}

const std::vector<std::pair<std::string, std::function<void(Graph&)>>>& builders() {
    static const std::vector<std::pair<std::string, std::function<void(Graph&)>>> table = {
        {"vgg16",
         [](Graph& g) {
             build_vgg(g, {2, 2, 3, 3, 3});
         }},
        {"vgg19",
         [](Graph& g) {
             build_vgg(g, {2, 2, 4, 4, 4});
         }},
        {"inception_v3", [](Graph& g) { build_inception_v3(g, {}); }},
        {"inception_v3_fid",
         [](Graph& g) { build_inception_v3(g, {.count_padding = false, .max_pool_in_7c = true, .classes = 1008}); }},
        {"inception_v3_keras", [](Graph& g) { build_inception_v3(g, {.count_padding = false}); }},
        {"googlenet", [](Graph& g) { build_googlenet(g); }},
        {"resnet50",
         [](Graph& g) {
             build_resnet(g, {3, 4, 6, 3});
         }},
        {"efficientnet_lite0", [](Graph& g) { build_efficientnet_lite(g, {}); }},
        {"efficientnet_lite1", [](Graph& g) { build_efficientnet_lite(g, {.depth = 1.1}); }},
        {"efficientnet_lite2", [](Graph& g) { build_efficientnet_lite(g, {.width = 1.1, .depth = 1.2}); }},
    };
    return table;
}

/// The image pixels that cell 0 of a map sees along one axis, first to last; outside the image when negative or beyond.
struct Span {
    std::int64_t first = 0, last = 0;

    void widen(std::int64_t before, std::int64_t after) {
        first -= before;
        last += after;
    }
    void unite(const Span& other) {
        first = std::min(first, other.first);
        last = std::max(last, other.last);
    }
};

struct ReceptiveField {
    Span rows, columns;
    std::int64_t stride = 1;
    bool everything = false;
};

ReceptiveField receptive_field_of(const Node& node, const std::vector<ReceptiveField>& fields) {
    ReceptiveField field = fields[static_cast<std::size_t>(node.inputs.front())];
    switch (node.op) {
        case Op::Convolution:
        case Op::Pool: {
            const Window& w = node.window;
            const auto widen = [&](Span& span, std::int64_t kernel, std::int64_t given) {
                // With SAME the sides are taken as multiples of the stride: kernel - stride cells are added in all.
                const std::int64_t pad =
                    w.padding == Padding::Same ? std::max<std::int64_t>(0, kernel - w.stride) / 2 : given;
                span.widen(pad * field.stride, (kernel - 1 - pad) * field.stride);
            };
            widen(field.rows, w.kernel_h, w.pad_h);
            widen(field.columns, w.kernel_w, w.pad_w);
            field.stride *= w.stride;
            return field;
        }
        case Op::Add:
        case Op::Concatenate:
            for (const int input : node.inputs) {
                const ReceptiveField& other = fields[static_cast<std::size_t>(input)];
                field.rows.unite(other.rows);
                field.columns.unite(other.columns);
            }
            return field;
        case Op::GlobalAverage:
            field.everything = true;
            return field;
        case Op::Upsample:  // between two cells
            field.rows.widen(0, field.stride);
            field.columns.widen(0, field.stride);
            field.stride = std::max<std::int64_t>(1, field.stride / 2);
            return field;
        case Op::Input:
        case Op::Activation:
        case Op::Linear:
            return field;
    }
    return field;
}

std::vector<std::string> all_names(const Graph& graph) {
    std::vector<std::string> names = graph.tap_names;
    for (const auto& [alias, canonical] : graph.aliases) {
        names.push_back(alias);
    }
    return names;
}

}  // namespace

int Graph::add(Node node) {
    nodes.push_back(std::move(node));
    return static_cast<int>(nodes.size()) - 1;
}

void Graph::name(const std::string& tap, int node, const std::vector<std::string>& other_names) {
    tap_names.push_back(tap);
    taps[tap] = node;
    for (const std::string& other : other_names) {
        aliases[other] = tap;
    }
}

std::vector<std::string> architectures() {
    std::vector<std::string> names;
    for (const auto& [name, build] : builders()) {
        names.push_back(name);
    }
    return names;
}

Graph make_graph(const std::string& architecture, const std::string& preprocessing) {
    for (const auto& [name, build] : builders()) {
        if (name == architecture) {
            Graph graph;
            graph.architecture = architecture;
            graph.normalization = normalization_for(preprocessing);
            build(graph);
            return graph;
        }
    }
    throw Error(ErrorKind::Usage, "'" + architecture + "' is not a network architecture" +
                                      did_you_mean(architecture, architectures()) + "; wanted " +
                                      join(architectures(), ", ", " or "));
}

void use_pooling(Graph& graph, Pooling pooling, double gain) {
    for (Node& node : graph.nodes) {
        if (node.op == Op::Pool) {
            node.pooling = pooling;
            node.gain = gain;
        }
    }
}

void ignore_pool_padding(Graph& graph) {
    for (Node& node : graph.nodes) {
        if (node.op == Op::Pool && node.pooling == Pooling::Average) {
            node.count_padding = false;
        }
    }
}

void replicate_first_padding(Graph& graph) {
    const auto first = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                    [](const Node& node) { return node.op == Op::Convolution; });
    if (first != graph.nodes.end() && first->window.padding == Padding::Zero) {
        first->window.padding = Padding::Replicate;
    }
}

void replicate_all_padding(Graph& graph) {
    for (Node& node : graph.nodes) {
        if (node.op == Op::Convolution && node.window.padding == Padding::Zero) {
            node.window.padding = Padding::Replicate;
        }
    }
}

std::vector<Tap> taps_of(const Graph& graph) {
    std::vector<ReceptiveField> fields(graph.nodes.size());
    for (std::size_t i = 1; i < graph.nodes.size(); ++i) {
        fields[i] = receptive_field_of(graph.nodes[i], fields);
    }
    std::vector<Tap> taps;
    for (const std::string& name : graph.tap_names) {
        const auto node = static_cast<std::size_t>(graph.taps.at(name));
        const ReceptiveField& field = fields[node];
        Tap tap{.name = name, .channels = graph.nodes[node].channels, .stride = field.stride};
        if (field.everything) {
            tap.field = 0;
            tap.stride = 0;
        } else {
            // Both axes agree in every net here.
            Span both = field.rows;
            both.unite(field.columns);
            tap.offset = static_cast<double>(both.first + both.last) / 2.0;
            tap.field = both.last - both.first + 1;
        }
        for (const auto& [alias, canonical] : graph.aliases) {
            if (canonical == name) {
                tap.aliases.push_back(alias);
            }
        }
        taps.push_back(std::move(tap));
    }
    return taps;
}

std::vector<WeightShape> weights_of(const Graph& graph, const Node& node) {
    if ((node.op != Op::Convolution && node.op != Op::Linear) || node.drawn_from) {
        return {};
    }
    const std::int64_t in = graph.nodes[static_cast<std::size_t>(node.inputs.front())].channels;
    std::vector<WeightShape> weights;
    if (node.op == Op::Linear) {
        weights.push_back({node.weight_key + ".weight", {node.channels, in}});
    } else {
        weights.push_back({node.weight_key + ".weight",
                           {node.channels, in / node.groups, node.window.kernel_h, node.window.kernel_w}});
    }
    if (node.norm_key.empty()) {
        weights.push_back({node.weight_key + ".bias", {node.channels}});
    } else {
        for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
            weights.push_back({node.norm_key + part, {node.channels}});
        }
    }
    return weights;
}

std::vector<WeightShape> weights_of(const Graph& graph) {
    std::vector<WeightShape> all;
    for (const Node& node : graph.nodes) {
        for (WeightShape& weight : weights_of(graph, node)) {
            all.push_back(std::move(weight));
        }
    }
    return all;
}

std::optional<Tap> tap_at(const Graph& graph, int node) {
    std::vector<Tap> taps = taps_of(graph);
    const auto found = std::ranges::find_if(taps, [&](const Tap& tap) { return graph.taps.at(tap.name) == node; });
    return found == taps.end() ? std::nullopt : std::optional(std::move(*found));
}

std::optional<Tap> classifier_of(const Graph& graph) {
    if (graph.tap_names.empty()) {
        return std::nullopt;
    }
    const int last = graph.taps.at(graph.tap_names.back());
    const bool classifies = graph.nodes[static_cast<std::size_t>(last)].op == Op::Linear;
    std::optional<Tap> tap = classifies ? tap_at(graph, last) : std::nullopt;
    return tap && tap->field == 0 ? tap : std::nullopt;
}

std::string node_name(int node) { return "#" + std::to_string(node); }

Channel before_activation(const Graph& graph, Channel channel) {
    for (;;) {
        const Node& node = graph.nodes[static_cast<std::size_t>(channel.node)];
        if (node.op == Op::Activation) {
            return {node.inputs.front(), channel.channel};
        }
        if (node.op != Op::Concatenate) {
            return channel;
        }
        for (const int input : node.inputs) {
            const std::int64_t channels = graph.nodes[static_cast<std::size_t>(input)].channels;
            if (channel.channel < channels) {
                channel.node = input;
                break;
            }
            channel.channel -= channels;
        }
    }
}

int find_tap(const Graph& graph, const std::string& name) {
    for (std::size_t i = 0; name.starts_with('#') && i < graph.nodes.size(); ++i) {
        if (name == node_name(static_cast<int>(i))) {
            return static_cast<int>(i);
        }
    }
    const auto alias = graph.aliases.find(name);
    const auto tap = graph.taps.find(alias == graph.aliases.end() ? name : alias->second);
    if (tap == graph.taps.end()) {
        throw Error(ErrorKind::Usage, "'" + name + "' is not a layer of " + graph.architecture +
                                          did_you_mean(name, all_names(graph)) + "; {--list-layers} shows them all");
    }
    return tap->second;
}

std::vector<Size> sizes_of(const Graph& graph, Size image) {
    std::vector<Size> sizes(graph.nodes.size());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const Node& node = graph.nodes[i];
        switch (node.op) {
            case Op::Input:
                sizes[i] = image;
                break;
            case Op::Convolution:
            case Op::Pool:
                sizes[i] = window_output(node.window, sizes[static_cast<std::size_t>(node.inputs[0])]);
                break;
            case Op::GlobalAverage: {
                const Size in = sizes[static_cast<std::size_t>(node.inputs[0])];
                sizes[i] = in.height > 0 && in.width > 0 ? Size{1, 1} : Size{};
                break;
            }
            case Op::Upsample: {
                const Size in = sizes[static_cast<std::size_t>(node.inputs[0])];
                sizes[i] = {2 * in.height, 2 * in.width};
                break;
            }
            case Op::Activation:
            case Op::Add:
            case Op::Concatenate:
            case Op::Linear:
                sizes[i] = sizes[static_cast<std::size_t>(node.inputs[0])];
                break;
        }
    }
    return sizes;
}

std::vector<bool> needed_nodes(const Graph& graph, const std::vector<int>& wanted) {
    std::vector<bool> needed(graph.nodes.size(), false);
    for (const int node : wanted) {
        needed[static_cast<std::size_t>(node)] = true;
    }
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
        if (needed[i]) {
            for (const int input : graph.nodes[i].inputs) {
                needed[static_cast<std::size_t>(input)] = true;
            }
        }
    }
    return needed;
}

std::int64_t min_side(const Graph& graph, const std::vector<int>& wanted) {
    // Output sizes never shrink when the image grows, so the first side that fits is the smallest.
    for (std::int64_t side = 1;; ++side) {
        const std::vector<Size> sizes = sizes_of(graph, {side, side});
        if (std::all_of(wanted.begin(), wanted.end(),
                        [&](int node) { return sizes[static_cast<std::size_t>(node)].height > 0; })) {
            return side;
        }
    }
}

void require_distinct(const Graph& graph, const std::vector<LayerWeight>& layers, const std::string& option) {
    std::map<int, std::string> seen;
    for (const LayerWeight& layer : layers) {
        const auto [earlier, is_new] = seen.try_emplace(find_tap(graph, layer.tap), layer.tap);
        if (!is_new) {
            refuse_twice(option, earlier->second, layer.tap, "layer of " + graph.architecture);
        }
    }
}

}  // namespace reverie
