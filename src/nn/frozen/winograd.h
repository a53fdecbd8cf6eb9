// Private: 3x3 convolutions of stride 1 as Winograd's F(4x4,3x3) or F(6x6,3x3), and 1x7 and 7x1 ones as two halves of
// F(4,4) along the line (Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, 2016).
#pragma once

#include "nn/frozen/convolution.h"

namespace reverie::frozen {

bool is_square_winograd(const Node& node);
bool is_line_winograd(const Node& node);

std::unique_ptr<Convolution> make_square_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                  const Kernels& kernels);
std::unique_ptr<Convolution> make_line_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                const Kernels& kernels);

/// Products of a tile, and tiles of an output, as square_winograd takes them for so many channels.
int square_positions(std::int64_t inputs, std::int64_t outputs);
std::int64_t square_tiles(Size output, std::int64_t inputs, std::int64_t outputs);

/// Products of a tile of a line.
constexpr int kLinePositions = 7;
constexpr int kLineOutputs = 4;

}  // namespace reverie::frozen
