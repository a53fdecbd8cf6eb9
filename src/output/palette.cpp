#include "output/palette.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

namespace reverie::output {
namespace {

constexpr std::size_t kColors = 256;

/// Colours scaled so that distances are about as large as they look; the weights are those of the "redmean" distance
/// at middle red.
using Place = std::array<float, 3>;
constexpr Place kScale = {1.58F, 2.0F, 1.58F};

Place place_of(const Rgb& color) {
    Place place;
    for (std::size_t c = 0; c < 3; ++c) {
        place[c] = kScale[c] * static_cast<float>(color[c]);
    }
    return place;
}

Rgb color_at(const Place& place) {
    Rgb color;
    for (std::size_t c = 0; c < 3; ++c) {
        color[c] = static_cast<std::uint8_t>(std::clamp(std::lround(place[c] / kScale[c]), 0L, 255L));
    }
    return color;
}

float distance(const Place& a, const Place& b) {
    float sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
        sum += (a[c] - b[c]) * (a[c] - b[c]);
    }
    return sum;
}

std::size_t nearest(const std::vector<Place>& palette, const Place& place) {
    std::size_t best = 0;
    float best_distance = std::numeric_limits<float>::max();
    for (std::size_t i = 0; i < palette.size(); ++i) {
        const float d = distance(palette[i], place);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    return best;
}

class Pixels {
  public:
    explicit Pixels(const image::Raster& raster) : raster_(raster) {}
    std::int64_t height() const { return raster_.size.height; }
    std::int64_t width() const { return raster_.size.width; }
    Rgb operator()(std::int64_t y, std::int64_t x) const {
        const auto* pixel = reinterpret_cast<const std::uint8_t*>(raster_.row(y)) + 3 * x;
        return {pixel[0], pixel[1], pixel[2]};
    }

  private:
    const image::Raster& raster_;
};

std::uint32_t key_of(const Rgb& color) { return static_cast<std::uint32_t>(color[0] << 16 | color[1] << 8 | color[2]); }

/// The picture as it is, when its colours are few enough.
std::optional<Paletted> exact(const Pixels& pixels) {
    Paletted result;
    result.indices.reserve(static_cast<std::size_t>(pixels.height() * pixels.width()));
    std::unordered_map<std::uint32_t, std::uint8_t> known;
    for (std::int64_t y = 0; y < pixels.height(); ++y) {
        for (std::int64_t x = 0; x < pixels.width(); ++x) {
            const Rgb color = pixels(y, x);
            const auto [entry, is_new] =
                known.try_emplace(key_of(color), static_cast<std::uint8_t>(result.palette.size()));
            if (is_new) {
                if (result.palette.size() == kColors) {
                    return std::nullopt;
                }
                result.palette.push_back(color);
            }
            result.indices.push_back(entry->second);
        }
    }
    return result;
}

/// The mean colour of some that are nearly alike, and how much it counts.
struct Sample {
    Place place;
    float weight = 0;
};

constexpr int kCellBits = 5;

std::size_t cell_of(const Rgb& color, int bits) {
    const int drop = 8 - bits;
    return static_cast<std::size_t>((color[0] >> drop) << (2 * bits) | (color[1] >> drop) << bits | color[2] >> drop);
}

std::vector<Sample> samples_of(const Pixels& pixels) {
    struct Cell {
        std::array<double, 3> sum = {};
        double count = 0;
    };
    std::vector<Cell> cells(std::size_t{1} << (3 * kCellBits));
    for (std::int64_t y = 0; y < pixels.height(); ++y) {
        for (std::int64_t x = 0; x < pixels.width(); ++x) {
            const Rgb color = pixels(y, x);
            Cell& cell = cells[cell_of(color, kCellBits)];
            for (std::size_t c = 0; c < 3; ++c) {
                cell.sum[c] += color[c];
            }
            ++cell.count;
        }
    }
    std::vector<Sample> samples;
    for (const Cell& cell : cells) {
        if (cell.count > 0) {
            // The root of the count: small patches, lips and eyes, are to keep their colours beside large ones.
            Sample sample{.place = {}, .weight = static_cast<float>(std::sqrt(cell.count))};
            for (std::size_t c = 0; c < 3; ++c) {
                sample.place[c] = kScale[c] * static_cast<float>(cell.sum[c] / cell.count);
            }
            samples.push_back(sample);
        }
    }
    return samples;
}

/// A group of samples, how far they scatter, and along which axis most.
struct Box {
    std::vector<Sample>::iterator begin, end;
    Place mean = {};
    float scatter = 0;
    std::size_t axis = 0;

    Box(std::vector<Sample>::iterator from, std::vector<Sample>::iterator to) : begin(from), end(to) {
        float weight = 0;
        for (auto sample = begin; sample != end; ++sample) {
            weight += sample->weight;
            for (std::size_t c = 0; c < 3; ++c) {
                mean[c] += sample->weight * sample->place[c];
            }
        }
        Place squares = {};
        for (std::size_t c = 0; c < 3; ++c) {
            mean[c] /= weight;
            for (auto sample = begin; sample != end; ++sample) {
                squares[c] += sample->weight * (sample->place[c] - mean[c]) * (sample->place[c] - mean[c]);
            }
            scatter += squares[c];
        }
        axis = static_cast<std::size_t>(std::max_element(squares.begin(), squares.end()) - squares.begin());
    }
};

/// Splits the box that scatters most, at its mean, until there are enough; then moves each colour to the mean of those
/// nearest to it (Lloyd).
std::vector<Place> best_colors(std::vector<Sample> samples) {
    std::vector<Box> boxes = {Box(samples.begin(), samples.end())};
    while (boxes.size() < kColors) {
        const auto widest = std::max_element(boxes.begin(), boxes.end(),
                                             [](const Box& a, const Box& b) { return a.scatter < b.scatter; });
        const Box box = *widest;
        const auto middle = std::partition(
            box.begin, box.end, [&](const Sample& sample) { return sample.place[box.axis] <= box.mean[box.axis]; });
        if (middle == box.begin || middle == box.end) {
            break;  // every box is one colour
        }
        *widest = Box(box.begin, middle);
        boxes.emplace_back(middle, box.end);
    }
    std::vector<Place> colors;
    for (const Box& box : boxes) {
        colors.push_back(box.mean);
    }
    constexpr int kRounds = 4;
    for (int round = 0; round < kRounds; ++round) {
        std::vector<Place> sums(colors.size(), Place{});
        std::vector<float> weights(colors.size(), 0);
        for (const Sample& sample : samples) {
            const std::size_t index = nearest(colors, sample.place);
            weights[index] += sample.weight;
            for (std::size_t c = 0; c < 3; ++c) {
                sums[index][c] += sample.weight * sample.place[c];
            }
        }
        for (std::size_t i = 0; i < colors.size(); ++i) {
            for (std::size_t c = 0; c < 3 && weights[i] > 0; ++c) {
                colors[i][c] = sums[i][c] / weights[i];
            }
        }
    }
    return colors;
}

/// Bayer's 8 x 8 thresholds in (0,1).
constexpr std::array<std::array<float, 8>, 8> make_thresholds() {
    std::array<std::array<float, 8>, 8> thresholds{};
    for (unsigned y = 0; y < 8; ++y) {
        for (unsigned x = 0; x < 8; ++x) {
            unsigned value = 0;
            for (unsigned bit = 0; bit < 3; ++bit) {
                const unsigned across = ((x ^ y) >> bit) & 1;
                const unsigned down = (y >> bit) & 1;
                value |= (across << 1 | down) << (2 * (2 - bit));
            }
            thresholds[y][x] = (static_cast<float>(value) + 0.5F) / 64;
        }
    }
    return thresholds;
}

class Ditherer {
  public:
    explicit Ditherer(const std::vector<Rgb>& palette) {
        std::transform(palette.begin(), palette.end(), std::back_inserter(palette_), place_of);
        pairs_.assign(std::size_t{1} << (3 * kPairBits), Pair{});
    }

    std::uint8_t operator()(const Rgb& color, std::int64_t y, std::int64_t x) {
        const Place place = place_of(color);
        const Pair& pair = pair_of(color);
        const Place& first = palette_[pair.first];
        const Place& second = palette_[pair.second];
        float along = 0;  // of the line from the first colour to the second
        float length = 0;
        for (std::size_t c = 0; c < 3; ++c) {
            along += (place[c] - first[c]) * (second[c] - first[c]);
            length += (second[c] - first[c]) * (second[c] - first[c]);
        }
        static constexpr auto kThresholds = make_thresholds();
        return along > kThresholds[static_cast<std::size_t>(y % 8)][static_cast<std::size_t>(x % 8)] * length
                   ? pair.second
                   : pair.first;
    }

  private:
    struct Pair {
        std::uint8_t first = 0;
        std::uint8_t second = 0;
        bool is_known = false;
    };
    static constexpr int kPairBits = 6;

    /// The nearest colour, and the nearest to what lies as far beyond the wanted one: found once per 4 x 4 x 4 colours.
    const Pair& pair_of(const Rgb& color) {
        Pair& pair = pairs_[cell_of(color, kPairBits)];
        if (!pair.is_known) {
            constexpr std::uint8_t kCellMask = 0xff << (8 - kPairBits) & 0xff;
            constexpr std::uint8_t kCellMiddle = 1 << (7 - kPairBits);
            Rgb middle = color;
            for (std::uint8_t& level : middle) {
                level = static_cast<std::uint8_t>((level & kCellMask) | kCellMiddle);
            }
            const Place wanted = place_of(middle);
            pair.first = static_cast<std::uint8_t>(nearest(palette_, wanted));
            Place beyond;
            for (std::size_t c = 0; c < 3; ++c) {
                beyond[c] = 2 * wanted[c] - palette_[pair.first][c];
            }
            pair.second = static_cast<std::uint8_t>(nearest(palette_, beyond));
            pair.is_known = true;
        }
        return pair;
    }

    std::vector<Place> palette_;
    std::vector<Pair> pairs_;
};

}  // namespace

Paletted to_palette(const image::Raster& raster) {
    const Pixels pixels(raster);
    if (std::optional<Paletted> same = exact(pixels)) {
        return std::move(*same);
    }
    Paletted result;
    for (const Place& place : best_colors(samples_of(pixels))) {
        result.palette.push_back(color_at(place));
    }
    Ditherer dither(result.palette);
    result.indices.reserve(static_cast<std::size_t>(pixels.height() * pixels.width()));
    for (std::int64_t y = 0; y < pixels.height(); ++y) {
        for (std::int64_t x = 0; x < pixels.width(); ++x) {
            result.indices.push_back(dither(pixels(y, x), y, x));
        }
    }
    return result;
}

}  // namespace reverie::output
