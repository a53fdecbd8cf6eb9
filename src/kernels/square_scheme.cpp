#include "kernels/square_scheme.h"

#include <ATen/ATen.h>

namespace reverie::kernels {

const SquareScheme kSquareFour = {6,
                                  4,
                                  &Kernels::square4,
                                  {{1.0 / 4, 0, 0},
                                   {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                   {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                   {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                   {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                   {0, 0, 1}}};
const SquareScheme kSquareSix = {8,
                                 6,
                                 &Kernels::square6,
                                 {{-1, 0, 0},
                                  {-2.0 / 9, -2.0 / 9, -2.0 / 9},
                                  {-2.0 / 9, 2.0 / 9, -2.0 / 9},
                                  {1.0 / 90, 1.0 / 45, 2.0 / 45},
                                  {1.0 / 90, -1.0 / 45, 2.0 / 45},
                                  {32.0 / 45, 16.0 / 45, 8.0 / 45},
                                  {32.0 / 45, -16.0 / 45, 8.0 / 45},
                                  {0, 0, 1}}};

PackedMatrices square_weights(const SquareScheme& scheme, const at::Tensor& weight, bool turned,
                              const Kernels& kernels) {
    const float* const w = weight.data_ptr<float>();
    const std::int64_t outputs = weight.size(0);
    const std::int64_t inputs = weight.size(1);
    const int side = scheme.side;
    double factors[64][9];
    for (int i = 0; i < side; ++i) {
        for (int j = 0; j < side; ++j) {
            for (int y = 0; y < 3; ++y) {
                for (int x = 0; x < 3; ++x) {
                    // turned by half a turn: what the gradient meets
                    factors[i * side + j][turned ? 8 - (y * 3 + x) : y * 3 + x] =
                        scheme.factors[i][y] * scheme.factors[j][x];
                }
            }
        }
    }
    const auto value = [&](std::int64_t position, std::int64_t input, std::int64_t output) {
        const float* const kernel = w + (output * inputs + input) * 9;
        const double* const factor = factors[position];
        double sum = 0.0;
        for (int i = 0; i < 9; ++i) {
            sum += factor[i] * kernel[i];
        }
        return static_cast<float>(sum);
    };
    if (turned) {
        return {kernels, scheme.positions(), outputs, inputs,
                [&](std::int64_t p, std::int64_t row, std::int64_t column) { return value(p, column, row); }};
    }
    return {kernels, scheme.positions(), inputs, outputs, value};
}

}  // namespace reverie::kernels
