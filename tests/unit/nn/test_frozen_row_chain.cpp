// Chains of convolutions tile by tile: bit for bit what the layers give one after another.

#include "nn/frozen/row_chain.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel_choice.h"
#include "nn/frozen/convolution.h"
#include "nn/window_geometry.h"
#include "reverie/core/parallel.h"
#include "support/frozen_maps.h"

namespace reverie {
namespace {

using frozen::Convolution;
using frozen::Finish;
using frozen::Finishing;
using frozen::Kernels;
using test::noise;
using test::SlicedMap;
using test::SlopeBits;

/// Expansion (where `wide` differs from `inputs`), depthwise and projection of a mobile net.
struct Block {
    std::string name;
    std::int64_t inputs, wide, outputs;
    Window window;
    Size size;
    std::int64_t batch = 1;
    bool expands() const { return wide != inputs; }
};

void PrintTo(const Block& block, std::ostream* out) { *out << block.name; }

/// One of its layers, on a map of that size.
struct Layer {
    std::unique_ptr<Convolution> convolution;
    Size input, output;
    std::int64_t inputs, outputs;
};

Layer layer_of(const std::string& name, std::int64_t inputs, std::int64_t outputs, const Window& window, Size input,
               bool depthwise, const Kernels& kernels) {
    const std::int64_t each = depthwise ? 1 : inputs;
    const NodeWeights weights{
        noise({outputs, each, window.kernel_h, window.kernel_w}, name + " weight").to(at::kFloat).contiguous(),
        noise({outputs}, name + " bias").to(at::kFloat)};
    const Node node{
        .op = Op::Convolution, .inputs = {0}, .channels = outputs, .window = window, .groups = depthwise ? inputs : 1};
    return {frozen::make_convolution(
                node, inputs, [weights] { return weights; }, kernels),
            input, window_output(window, input), inputs, outputs};
}

std::vector<Layer> layers_of(const Block& block, const Kernels& kernels) {
    std::vector<Layer> layers;
    if (block.expands()) {
        layers.push_back(layer_of("expand", block.inputs, block.wide, {}, block.size, false, kernels));
    }
    layers.push_back(layer_of("depthwise", block.wide, block.wide, block.window, block.size, true, kernels));
    layers.push_back(layer_of("project", block.wide, block.outputs, {}, layers.back().output, false, kernels));
    return layers;
}

/// A block with numbers, and the maps between its layers.
class Passes {
  public:
    Passes(const Block& block, const Kernels& kernels) : layers_(layers_of(block, kernels)) {
        const Size out = layers_.back().output;
        input_ = noise({block.batch, block.inputs, block.size.height, block.size.width}, "input");
        addend_ = noise({block.batch, block.outputs, out.height, out.width}, "addend");
        before_ = noise(input_.sizes().vec(), "gradient so far");
        for (const Layer& layer : layers_) {
            between_.emplace_back(
                std::vector<std::int64_t>{block.batch, layer.outputs, layer.output.height, layer.output.width});
            bits_.emplace_back(between_.back().map());
        }
    }

    std::pair<Tensor, Tensor> one_by_one() {
        const SlicedMap input(input_);
        const SlicedMap addend(addend_);
        const std::size_t last = layers_.size() - 1;
        for (std::size_t k = 0; k <= last; ++k) {
            layers_[k].convolution->forward(k == 0 ? input.map() : between_[k - 1].map(), between_[k].map(),
                                            k < last ? remembering(k) : adding(addend), work_);
        }
        const Tensor output = between_[last].values();
        SlicedMap gradient(addend_);
        for (std::size_t k = last; k > 0; --k) {
            SlicedMap to(between_[k - 1].values().sizes().vec());
            layers_[k].convolution->backward(gradient.map(), to.map(), keeping(k - 1), work_);
            gradient = to;
        }
        const SlicedMap found(before_);
        layers_[0].convolution->backward(gradient.map(), found.map(), adding(found), work_);
        return {output, found.values()};
    }

    std::pair<Tensor, Tensor> in_a_chain() {
        const SlicedMap input(input_, 8, 3);
        const SlicedMap addend(addend_);
        const SlicedMap output(addend_.sizes().vec(), addend_.size(1) + 24, 16);
        const std::size_t last = layers_.size() - 1;
        std::vector<frozen::RowStage> stages;
        for (std::size_t k = 0; k <= last; ++k) {
            stages.push_back({layers_[k].convolution->rows(layers_[k].input, false), layers_[k].output,
                              k < last ? remembering(k) : into(adding(addend), output.map())});
        }
        frozen::run_chain(stages, input.map(), work_);
        EXPECT_TRUE(output.neighbours_are_untouched());

        const SlicedMap found(before_, 8, 5);
        stages.clear();
        for (std::size_t k = last + 1; k-- > 0;) {
            stages.push_back({layers_[k].convolution->rows(layers_[k].input, true), layers_[k].input,
                              k > 0 ? keeping(k - 1) : into(adding(found), found.map())});
        }
        frozen::run_chain(stages, SlicedMap(addend_).map(), work_);
        EXPECT_TRUE(found.neighbours_are_untouched());
        return {output.values(), found.values()};
    }

  private:
    Finish remembering(std::size_t k) {
        return {.activation = Finishing::Relu6, .bits = bits_[k].data(), .bits_stride = bits_[k].stride()};
    }
    Finish keeping(std::size_t k) { return {.keep = bits_[k].data(), .keep_stride = bits_[k].stride()}; }
    static Finish adding(const SlicedMap& map) { return {.addend = map.map().data, .addend_stride = map.map().stride}; }

    std::vector<Layer> layers_;
    Tensor input_, addend_, before_;
    std::vector<SlicedMap> between_;  // by layer: what it writes
    std::vector<SlopeBits> bits_;
    frozen::Workspace work_;
};

class FrozenRowChain : public testing::TestWithParam<Block> {};

TEST_P(FrozenRowChain, GivesTheBitsOfItsLayersOneByOneWithAnyNumberOfThreads) {
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const auto [output, gradient] = Passes(GetParam(), *kernels).one_by_one();
        for (const int threads : {1, 2, 3}) {
            const ThreadShare share(threads);
            const auto [chain_output, chain_gradient] = Passes(GetParam(), *kernels).in_a_chain();
            EXPECT_TRUE(at::equal(chain_output, output)) << threads << " threads";
            EXPECT_TRUE(at::equal(chain_gradient, gradient)) << threads << " threads";
        }
    }
}

constexpr Window same(std::int64_t kernel, std::int64_t stride = 1) {
    return {.kernel_h = kernel, .kernel_w = kernel, .stride = stride, .padding = Padding::Same};
}

// Sides within a tile, on its border and beyond.
INSTANTIATE_TEST_SUITE_P(
    Blocks, FrozenRowChain,
    testing::Values(
        Block{"one_tile", 16, 48, 24, same(3), {13, 9}, 2}, Block{"tiles", 8, 24, 8, same(3), {67, 131}},
        Block{"whole_tiles", 8, 16, 16, same(3), {64, 128}, 2}, Block{"wide", 8, 40, 24, same(5), {70, 66}, 2},
        Block{"wide_small", 16, 32, 16, same(5), {3, 2}}, Block{"halving_odd", 8, 24, 16, same(3, 2), {75, 137}},
        Block{"halving_even", 8, 16, 24, same(3, 2), {132, 140}},
        Block{"wide_halving_odd", 8, 24, 40, same(5, 2), {67, 133}},
        Block{"wide_halving_even", 16, 24, 8, same(5, 2), {66, 130}, 2},
        Block{
            "valid_halving", 8, 24, 16, {.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 0, .pad_w = 0}, {70, 134}},
        Block{"padded", 8, 24, 16, {.kernel_h = 3, .kernel_w = 3, .stride = 1, .pad_h = 1, .pad_w = 1}, {37, 70}},
        Block{"no_expansion", 32, 32, 16, same(3), {67, 70}},
        Block{"no_expansion_halving", 16, 16, 24, same(5, 2), {67, 140}, 2},
        Block{"with_gaps", 8, 16, 8, same(1, 2), {71, 133}}, Block{"cell", 8, 16, 8, same(5, 2), {1, 1}}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace reverie
