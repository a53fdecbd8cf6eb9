#include "reverie/metrics/importance.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/noise.h"

namespace reverie {
namespace {

/// log of a sum of exponentials whose terms come one by one.
class LogSum {
  public:
    void add(double term) {
        if (term == -std::numeric_limits<double>::infinity()) {
            return;
        }
        if (term > largest_) {
            sum_ = sum_ * std::exp(largest_ - term) + 1.0;
            largest_ = term;
        } else {
            sum_ += std::exp(term - largest_);
        }
    }
    double value() const { return largest_ + std::log(sum_); }

  private:
    double largest_ = -std::numeric_limits<double>::infinity();
    double sum_ = 0.0;
};

/// Standard normal numbers for samples [first, last) counted over all images, K an image: [last - first, D].
Tensor noise_of(std::int64_t first, std::int64_t last, std::int64_t dimensions, const ImportanceOptions& options) {
    std::vector<Tensor> parts;
    while (first < last) {
        const std::int64_t image = first / options.samples;
        const std::int64_t end = std::min(last, (image + 1) * options.samples);
        parts.push_back(normal_noise(options.seed, static_cast<std::uint64_t>(image), first % options.samples,
                                     end - first, {dimensions}));
        first = end;
    }
    return at::cat(parts);
}

}  // namespace

LikelihoodEstimate importance_nll(const Tensor& mean, const Tensor& log_variance,
                                  const std::function<Tensor(const Tensor& rows, const Tensor& z)>& log_likelihood,
                                  const ImportanceOptions& options, const Hooks& hooks) {
    const c10::NoGradGuard no_grad;
    if (mean.size(0) == 0 || options.samples < 1 || options.batch < 1) {
        throw Error(ErrorKind::Usage, "a likelihood was asked for of " + std::to_string(mean.size(0)) +
                                          " images with " + std::to_string(options.samples) +
                                          " importance samples; wanted at least one of each");
    }
    const std::int64_t images = mean.size(0);
    const Ranks::Share share = options.ranks.share_of(images);
    const std::int64_t begin = share.first * options.samples;
    const std::int64_t total = begin + share.count * options.samples;
    std::vector<LogSum> sums(static_cast<std::size_t>(share.count));
    for (std::int64_t first = begin; first < total; first += options.batch) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped while the likelihood was being estimated");
        }
        const std::int64_t last = std::min(total, first + options.batch);
        const Tensor rows = at::arange(first, last, at::kLong).div(options.samples, "floor");
        const Tensor noise = noise_of(first, last, mean.size(1), options);
        const Tensor lv = log_variance.index_select(0, rows);
        const Tensor z = mean.index_select(0, rows) + at::exp(0.5 * lv) * noise;
        // log p(x|z) + log p(z) - log q(z|x); the Gaussians' constants are the same.
        const Tensor prior_over_posterior = 0.5 * (noise.square() - z.square() + lv).sum(1, false, at::kDouble);
        const Tensor weights = (log_likelihood(rows, z).to(at::kCPU, at::kDouble) + prior_over_posterior).contiguous();
        for (std::int64_t i = first; i < last; ++i) {
            sums[static_cast<std::size_t>(i / options.samples - share.first)].add(
                weights.const_data_ptr<double>()[i - first]);
        }
        hooks.progress({.stage = "likelihood",
                        .done = static_cast<double>(last - begin),
                        .total = static_cast<double>(total - begin),
                        .unit = "samples"});
    }

    LikelihoodEstimate estimate{.images = images, .samples = options.samples};
    const auto count = static_cast<double>(images);
    const Tensor own = at::empty({share.count}, at::kDouble);
    for (std::int64_t i = 0; i < share.count; ++i) {
        own.data_ptr<double>()[i] =
            std::log(static_cast<double>(options.samples)) - sums[static_cast<std::size_t>(i)].value();
    }
    const Tensor all = options.ranks.gather_shares(own, images);
    const std::span<const double> nll(all.const_data_ptr<double>(), static_cast<std::size_t>(images));
    double squares = 0.0;
    for (const double one : nll) {
        estimate.nll += one / count;
    }
    for (const double one : nll) {
        squares += (one - estimate.nll) * (one - estimate.nll);
    }
    if (images > 1) {
        estimate.standard_error = std::sqrt(squares / (count - 1.0) / count);
    }
    return estimate;
}

}  // namespace reverie
