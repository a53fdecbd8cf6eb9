#include "reverie/nn/projector.h"

#include <algorithm>
#include <array>
#include <optional>

#include "reverie/core/error.h"

namespace reverie {
namespace {

constexpr std::size_t kDepths = 4;
constexpr std::array<std::int64_t, kDepths> kMixed = {64, 128, 256, 512};  // channels, from the finest on

/// The last block of that stride; "_blocks.2.x" names a part of one.
std::optional<int> last_block(const Graph& graph, const std::vector<Tap>& taps, std::int64_t stride) {
    constexpr std::string_view kBlock = "_blocks.";
    std::optional<int> last;
    for (const Tap& tap : taps) {
        const bool block = tap.name.starts_with(kBlock) && tap.name.find('.', kBlock.size()) == std::string::npos;
        if (block && tap.stride == stride) {
            last = graph.taps.at(tap.name);
        }
    }
    return last;
}

}  // namespace

const std::vector<Projection>& projections() {
    static const std::vector<Projection> all = {
        {"projection2", 64, 2}, {"projection4", 64, 4}, {"projection8", 128, 8}, {"projection16", 256, 16}};
    return all;
}

void add_projections(Graph& graph, std::uint64_t seed) {
    const std::vector<Tap> taps = taps_of(graph);
    std::array<int, kDepths> sources{};
    for (std::size_t depth = 0; depth < kDepths; ++depth) {
        const std::optional<int> found = last_block(graph, taps, 2 * projections()[depth].stride);
        if (!found) {
            throw Error(ErrorKind::Usage, "a projected discriminator cannot look through " + graph.architecture +
                                              "; wanted a net of the EfficientNet-Lite family");
        }
        sources[depth] = *found;
    }
    const auto mixed = [&](int input, std::int64_t channels, const std::string& name) {
        return graph.add({.op = Op::Convolution,
                          .inputs = {input},
                          .channels = channels,
                          .weight_key = "projection." + name,
                          .drawn_from = seed});
    };
    std::array<int, kDepths> outputs{};
    int sum = -1;
    for (std::size_t depth = kDepths; depth-- > 0;) {
        const Projection& projection = projections()[depth];
        const std::string stride = std::to_string(projection.stride);
        const int channels = mixed(sources[depth], kMixed[depth], "channels" + stride);
        sum = sum < 0 ? channels : graph.add({.op = Op::Add, .inputs = {channels, sum}, .channels = kMixed[depth]});
        const int halved = mixed(sum, projection.channels, "scales" + stride);
        sum = graph.add({.op = Op::Upsample, .inputs = {halved}, .channels = projection.channels});
        outputs[depth] = sum;
    }
    for (std::size_t depth = 0; depth < kDepths; ++depth) {
        graph.name(projections()[depth].tap, outputs[depth]);
    }
}

}  // namespace reverie
