#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reverie/core/checks.h"
#include "reverie/core/noise.h"
#include "reverie/core/random.h"
#include "reverie/image/resample.h"
#include "reverie/techniques/fast_style.h"

namespace reverie {
namespace {

constexpr std::uint64_t kPicture = 0x70696374757265;  // the stream of what a picture is made by
constexpr std::uint64_t kClouds = 0x636c6f756473;
constexpr std::uint64_t kPlaces = 0x706c61636573;

/// The draws of one picture, in the order they are made.
class Draws {
  public:
    Draws(std::uint64_t seed, std::int64_t number) : seed_(seed), next_(static_cast<std::uint64_t>(number) * kMost) {}
    double between(double low, double high) { return low + (high - low) * random_uniform(seed_, kPicture, next_++); }
    /// As often below 1 as above it.
    double factor(double most) { return std::exp(between(-1.0, 1.0) * std::log(most)); }

  private:
    static constexpr std::uint64_t kMost = 64;  // of a picture
    std::uint64_t seed_, next_;
};

Tensor color(Draws& draws, const at::TensorOptions& options) {
    const double red = draws.between(0.0, 1.0);
    const double green = draws.between(0.0, 1.0);
    const double blue = draws.between(0.0, 1.0);
    return at::tensor({red, green, blue}, at::kDouble).to(options).view({3, 1, 1});
}

/// One colour, a way from one to another, or clouds of some size: sky, walls and grain, of which few photos have
/// enough.
Tensor drawn_picture(std::int64_t side, Draws& draws, std::uint64_t seed, std::int64_t number,
                     const at::TensorOptions& options) {
    const double kind = draws.between(0.0, 3.0);
    const Tensor one = color(draws, options);
    if (kind < 1.0) {
        return one.expand({3, side, side}).contiguous();
    }
    if (kind < 2.0) {
        const double angle = draws.between(0.0, 2.0 * std::numbers::pi);
        const Tensor line = at::linspace(-0.5, 0.5, side, options);
        const Tensor way = line.unsqueeze(1) * std::sin(angle) + line.unsqueeze(0) * std::cos(angle) + 0.5;
        return at::lerp(one, color(draws, options), way.clamp(0.0, 1.0));
    }
    const double most = std::log2(static_cast<double>(side));
    const auto cells = static_cast<std::int64_t>(std::exp2(draws.between(2.0, most)));
    const double strength = draws.between(0.02, 0.3);
    const Tensor noise = normal_noise(seed, kClouds, number, 1, {3, cells, cells})[0].to(options);
    return (one + strength * resize(noise, Size{side, side})).clamp(0.0, 1.0);
}

/// A photo with a part that is plain, black, white or of some colour, as shadows and skies are. Few photos have such
/// parts, and where a net has not met them it paints a plateau without strokes.
Tensor with_plain_part(const Tensor& picture, Draws& draws, std::uint64_t seed, std::int64_t number) {
    const double kind = draws.between(0.0, 3.0);
    const Tensor some = color(draws, picture.options());
    const Tensor plain = kind < 1.0 ? at::zeros_like(some) : kind < 2.0 ? at::ones_like(some) : some;
    constexpr std::int64_t kCells = 4;  // across the picture: the part is as large as a cloud of that noise
    constexpr double kHeight = 0.3;     // above which clouds are the part: about a third of all
    constexpr double kEdge = 1 / 8.0;   // how far up its edge goes
    const Tensor clouds = normal_noise(seed, kClouds, number, 1, {1, kCells, kCells})[0].to(picture.options());
    const Tensor share = (resize(clouds, Size{picture.size(2), picture.size(1)}) - kHeight) / kEdge;
    return at::lerp(picture, plain, share.clamp(0.0, 1.0));
}

/// Colours turned about the grey axis.
Tensor turned_hue(const Tensor& picture, double angle) {
    const double straight = std::cos(angle);
    const double shared = (1.0 - straight) / 3.0;
    const double across = std::sin(angle) / std::sqrt(3.0);
    Tensor turn = at::full({3, 3}, shared, at::kDouble);
    turn.diagonal().add_(straight);
    turn += across * at::tensor({0.0, -1.0, 1.0, 1.0, 0.0, -1.0, -1.0, 1.0, 0.0}, at::kDouble).view({3, 3});
    return turn.to(picture.options()).matmul(picture.flatten(1)).view_as(picture);
}

constexpr std::int64_t kPeriod = 8;  // of lattices: two cells of the net's smallest maps

/// A picture as windows of so many squares, the rest left away: [3, windows down, rows, 8, windows across, columns, 8].
Tensor in_windows(const Tensor& picture, std::int64_t rows, std::int64_t columns) {
    const auto cut = [&](const Tensor& whole, std::int64_t axis, std::int64_t squares) {
        const std::int64_t count = whole.size(axis) / (squares * kPeriod);
        return whole.narrow(axis, 0, count * squares * kPeriod).unflatten(axis, {count, squares, kPeriod});
    };
    return cut(cut(picture, 2, columns), 1, rows);
}

/// What the squares of each window have in common, less its mean: [3, windows down, 8, windows across, 8].
Tensor lattices(const Tensor& windows) {
    const Tensor common = windows.mean({2, 5});
    return common - common.mean({2, 4}, /*keepdim=*/true);
}

}  // namespace

std::int64_t side_at(const FastStyleOptions& options, std::int64_t step, std::int64_t total) {
    constexpr double kHalf = 0.3;           // of the steps are done with half of the side,
    constexpr double kThreeQuarters = 0.6;  // and up to here with three quarters
    const double done = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(total, 1));
    const std::int64_t side = options.side;
    return done < kHalf ? side / 2 : done < kThreeQuarters ? side - side / 4 : side;
}

Tensor training_picture(const Tensor& photo, std::int64_t side, const FastStyleOptions& options, std::uint64_t seed,
                        std::int64_t number) {
    require_image(photo, "a photo to train on");
    Draws draws(seed, number);
    if (draws.between(0.0, 1.0) < options.drawn) {
        return drawn_picture(side, draws, seed, number, photo.options());
    }
    const std::int64_t shorter = std::min(photo.size(1), photo.size(2));
    const auto crop =
        std::max<std::int64_t>(1, std::llround(draws.between(options.least_crop, 1.0) * static_cast<double>(shorter)));
    const auto place = [&](std::int64_t length) {
        return static_cast<std::int64_t>(draws.between(0.0, static_cast<double>(length - crop + 1)));
    };
    const std::int64_t top = std::min(place(photo.size(1)), photo.size(1) - crop);
    const std::int64_t left = std::min(place(photo.size(2)), photo.size(2) - crop);
    Tensor picture = resize(photo.narrow(1, top, crop).narrow(2, left, crop).contiguous(), Size{side, side});
    if (draws.between(0.0, 1.0) < 0.5) {
        picture = picture.flip({2});
    }
    const double gamma = draws.factor(1.3);
    const double gain = draws.factor(1.25);
    constexpr double kMostTurn = 0.3;  // radians
    picture = turned_hue(picture.clamp(0.0, 1.0).pow(gamma) * gain, draws.between(-kMostTurn, kMostTurn));
    picture = picture.clamp(0.0, 1.0);
    return draws.between(0.0, 1.0) < options.plain ? with_plain_part(picture, draws, seed, number) : picture;
}

Tensor judged_part(const Tensor& picture, std::uint64_t seed, std::int64_t number) {
    require_image(picture, "a painted picture");
    const auto part_of = [&](const Tensor& whole, std::int64_t axis) {
        const auto counter = static_cast<std::uint64_t>(2 * number + axis);
        const std::int64_t first = random_integer(seed, kPlaces, counter, 0, kJudgedPlaces - 1);
        return whole.narrow(axis + 1, first, whole.size(axis + 1) - (kJudgedPlaces - 1));
    };
    return part_of(part_of(picture, 0), 1).contiguous();
}

Tensor lattice_of(const Tensor& picture) {
    require_image(picture, "a painted picture");
    const auto squares = [&](std::int64_t axis) { return std::max<std::int64_t>(1, picture.size(axis) / kPeriod); };
    const Tensor whole = in_windows(picture, squares(1), squares(2));
    return lattices(whole).reshape({3, kPeriod, kPeriod});
}

Tensor lattice_cost(const Tensor& picture) {
    constexpr std::int64_t kSquares = 8;  // of a window along each axis
    constexpr double kUnseen = 1.5e-5;    // the square of a step of 255, about: less is not seen
    constexpr double kOfWindows = 1e-3;
    const Tensor of_whole = lattice_of(picture).square().mean();
    if (std::min(picture.size(1), picture.size(2)) < kSquares * kPeriod) {
        return of_whole;
    }
    const Tensor windows = in_windows(picture, kSquares, kSquares);
    const Tensor detail = (windows - windows.mean({3, 6}, /*keepdim=*/true)).square().mean({0, 2, 3, 5, 6});
    const Tensor share = lattices(windows).square().mean({0, 2, 4}) / (detail + kUnseen);
    return of_whole + kOfWindows * share.mean();
}

}  // namespace reverie
