// Ways through a latent space. Pure functions of float32 latents [N,D] on the CPU; to be called on plain threads
// (core/parallel.h says why).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// A seed's latent is a function of the seed alone: [seeds, D] standard normal times `truncation` (z-space; 1: the
/// prior itself).
Tensor seed_latents(const std::vector<std::uint64_t>& seeds, std::int64_t dimensions, double truncation = 1.0);

/// "1-64", "3,7,20-25": what --seeds takes, a million at most. Throws Usage.
std::vector<std::uint64_t> parse_seeds(const std::string& text);

enum class Blend { Linear, Spherical };

/// `frames` latents [frames, D] through the keyframes [K,D] at even arc of keyframe number, the first and last being
/// keyframes exactly; `closed`: back to the first, whose frame is not repeated. Spherical is slerp with the length
/// blended too; keyframes nearly (anti)parallel or at the origin fall back to linear. Throws Usage for K < 2 (closed or
/// not) or frames < 2.
Tensor latent_path(const Tensor& keyframes, std::int64_t frames, Blend blend, bool closed);

/// A mixture of Gaussians of latents, all float64. Means and variances are coordinates c along the latents' principal
/// axes, each scaled to unit deviation: a latent is center + c basis. There covariances are diagonal, so one component
/// is the Gaussian with the full covariance.
struct Mixture {
    Tensor weights;    ///< [K], sum 1
    Tensor means;      ///< [K,D]
    Tensor variances;  ///< [K,D]
    Tensor center;     ///< [D]
    Tensor basis;      ///< [D,D], an axis a row
};
/// Fitted by EM from k-means++ centres (all by `seed`), until that gains nothing more. Throws Usage for fewer than 1
/// component or more than latents.
Mixture fit_mixture(const Tensor& latents, std::int64_t components, std::uint64_t seed, std::int64_t iterations = 100);
/// Row i is a function of (seeds[i]) alone; truncation scales the deviation from the component's mean.
Tensor sample_mixture(const Mixture& mixture, const std::vector<std::uint64_t>& seeds, double truncation = 1.0);

/// Principal axes of posterior means [N,D]: directions [D,D] by falling variance (rows, unit length, the largest
/// entry positive), standard deviations [D] along them, the mean [D]; float32. Throws Input for N < 2.
struct PrincipalAxes {
    Tensor mean;
    Tensor axes;
    Tensor deviations;
};
PrincipalAxes principal_axes(const Tensor& latents);

/// A rows x columns grid of latents [rows*columns, D] in the plane mean + a*u + b*v, a and b at normal quantiles from
/// `low` to `high` (probabilities, e.g. 0.05 .. 0.95), top row the largest a, left column the smallest b. A single row
/// or column lies in the middle. Throws Usage for none, or quantiles that do not rise within (0,1).
Tensor manifold_latents(const Tensor& center, const Tensor& u, const Tensor& v, std::int64_t rows, std::int64_t columns,
                        double low = 0.05, double high = 0.95);

/// An attribute as a direction of the latent space.
struct Direction {
    std::string name;
    Tensor vector;           ///< [D]: adding 1.0 of it goes from the mean without to the mean with
    double accuracy = -1.0;  ///< held out, of a linear classifier along it; -1: not measured
};

enum class DirectionMethod {
    Mean,        ///< difference of the means (Larsen et al. 2016)
    Classifier,  ///< normal of an L2-regularised logistic regression, scaled to span the two means
};

/// `with`, `without`: posterior means [N,D], [M,D]. A fifth of each, chosen by `seed`, is held out to measure accuracy
/// (nearest side of the midpoint along the direction; the mean of both sides' shares). Throws Input for fewer than 2 on
/// a side, or sides that do not differ.
Direction learn_direction(const std::string& name, const Tensor& with, const Tensor& without, DirectionMethod method,
                          std::uint64_t seed);

/// Directions made mutually orthogonal in order (Gram-Schmidt), each keeping its effect along itself: adding one moves
/// as far along its old vector as before. Throws Usage, naming it, for one that the others before it nearly span.
std::vector<Direction> orthogonalized(std::vector<Direction> directions);

/// One direction of an edit, and how much of it.
struct DirectionShare {
    Direction direction;
    double strength = 1.0;
};
/// What an edit of strength 1 adds to a latent, [dimensions]: the directions by their strengths, made orthogonal first
/// when asked. Throws like orthogonalized.
Tensor edit_vector(std::vector<DirectionShare> shares, bool orthogonal, std::int64_t dimensions);

/// Latents [N,D] moved along `vector` [D] by each of S strengths: [N*S,D], all strengths of a latent in a row.
Tensor edited_latents(const Tensor& latents, const Tensor& vector, const std::vector<double>& strengths);

/// A small safetensors file. Throws Output; reading throws Input for another file or other dimensions than
/// `dimensions`.
void write_direction(const std::filesystem::path& path, const Direction& direction);
Direction read_direction(const std::filesystem::path& path, std::int64_t dimensions);

/// Latents as files, told by extension: .npy (float32, C order) or .csv (a title row, then one row a latent, 9
/// significant digits, which read back to the same bits; a name column first when `names`, one for each, are given).
/// Read are those and CSV of bare numbers. Throws Usage for another extension, Output, and Input for damage, values
/// that are not finite, or another width than `dimensions` (0: any). Writing says the path that the file has got, as
/// AtomicFile::commit does.
std::filesystem::path write_latents(const std::filesystem::path& path, const Tensor& latents,
                                    const std::vector<std::string>& names = {},
                                    Replacing replacing = Replacing::Allowed);
Tensor read_latents(const std::filesystem::path& path, std::int64_t dimensions);

}  // namespace reverie
