#include "kernels/convolution_tensors.h"

#include <ATen/ATen.h>

#include <cstdint>

#include "core/ceil_div.h"
#include "kernels/phase_map.h"
#include "kernels/winograd_convolution.h"

namespace reverie::kernels {

at::Tensor channels_last(const at::Tensor& t) { return t.contiguous(at::MemoryFormat::ChannelsLast); }

namespace {

Map map_of(const at::Tensor& t) {
    return {.data = t.data_ptr<float>(),
            .stride = t.size(1),
            .batch = t.size(0),
            .height = t.size(2),
            .width = t.size(3),
            .channels = static_cast<int>(t.size(1))};
}

at::Tensor empty_map(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    return at::empty({n, c, h, w}, at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast);
}
const float* numbers_of(const at::Tensor& t) { return t.defined() ? t.data_ptr<float>() : nullptr; }

/// How a window goes through the transformed domain.
struct Tiling {
    WinogradWindow kind;
    std::int64_t size;  ///< of the window there: a 3x3 one of stride 2 is a 4x4 one with zeros
    double products;    ///< that it saves: so many become one
};

std::optional<Tiling> tiling_of(const SquareWindow& window, std::int64_t channels) {
    if (window.padding != 1) {
        return std::nullopt;
    }
    if (window.stride == 2 && (window.size == 4 || window.size == 3)) {
        return Tiling{channels <= kMostPhaseChannels ? WinogradWindow::Phases : WinogradWindow::Strided, 4,
                      static_cast<double>(4 * window.size * window.size) / 25};
    }
    if (window.stride == 1 && window.size == 3 && channels > kMostPhaseChannels) {
        return Tiling{WinogradWindow::Square, 3, 144.0 / 36};
    }
    return std::nullopt;
}

/// Nothing where the window products are quicker: for maps that fill too little of their tiles.
std::optional<Tiling> worthwhile(const SquareWindow& window, const at::Tensor& large, const at::Tensor& small) {
    constexpr double kTransforms = 1.1;  // what they add
    const std::optional<Tiling> tiling = tiling_of(window, large.size(1));
    if (!tiling) {
        return std::nullopt;
    }
    const auto tiles = [](std::int64_t cells) { return ceil_div(cells, kTileOutputs) * kTileOutputs; };
    const auto used = static_cast<double>(small.size(2) * small.size(3));
    const auto taken = static_cast<double>(tiles(small.size(2)) * tiles(small.size(3)));
    return used * tiling->products > taken * kTransforms ? tiling : std::nullopt;
}

/// Weights as wide as the tiling's window.
at::Tensor widened(const at::Tensor& weight, const Tiling& tiling) {
    const std::int64_t more = tiling.size - weight.size(2);
    return channels_last(more > 0 ? at::constant_pad_nd(weight, {0, more, 0, more}) : weight);
}

/// The larger map and the weights by phases.
struct Phases {
    Phases(const Map& large, const Map& small, std::int64_t outputs, const Kernels& kernels)
        : channels(phase_channels(large.channels, kernels)),
          numbers(at::empty({phase_map_floats(small, channels) + outputs * 4 * channels}, at::kFloat)),
          map(phase_map(large, small, channels, numbers.data_ptr<float>())),
          weights(map.data + phase_map_floats(small, channels)) {}

    std::int64_t channels;
    at::Tensor numbers;
    Map map;
    float* weights;
};

void convolve_tiling(const Tiling& tiling, const Map& from, const float* weights, const Map& to, const Finish& finish,
                     const Machine& machine) {
    if (tiling.kind != WinogradWindow::Phases) {
        convolve_tiles(tiling.kind, from, weights, to, finish, machine.kernels, machine.work);
        return;
    }
    const Phases phases(from, to, to.channels, machine.kernels);
    to_phases(from, phases.map, machine.work);
    weights_to_phases(weights, to.channels, from.channels, phases.channels, phases.weights);
    convolve_tiles(tiling.kind, phases.map, phases.weights, to, finish, machine.kernels, machine.work);
}

void spread_tiling(const Tiling& tiling, const Map& from, const float* weights, const Map& to, const float* bias,
                   const Machine& machine) {
    if (tiling.kind != WinogradWindow::Phases) {
        spread_tiles(tiling.kind, from, weights, to, bias, machine.kernels, machine.work);
        return;
    }
    const Phases phases(to, from, from.channels, machine.kernels);
    weights_to_phases(weights, from.channels, to.channels, phases.channels, phases.weights);
    spread_tiles(tiling.kind, from, phases.weights, phases.map, nullptr, machine.kernels, machine.work);
    from_phases(phases.map, bias, to, machine.work);
}

void correlate_tiling(const Tiling& tiling, const Map& large, const Map& small, float* weights,
                      const Machine& machine) {
    if (tiling.kind != WinogradWindow::Phases) {
        correlate_tiles(tiling.kind, large, small, weights, machine.kernels, machine.work);
        return;
    }
    const Phases phases(large, small, small.channels, machine.kernels);
    to_phases(large, phases.map, machine.work);
    correlate_tiles(tiling.kind, phases.map, small, phases.weights, machine.kernels, machine.work);
    weights_from_phases(phases.weights, small.channels, large.channels, phases.channels, weights);
}

}  // namespace

at::Tensor convolve(const SquareWindow& window, const at::Tensor& large, const at::Tensor& weight,
                    const at::Tensor& bias, const at::Tensor& addend, std::optional<double> slope,
                    const Machine& machine) {
    const auto cells = [&](std::int64_t side) { return (side + 2 * window.padding - window.size) / window.stride + 1; };
    const at::Tensor from = channels_last(large);
    const at::Tensor shift = bias.defined() ? bias.contiguous() : bias;
    at::Tensor to = empty_map(large.size(0), weight.size(0), cells(large.size(2)), cells(large.size(3)));
    const at::Tensor added = addend.defined() ? channels_last(addend) : addend;
    const Finish finish{.bias = numbers_of(shift),
                        .addend = numbers_of(added),
                        .addend_stride = weight.size(0),
                        .activation = slope ? Finishing::Leaky : Finishing::None,
                        .slope = static_cast<float>(slope.value_or(0.0))};
    if (const std::optional<Tiling> tiling = worthwhile(window, from, to)) {
        const at::Tensor w = widened(weight, *tiling);
        convolve_tiling(*tiling, map_of(from), numbers_of(w), map_of(to), finish, machine);
    } else {
        const at::Tensor w = channels_last(weight);
        convolve_windows(window, map_of(from), numbers_of(w), map_of(to), finish, machine.kernels, machine.work);
    }
    return to;
}

at::Tensor spread(const SquareWindow& window, const at::Tensor& small, const at::Tensor& weight, const at::Tensor& bias,
                  std::int64_t height, std::int64_t width, const Machine& machine) {
    const at::Tensor from = channels_last(small);
    const at::Tensor shift = bias.defined() ? bias.contiguous() : bias;
    at::Tensor to = empty_map(small.size(0), weight.size(1), height, width);
    if (const std::optional<Tiling> tiling = worthwhile(window, to, from)) {
        const at::Tensor w = widened(weight, *tiling);
        spread_tiling(*tiling, map_of(from), numbers_of(w), map_of(to), numbers_of(shift), machine);
    } else {
        const at::Tensor w = channels_last(weight);
        spread_windows(window, map_of(from), numbers_of(w), map_of(to), numbers_of(shift), machine.kernels,
                       machine.work);
    }
    return to;
}

at::Tensor correlate(const SquareWindow& window, const at::Tensor& large, const at::Tensor& small,
                     const Machine& machine) {
    const at::Tensor from = channels_last(large);
    const at::Tensor with = channels_last(small);
    const std::optional<Tiling> tiling = worthwhile(window, from, with);
    const std::int64_t size = tiling ? tiling->size : window.size;
    at::Tensor to = empty_map(small.size(1), large.size(1), size, size);
    if (tiling) {
        correlate_tiling(*tiling, map_of(from), map_of(with), to.data_ptr<float>(), machine);
    } else {
        correlate_windows(window, map_of(from), map_of(with), to.data_ptr<float>(), machine.kernels, machine.work);
    }
    return channels_last(to.narrow(2, 0, window.size).narrow(3, 0, window.size));
}

at::Tensor sum_pixels(const at::Tensor& map, const Machine& machine) {
    const at::Tensor from = channels_last(map);
    at::Tensor sums = at::empty({map.size(1)}, at::kFloat);
    sum_pixels(map_of(from), sums.data_ptr<float>(), machine.work);
    return sums;
}

}  // namespace reverie::kernels
