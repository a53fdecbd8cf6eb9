// Private: the inner loops of convolutions in training by Winograd's minimal filtering, as winograd_convolution.cpp
// puts them together. Plain pointers and numbers only, like all that is compiled for several instruction sets
// (kernels.h).
//
// Minimal filtering (Lavin, Gray 2016) along one axis: outputs = A^T [(G weights) * (B^T inputs)], of
//   F(4,2), for the four phases of 4x4 windows of stride 2: 5 inputs and products, points 0, 1, -1, 2 and infinity;
//   F(4,3), for 3x3 windows of stride 1: 6 inputs and products, points 0, 1, -1, 2, -2 and infinity.
// The gradients are the same three matrices the other way round: of the inputs B [(G weights) * (A gradients)], of the
// weights G^T [(A gradients) * (B^T inputs)]. So one pair of transforms serves all directions.
#pragma once

#include <cstdint>
#include <utility>

namespace reverie::kernels {

struct TilesOut;
struct Finish;

constexpr int kTileOutputs = 4;  ///< side of a tile of outputs
constexpr int kMostTaps = 9;     ///< of the window of one phase

/// Tiles on their way into the transformed domain: out[position][c / group][tile][c % group].
struct GroupedTiles {
    const float* const* pixels = nullptr;  ///< [tiles][side * side]: addresses
    int tiles = 0;
    int channels = 0;
    int group = 0;  ///< channels that lie side by side: whole vectors of them, or all
    float* out = nullptr;
    std::int64_t tile_stride = 0;
    std::int64_t group_stride = 0;
    std::int64_t position_stride = 0;
};

/// The weights of one phase and their transforms: transformed[position][row][column].
struct WeightTiles {
    std::int64_t taps[kMostTaps] = {};  ///< where each of them lies from the row on
    std::int64_t row_stride = 0;
    int rows = 0;
    int columns = 0;
    std::int64_t transformed_row = 0;  ///< floats from row to row of the transforms, whole vectors
    std::int64_t position_stride = 0;
};

/// sums[position][tile][column] = in[position][tile][d] times packed[position][d][column], of one panel of columns.
struct TileProducts {
    const float* in = nullptr;
    std::int64_t tile_stride = 0;
    std::int64_t in_position = 0;  ///< floats from position to position
    int tiles = 0;
    int depth = 0;
    int positions = 0;
    const float* packed = nullptr;
    std::int64_t packed_position = 0;
    int step = 0;  ///< columns: a vector's or a panel's, whole
    float* sums = nullptr;
    std::int64_t sums_position = 0;
    bool fetch = false;  ///< what comes next is not near the core
};

/// Sums over tiles of left[tile][row] * right[tile][column].
struct Correlation {
    const float* left = nullptr;  ///< [row / kLeftGroup][tile][row % kLeftGroup]
    std::int64_t left_group = 0;  ///< floats from group to group
    const float* right = nullptr;
    std::int64_t right_stride = 0;  ///< floats from tile to tile
    int tiles = 0;
    int rows = 0;     ///< those up to a multiple of Kernels::rows are computed, whatever lies there
    int columns = 0;  ///< at most a panel
    float* sums = nullptr;
    std::int64_t sums_stride = 0;
    bool add = false;  ///< to what is there
};
/// A multiple of the vectors and rows of every instruction set.
constexpr int kLeftGroup = 48;

struct WinogradKernels {
    int side;                                                        ///< of a tile of inputs of one phase
    void (*inputs_in)(const GroupedTiles& job);                      ///< B^T
    void (*outputs_in)(const GroupedTiles& job);                     ///< A: gradients of outputs
    void (*outputs_out)(const TilesOut& job, const Finish& finish);  ///< A^T
    /// B: inputs of one phase, which overlap from tile to tile. A pixel p >= 0 is written, with the bias, which is
    /// all of `finish` that counts; p <= -2 is added to what pixel -2 - p has; -1 is beyond the border.
    void (*inputs_out)(const TilesOut& job, const Finish& finish);
    void (*weights_in)(const WeightTiles& job, const float* weights, float* transformed);             ///< G
    void (*weights_out)(const WeightTiles& job, const float* transformed, float* weights, bool add);  ///< G^T
};

}  // namespace reverie::kernels
