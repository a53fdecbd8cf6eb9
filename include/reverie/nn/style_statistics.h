// What a feature map says of style, whatever its size and arrangement: moments over positions, distances between them,
// and the distances' gradients in closed form. Nothing here needs autograd, and sums over tiles give the sums over the
// whole.
#pragma once

#include <cstdint>

#include "reverie/core/tensor.h"

namespace reverie {

/// A feature map [1,C,h,w] as [h*w,C]: a view where it is channels-last.
Tensor rows_of(const Tensor& features);

/// Sums over positions, float64, on the features' device.
struct Moments {
    Tensor first;         ///< [C]: sum of w x
    Tensor second;        ///< [C,C]: sum of w x x^T
    double weight = 0.0;  ///< sum of w

    bool empty() const noexcept { return weight <= 0.0; }
    /// `rows` [n,C] float32; `weights` [n] float32 in [0,1], undefined: all 1. Throws Usage for other tensors.
    void add(const Tensor& rows, const Tensor& weights = {});
    /// The same where the sum of the weights is known: nothing is read back from a device.
    void add(const Tensor& rows, const Tensor& weights, double sum_of_weights);
    /// The two become means over the positions; weight 1. An empty one stays empty.
    Moments means() const;
    /// this + share * other, where both hold means (blending styles).
    void blend(const Moments& other, double share);
};

enum class StyleStatistic {
    W2,      ///< squared 2-Wasserstein distance of the Gaussians with these means and covariances, per channel
    Gram,    ///< mean squared difference of the second moments (Gatys et al. 2016, up to a factor)
    MeanStd  ///< squared differences of means and standard deviations, per channel (Huang, Belongie 2017)
};

/// A distance and its derivatives with respect to the means over positions.
struct StyleDistance {
    Tensor value;   ///< scalar float64
    Tensor first;   ///< [C] float64: d value / d mean
    Tensor second;  ///< [C,C] float64, symmetric: d value / d second moment (each entry taken as free)
};

/// A style's statistic in one layer, prepared so that distances to it are cheap.
class StyleTarget {
  public:
    /// `target` holds means. Activations count times `scale` (1 / their root mean square on the style, say). `ridge` is
    /// added to the diagonals of both covariances, in units of the scaled activations: W2 stays finite for singular
    /// ones. W2 compares as a whole the principal directions that hold `share` (0..1] of the style's variance, and
    /// along each of the others the variances alone: of hundreds of channels some need no more, and an
    /// eigendecomposition costs the cube of their number. What comes out is never above the whole distance, and 0 for
    /// the style itself.
    StyleTarget(StyleStatistic statistic, const Moments& target, double scale, double ridge, double share = 1.0);

    /// Throws Usage for moments that are not finite: an optimisation went astray (found on the CPU, and by W2 on any
    /// device; elsewhere the value is not finite either). Of `moments` (means, unscaled); the
    /// derivatives are with respect to the unscaled means too. W2: mean over channels of (m - t)^2 + diag(A + B) - 2 tr
    /// (A^1/2 B A^1/2)^1/2. Only the root's trace is needed, so its derivative is 1/2 A^1/2 (A^1/2 B A^1/2)^-1/2 A^1/2:
    /// one eigendecomposition (Olkin, Pukelsheim 1982).
    StyleDistance distance(const Moments& moments) const;

  private:
    StyleStatistic statistic_;
    double scale_;
    double ridge_;
    Tensor mean_, second_;  // scaled
    // W2, with ridge: A = root root^T over the main directions (all: the symmetric root), and what is left.
    Tensor covariance_, root_;
    Tensor rest_, rest_deviations_;  // [C,C-k] directions, [C-k]; undefined: root_ is whole
};

/// The gradient with respect to `rows` [n,C] of `factor` times a distance whose means are sums over rows: float32
/// [n,C], w factor (2 S x + f). Written to `gradient`, or added to it when that is `begun`.
void add_rows_gradient_(Tensor& gradient, const Tensor& rows, const Tensor& weights, const StyleDistance& distance,
                        double factor, bool begun);

}  // namespace reverie
