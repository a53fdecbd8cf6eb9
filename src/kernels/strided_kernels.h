// Private: the inner loops of 4x4 convolutions of stride 2, as strided_convolution.cpp puts them together. Plain
// pointers and numbers only, like all that is compiled for several instruction sets (kernels.h).
//
// Winograd's minimal filtering with the points 0, 1, -1, 2 and infinity (Lavin, Gray 2016): along one axis
//   F(4,2): outputs = A^T [(G weights) * (B^T inputs)], 5 inputs, 2 weights, 4 outputs, 5 products.
// The gradients are the same three matrices the other way round: of the inputs B [(G weights) * (A gradients)], of the
// weights G^T [(A gradients) * (B^T inputs)], which is F(2,4). So one pair of transforms serves all directions.
#pragma once

#include <cstdint>
#include <utility>

namespace reverie::kernels {

struct TilesOut;
struct Finish;

constexpr int kStridedPositions = 25;  ///< products of a tile
constexpr int kStridedInputs = 5;      ///< side of a tile of one phase of the inputs
constexpr int kStridedOutputs = 4;     ///< side of a tile of outputs

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

/// 2x2 weights of one phase and their transforms: transformed[position][row][column].
struct WeightTiles {
    std::int64_t taps[4] = {};  ///< where each of them lies from the row on
    std::int64_t row_stride = 0;
    int rows = 0;
    int columns = 0;
    std::int64_t transformed_row = 0;  ///< floats from row to row of the transforms, whole vectors
    std::int64_t position_stride = 0;
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

struct StridedKernels {
    void (*inputs_in)(const GroupedTiles& job);                      ///< B^T: 5x5 inputs of one phase
    void (*outputs_in)(const GroupedTiles& job);                     ///< A: 4x4 gradients of outputs
    void (*outputs_out)(const TilesOut& job, const Finish& finish);  ///< A^T: 4x4 outputs
    /// B: 5x5 inputs of one phase, which overlap from tile to tile. A pixel p >= 0 is written, with the bias, which is
    /// all of `finish` that counts; p <= -2 is added to what pixel -2 - p has; -1 is beyond the border.
    void (*inputs_out)(const TilesOut& job, const Finish& finish);
    void (*weights_in)(const WeightTiles& job, const float* weights, float* transformed);             ///< G
    void (*weights_out)(const WeightTiles& job, const float* transformed, float* weights, bool add);  ///< G^T
    void (*correlate)(const Correlation& job);
    /// to[column][row] = from[row][column].
    void (*turn)(const float* from, std::int64_t from_stride, int rows, int columns, float* to, std::int64_t to_stride);
};

}  // namespace reverie::kernels
