#include "image/color_conversion.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "image/curve_table.h"

namespace reverie::image {
namespace {

class GreyConversion : public ColorConversion {
  public:
    explicit GreyConversion(CurveTable table) : table_(std::move(table)) {}
    void convert(const float* const* in, float* const* out, std::int64_t count) const override {
        for (std::int64_t i = 0; i < count; ++i) {
            out[0][i] = table_(in[0][i]);
        }
    }

  private:
    CurveTable table_;
};

class PlainInks : public ColorConversion {
  public:
    void convert(const float* const* in, float* const* out, std::int64_t count) const override {
        for (std::int64_t i = 0; i < count; ++i) {
            const float light = 1 - in[3][i];
            for (int channel = 0; channel < 3; ++channel) {
                out[channel][i] = (1 - in[channel][i]) * light;
            }
        }
    }
};

}  // namespace

Tensor convert_to_srgb_(const Tensor& planes, const ColorConversion& conversion) {
    const std::int64_t channels = planes.size(0);
    const std::int64_t height = planes.size(1);
    const std::int64_t width = planes.size(2);
    Tensor result = channels == 4 ? at::empty({3, height, width}, planes.options()) : planes;
    auto* in = planes.data_ptr<float>();
    auto* out = result.data_ptr<float>();
    at::parallel_for(0, height, 4, [&](std::int64_t first, std::int64_t last) {
        std::array<const float*, 4> from = {};
        std::array<float*, 3> to = {};
        for (std::int64_t channel = 0; channel < channels; ++channel) {
            from[static_cast<std::size_t>(channel)] = in + (channel * height + first) * width;
        }
        for (std::int64_t channel = 0; channel < result.size(0); ++channel) {
            to[static_cast<std::size_t>(channel)] = out + (channel * height + first) * width;
        }
        conversion.convert(from.data(), to.data(), (last - first) * width);
    });
    return result;
}

Conversion grey_conversion(const ColorConversion& conversion, int planes) {
    std::vector<float> grey(kDecodeSteps + 1);
    for (int i = 0; i <= kDecodeSteps; ++i) {
        grey[static_cast<std::size_t>(i)] = static_cast<float>(i) / kDecodeSteps;
    }
    std::array<std::vector<float>, 3> made;
    made.fill(grey);
    const std::array<const float*, 3> in = {grey.data(), grey.data(), grey.data()};
    const std::array<float*, 3> out = {made[0].data(), made[1].data(), made[2].data()};
    conversion.convert(in.data(), out.data(), kDecodeSteps + 1);
    return std::make_shared<GreyConversion>(CurveTable(kDecodeSteps, [&](double x) {
        const auto i = static_cast<std::size_t>(std::lround(x * kDecodeSteps));
        return planes == 1 ? made[0][i] : (made[0][i] + made[1][i] + made[2][i]) / 3;
    }));
}

bool changes_nothing(const ColorConversion& conversion, int colors) {
    // All greys of 8 bits, which show every curve, and a grid of colours, which shows the primaries.
    constexpr int kGreys = 256;
    constexpr int kSide = 6;
    std::array<std::vector<float>, 3> samples;
    for (auto& plane : samples) {
        for (int i = 0; i < kGreys; ++i) {
            plane.push_back(static_cast<float>(i) / (kGreys - 1));
        }
    }
    for (int i = 0; colors == 3 && i < kSide * kSide * kSide; ++i) {
        const std::array<int, 3> place = {i % kSide, i / kSide % kSide, i / kSide / kSide};
        for (std::size_t channel = 0; channel < 3; ++channel) {
            samples[channel].push_back(static_cast<float>(place[channel]) / (kSide - 1));
        }
    }
    std::array<std::vector<float>, 3> made = samples;
    const std::array<const float*, 3> in = {samples[0].data(), samples[1].data(), samples[2].data()};
    const std::array<float*, 3> out = {made[0].data(), made[1].data(), made[2].data()};
    conversion.convert(in.data(), out.data(), static_cast<std::int64_t>(samples[0].size()));
    constexpr float kStep = 1.0F / 255;
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(colors); ++channel) {
        for (std::size_t i = 0; i < samples[channel].size(); ++i) {
            if (!(std::abs(made[channel][i] - samples[channel][i]) <= kStep)) {
                return false;
            }
        }
    }
    return true;
}

Conversion fit_conversion(Conversion rgb, int colors) {
    Conversion fitting = colors == 1 ? grey_conversion(*rgb, 3) : std::move(rgb);
    return changes_nothing(*fitting, colors) ? nullptr : fitting;
}

Conversion plain_inks() {
    static const Conversion kInks = std::make_shared<PlainInks>();
    return kInks;
}

}  // namespace reverie::image
