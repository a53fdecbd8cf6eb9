// A frozen convolutional net as a small operation graph: data, not code, so that executors, geometry and memory
// estimates all read the same description.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

enum class Op {
    Input,          ///< the image in [0,1], normalised channel by channel
    Convolution,    ///< with bias; batch norm folded in
    Activation,     ///< ReLU or ReLU6
    Pool,           ///< max, average or L2 over a window
    Add,            ///< of two
    Concatenate,    ///< along the channels
    GlobalAverage,  ///< [N,C,H,W] -> [N,C,1,1]
    Linear,         ///< [N,C,1,1] -> [N,K,1,1]
    Upsample,       ///< twice the rows and columns, bilinear between cells, corners upon corners
};

enum class Activation { Relu, Relu6 };
enum class Pooling { Max, Average, L2 };

/// What a window sees beyond the border.
enum class Padding {
    Zero,       ///< zeros, `pad_h` and `pad_w` on either side
    Replicate,  ///< the border's own values, as wide
    Same,       ///< TensorFlow's SAME: ceil(n / stride) outputs, the odd row and column of zeros at the end
};

/// A sliding window: of a convolution or a pooling.
struct Window {
    std::int64_t kernel_h = 1;
    std::int64_t kernel_w = 1;
    std::int64_t stride = 1;
    std::int64_t pad_h = 0;  ///< ignored with Padding::Same
    std::int64_t pad_w = 0;
    Padding padding = Padding::Zero;
    bool overhang = false;  ///< Pool: the last window may hang over what lies beyond the border (Caffe's rounding)
};

struct Node {
    Op op = Op::Input;
    std::vector<int> inputs;  ///< indices of earlier nodes
    std::int64_t channels = 3;

    Window window;                             ///< Convolution, Pool
    std::int64_t groups = 1;                   ///< Convolution; equal to the channels: depthwise
    Activation activation = Activation::Relu;  ///< Activation
    Pooling pooling = Pooling::Max;            ///< Pool
    bool count_padding = true;                 ///< Pool, average: whether zeros beyond the border count in the mean
    double gain = 1.0;                         ///< Pool: factor of its output
    std::string weight_key;                    ///< Convolution, Linear: the checkpoint's name without ".weight"
    std::string norm_key;                      ///< Convolution: the batch norm folded in; empty: none, the bias is read
    double norm_epsilon = 0.0;
    /// Convolution: weights and bias are in no checkpoint but drawn, uniform within 1/sqrt(fan in), by this seed and
    /// weight_key.
    std::optional<std::uint64_t> drawn_from;
};

/// (x * scale[c] + shift[c]) of RGB in [0,1], written for the channel order of RGB; `bgr`: the net's first convolution
/// counts its input channels from blue, which binding turns round in its weights.
struct Normalization {
    double scale[3] = {1, 1, 1};
    double shift[3] = {0, 0, 0};
    bool bgr = false;
};

struct Graph {
    std::string architecture;
    Normalization normalization;
    std::vector<Node> nodes;                     ///< topological: inputs come before their users; node 0 is the input
    std::vector<std::string> tap_names;          ///< canonical names in order of depth
    std::map<std::string, int> taps;             ///< canonical name -> node
    std::map<std::string, std::string> aliases;  ///< the field's other names -> canonical

    int add(Node node);
    void name(const std::string& tap, int node, const std::vector<std::string>& other_names = {});
};

/// The architectures known: "vgg16", "vgg19", "inception_v3" (torchvision), "inception_v3_fid" (pytorch-fid's 2015
/// variant: padding does not count in average pools, Mixed_7c's pool is a maximum, 1008 classes), "inception_v3_keras"
/// (padding does not count in average pools), "googlenet" (torchvision), "resnet50"
/// (torchvision), "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2".
std::vector<std::string> architectures();

/// The graph of an architecture without weights. `preprocessing`: "torchvision", "inception", "caffe" or "lite0".
/// Throws Usage for an unknown one.
Graph make_graph(const std::string& architecture, const std::string& preprocessing);

/// Replaces every pooling (style transfer's variants; crowsonkb's gains are 2 for Average and 0.78 for L2, which keep
/// the activations' size).
void use_pooling(Graph& graph, Pooling pooling, double gain = 1.0);

/// Lets average pools divide by the cells inside the map alone, as Keras does, and not by those of the padding too.
void ignore_pool_padding(Graph& graph);

/// Lets the first convolution see the border's own values beyond the border instead of zeros: no dark frame.
void replicate_first_padding(Graph& graph);

/// The same for every convolution: no layer sees a border of its own making.
void replicate_all_padding(Graph& graph);

/// What a tap sees of the image, for sides that are multiples of the tap's stride.
struct Tap {
    std::string name;
    std::int64_t channels = 0;
    std::int64_t stride = 1;  ///< image pixels from one cell to the next
    double offset = 0.0;      ///< centre of cell 0's receptive field, in pixels (pixel 0's centre is 0)
    std::int64_t field = 1;   ///< receptive field's side in pixels; 0: the whole image
    std::vector<std::string> aliases;
};

/// Every tap with its geometry, in order of depth.
std::vector<Tap> taps_of(const Graph& graph);

/// A tensor that a checkpoint of the graph holds.
struct WeightShape {
    std::string name;
    std::vector<std::int64_t> shape;
};

/// Every tensor that one node reads from a checkpoint; none for a node without weights.
std::vector<WeightShape> weights_of(const Graph& graph, const Node& node);

/// Every tensor that the graph reads from a checkpoint.
std::vector<WeightShape> weights_of(const Graph& graph);

/// A name for a node that no layer is named after, "#57": find_tap knows these too.
std::string node_name(int node);

/// The node a name means, canonical, alias or node_name(). Throws Usage with the nearest names.
int find_tap(const Graph& graph, const std::string& name);

/// Every node's output size for an image of that size; zero sides where a window does not fit.
std::vector<Size> sizes_of(const Graph& graph, Size image);

/// Which nodes the wanted ones need, themselves included.
std::vector<bool> needed_nodes(const Graph& graph, const std::vector<int>& wanted);

/// Where a channel of a node comes from before anything is cut off it: through concatenations and the activation behind
/// them. lucid calls it a layer's "pre_relu".
struct Channel {
    int node = 0;
    std::int64_t channel = 0;
};
Channel before_activation(const Graph& graph, Channel channel);

/// The smallest side for which every wanted node has at least one cell.
std::int64_t min_side(const Graph& graph, const std::vector<int>& wanted);

}  // namespace reverie
