// Private: the inner loops of frozen nets and of training, written once and compiled for several instruction sets.
// Plain pointers and numbers only: what is compiled for newer processors must not leave inlined code of the standard
// library behind that the linker could choose for all.
//
// A map is channels-last: pixel p's channels lie at p * stride, where the stride may exceed the channels (a slice of a
// concatenation). Where a loop reads pixels of a map it is handed a table of their addresses, so that borders, padding
// and strides are settled outside (border.h).
#pragma once

#include <cstdint>

#include "kernels/winograd_kernels.h"

namespace reverie::kernels {

enum class Finishing : int { None, Relu, Relu6, Leaky };

/// What becomes of a sum of products before it is stored, in this order.
struct Finish {
    const float* bias = nullptr;    ///< by channel, readable up to a whole panel
    const float* addend = nullptr;  ///< a map like the output, or the output itself
    std::int64_t addend_stride = 0;
    Finishing activation = Finishing::None;
    float slope = 0.0F;                  ///< of Leaky below 0
    std::uint8_t* bits = nullptr;        ///< one bit a channel, set where the activation has a slope
    std::int64_t bits_stride = 0;        ///< bytes a pixel
    const std::uint8_t* keep = nullptr;  ///< such bits: the sum becomes 0 where they are not set
    std::int64_t keep_stride = 0;
    float* out = nullptr;
    std::int64_t out_stride = 0;
};

/// sum over taps and depth of a[tap][row][d] * b[tap * depth + d][n].
struct Product {
    const float* const* rows = nullptr;  ///< [taps][row_capacity]: addresses of `depth` numbers each
    std::int64_t row_capacity = 0;       ///< a multiple of Kernels::rows; those beyond `count` repeat a valid address
    int count = 0;
    int taps = 1;
    int depth = 0;
    const float* packed = nullptr;  ///< of a PackedMatrix of packed_taps * depth rows
    int packed_taps = 1;
    const int* tap_index = nullptr;        ///< [taps]: which of them each is; null: all, in order
    int channels = 0;                      ///< n
    const std::int64_t* pixels = nullptr;  ///< [count]: where each row goes; null: row r is pixel r
};

/// Tiles on their way in: out[position][tile][channel].
struct TilesIn {
    const float* const* pixels = nullptr;  ///< [tiles][positions]: addresses of a tile's inputs
    int tiles = 0;
    int channels = 0;
    float* out = nullptr;
    std::int64_t tile_stride = 0;
    std::int64_t position_stride = 0;
};

/// Tiles on their way out: sums[position][tile][channel].
struct TilesOut {
    const float* sums = nullptr;
    std::int64_t tile_stride = 0;
    std::int64_t position_stride = 0;
    int tiles = 0;
    int channels = 0;
    const std::int64_t* pixels = nullptr;  ///< [tiles][outputs]: -1 is beyond the border
};

/// Windows over a map: [taps][count] addresses.
struct Windows {
    const float* const* inputs = nullptr;
    std::int64_t capacity = 0;
    int taps = 0;
    int count = 0;
    int channels = 0;
    const std::int64_t* pixels = nullptr;  ///< [count]: where each goes; null: window w is pixel w
};

/// Windows side by side along a row of a map, so that what each sees at a tap lies evenly spaced.
struct WindowRow {
    struct Tap {
        const float* input = nullptr;    ///< what the first window sees, all channels
        const float* weights = nullptr;  ///< by channel
    };
    const Tap* taps = nullptr;
    int tap_count = 0;
    std::int64_t advance = 0;  ///< floats of the input from window to window
    int count = 0;
    int channels = 0;
    std::int64_t pixel = 0, pixel_step = 1;  ///< where the first goes, and how far on the next
};

/// Gradients of windows whose maximum was remembered: those count whose index says that this pixel was it.
struct MaximumSources {
    const std::uint8_t* const* indices = nullptr;  ///< [taps][count], beside Windows::inputs
    const std::uint8_t* places = nullptr;          ///< [taps][count]: the index that stands for this pixel
};

/// Sums over rows of left[row][i] * right[row][j], for a few columns i of the left and all from `first` on of the
/// right.
struct Cross {
    const float* left = nullptr;
    const float* right = nullptr;
    std::int64_t stride = 0;  ///< floats from row to row, of both
    std::int64_t rows = 0;
    int column = 0;          ///< of the left: Kernels::rows of them, as far as there are some
    int first = 0;           ///< of the right, a multiple of Kernels::panel
    int channels = 0;        ///< a multiple of 8
    double* sums = nullptr;  ///< [channels][channels], added to
};

/// Some pixels of a channels-last map without gaps, on their way through a norm and a leaky ReLU:
/// y = scale * x + shift (+ addend), out = y > 0 or not sloped ? y : slope * y.
struct NormJob {
    const float* in = nullptr;
    const float* gradient = nullptr;  ///< of out
    const float* addend = nullptr;    ///< beside in, or none; forward alone
    float* out = nullptr;             ///< or the gradient of in
    std::int64_t pixels = 0;
    int channels = 0;
    const float* scale = nullptr;  ///< these by channel
    const float* shift = nullptr;
    const float* origin = nullptr;  ///< what sums count x from, so that they lose no digits
    const float* linear = nullptr;  ///< the gradient of in is scale times y's and linear * x + constant
    const float* constant = nullptr;
    bool sloped = false;
    float slope = 0.0F;
    float* sums = nullptr;  ///< [2][channels]
};

/// A tile of inputs becomes so many numbers, of which each has its own product, and these become the outputs.
struct Transform {
    int positions;
    int outputs;
    void (*in)(const TilesIn& job);
    void (*out)(const TilesOut& job, const Finish& finish);
};

struct Kernels {
    const char* name;
    int width;  ///< floats of a vector
    int panel;  ///< columns of a packed panel
    int rows;   ///< rows a product takes at once

    void (*product)(const Product& job, const Finish& finish);
    void (*cross)(const Cross& job);
    /// Winograd's minimal filtering (Lavin, Gray 2016): F(4x4,3x3), F(6x6,3x3), and F(4,4) along a line.
    Transform square4, square6, line4;
    /// Each channel by itself: sum over taps of weights * input.
    void (*depthwise)(const WindowRow& job, const Finish& finish);
    /// sum over taps of factors[tap * capacity + window] * input (squared when `squares`).
    void (*weighted_sum)(const Windows& job, const float* factors, bool squares, const Finish& finish);
    /// The largest of each window times `gain`; `chosen` [pixel][channels], may be null: which tap it was, the first of
    /// equals.
    void (*maximum)(const Windows& job, float gain, std::uint8_t* chosen, const Finish& finish);
    void (*maximum_back)(const Windows& job, const MaximumSources& sources, float gain, const Finish& finish);
    /// input + addend, activation, mask: whatever `finish` says, for `count` pixels.
    void (*finish_map)(const float* input, std::int64_t stride, std::int64_t count, int channels, const Finish& finish);
    WinogradKernels strided, square;  ///< of convolutions in training
    void (*tile_products)(const TileProducts& job);
    void (*correlate)(const Correlation& job);
    /// to[column][row] = from[row][column].
    void (*turn)(const float* from, std::int64_t from_stride, int rows, int columns, float* to, std::int64_t to_stride);
    /// x * sigmoid(x), and a gradient through it.
    void (*silu)(const float* in, float* out, std::int64_t count);
    void (*silu_back)(const float* in, const float* gradient, float* out, std::int64_t count);
    /// Of pixels of twice as many channels: the first half times the sigmoid of the second, and a gradient through it.
    void (*glu)(const float* in, float* out, std::int64_t pixels, int channels);
    void (*glu_back)(const float* in, const float* gradient, float* out, std::int64_t pixels, int channels);
    /// Sums of x - origin and of its square.
    void (*norm_moments)(const NormJob& job);
    void (*norm_forward)(const NormJob& job);
    /// Sums of y's gradient, and of it times x - origin.
    void (*norm_back_sums)(const NormJob& job);
    void (*norm_back)(const NormJob& job);
};

const Kernels& plain_kernels();
#if defined(__x86_64__)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

}  // namespace reverie::kernels
