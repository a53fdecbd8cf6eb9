#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/random.h"
#include "reverie/techniques/latent_space.h"
#include "techniques/latent/latent_streams.h"
#include "techniques/latent/logistic_regression.h"

namespace reverie {
namespace {

void require_direction(const Direction& direction, std::int64_t dimensions) {
    const Tensor& vector = direction.vector;
    if (!vector.defined() || vector.scalar_type() != at::kFloat || vector.dim() != 1 || vector.size(0) != dimensions) {
        throw Error(ErrorKind::Usage, "the direction '" + direction.name + "' is " + tensor_text(vector) +
                                          "; wanted float32 [" + std::to_string(dimensions) + "], as latents are");
    }
}

struct Split {
    Tensor learned;
    Tensor held;
};

/// A fifth held out, at least one and never all: the head of a shuffle keyed by (seed, side).
Split split(const Tensor& rows, std::uint64_t seed, std::uint64_t side) {
    const std::int64_t count = rows.size(0);
    const std::int64_t held = std::max<std::int64_t>(1, count / 5);
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = 0; i < held; ++i) {
        const auto counter = (side << 32) + static_cast<std::uint64_t>(i);
        const std::int64_t j = random_integer(seed, kHoldOutStream, counter, i, count - 1);
        std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
    }
    const Tensor index = at::tensor(order, at::kLong);
    const Tensor exact = rows.to(at::kDouble);
    return {exact.index_select(0, index.narrow(0, held, count - held)),
            exact.index_select(0, index.narrow(0, 0, held))};
}

void check_side(const std::string& name, const char* side, const Tensor& rows) {
    if (rows.size(0) < 2) {
        throw Error(ErrorKind::Input, "the attribute '" + name + "' has " + std::to_string(rows.size(0)) +
                                          " picture(s) " + side +
                                          " it; at least 2 are needed, of which one measures what the other taught");
    }
}

}  // namespace

PrincipalAxes principal_axes(const Tensor& latents) {
    if (latents.size(0) < 2) {
        throw Error(ErrorKind::Input, "principal axes of " + std::to_string(latents.size(0)) +
                                          " picture(s) were asked for; they need at least 2");
    }
    const Tensor rows = latents.to(at::kDouble);
    const Tensor mean = rows.mean(0);
    const Tensor centered = rows - mean;
    const auto [values, vectors] =
        at::linalg_eigh(centered.t().matmul(centered) / static_cast<double>(rows.size(0) - 1));
    const Tensor axes = vectors.t().flip(0);  // rows, the largest variance first
    const Tensor largest = axes.gather(1, axes.abs().argmax(1, true));
    return {mean.to(at::kFloat), (axes * largest.sign()).to(at::kFloat).contiguous(),
            values.flip(0).clamp_min(0.0).sqrt().to(at::kFloat)};
}

Direction learn_direction(const std::string& name, const Tensor& with, const Tensor& without, DirectionMethod method,
                          std::uint64_t seed) {
    check_side(name, "with", with);
    check_side(name, "without", without);
    const Split on = split(with, seed, 0);
    const Split off = split(without, seed, 1);
    const Tensor mean_on = on.learned.mean(0);
    const Tensor mean_off = off.learned.mean(0);
    Tensor vector = mean_on - mean_off;
    if (vector.count_nonzero().item<std::int64_t>() == 0) {
        throw Error(ErrorKind::Input, "the pictures with and without the attribute '" + name +
                                          "' have the same mean; hand in two folders that differ in it");
    }
    if (method == DirectionMethod::Classifier) {
        const Tensor normal = logistic_normal(on.learned, off.learned);
        vector = normal * (normal.dot(vector) / normal.dot(normal));
    }
    const Tensor middle = 0.5 * (mean_on + mean_off);
    const auto right_on = (on.held - middle).mv(vector).gt(0.0).to(at::kDouble).mean().item<double>();
    const auto right_off = (off.held - middle).mv(vector).lt(0.0).to(at::kDouble).mean().item<double>();
    return {name, vector.to(at::kFloat), 0.5 * (right_on + right_off)};
}

std::vector<Direction> orthogonalized(std::vector<Direction> directions) {
    constexpr double kLeastOwn = 0.1;  // of its length; less is steered by what the others leave of it by chance
    std::vector<Tensor> basis;         // unit vectors
    for (Direction& direction : directions) {
        const Tensor whole = direction.vector.to(at::kDouble);
        Tensor own = whole.clone();
        for (const Tensor& other : basis) {
            own -= other * other.dot(own);
        }
        const auto left = (own.dot(own) / whole.dot(whole)).item<double>();
        if (!(left >= kLeastOwn * kLeastOwn)) {
            throw Error(ErrorKind::Usage, "the attribute '" + direction.name +
                                              "' points nearly where those before it do, so nothing of its own would "
                                              "be left; leave it out, or do without making them orthogonal");
        }
        basis.push_back(own / own.norm());
        direction.vector = (own / left).to(at::kFloat);  // as far along the whole as before
    }
    return directions;
}

Tensor edit_vector(std::vector<DirectionShare> shares, bool orthogonal, std::int64_t dimensions) {
    std::vector<Direction> directions;
    for (DirectionShare& share : shares) {
        require_direction(share.direction, dimensions);
        directions.push_back(std::move(share.direction));
    }
    if (orthogonal) {
        directions = orthogonalized(std::move(directions));
    }
    Tensor vector = at::zeros({dimensions});
    for (std::size_t i = 0; i < directions.size(); ++i) {
        vector += directions[i].vector * shares[i].strength;
    }
    return vector;
}

Tensor edited_latents(const Tensor& latents, const Tensor& vector, const std::vector<double>& strengths) {
    require_rows(latents, "the latents to be edited", 0);
    require_direction({.name = "the edit", .vector = vector}, latents.size(1));
    const Tensor amounts = at::tensor(strengths, at::kDouble).to(at::kFloat);
    return (latents.unsqueeze(1) + amounts.view({1, -1, 1}) * vector).flatten(0, 1);  // [N,S,D] -> [N*S,D]
}

}  // namespace reverie
