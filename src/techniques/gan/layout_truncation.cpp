#include "techniques/gan/layout_truncation.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/parallel.h"
#include "techniques/fixed_batches.h"

namespace reverie {
namespace {

constexpr std::uint64_t kMeasuredStream = 0x6c61796f7574;
constexpr std::int64_t kMeasured = 512;  // latents that means and norms are found with

/// work(latents) for each batch of them.
void in_batches(const Tensor& latents, c10::Device device, const Hooks& hooks,
                const std::function<void(const Tensor&)>& work) {
    for (const Tensor& part : latents.split(std::min(fixed_batch(device), kMeasured))) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped while layouts were being truncated");
        }
        work(part);
    }
}

/// What is the same in all places of a map, [N,C,1,1].
Tensor plain_part(const Tensor& maps) { return maps.mean({2, 3}, /*keepdim=*/true); }

}  // namespace

LayoutTruncation::LayoutTruncation(std::shared_ptr<LayoutGenerator> generator, const GanNetOptions& options,
                                   c10::Device device, double share, const Hooks& hooks)
    : generator_(std::move(generator)), share_(share) {
    const c10::NoGradGuard no_grad;
    const KernelThreads threads;  // sums are the same with any number
    const Tensor latents = on_device(normal_noise(0, kMeasuredStream, 0, kMeasured, {options.latent}), device);
    find_means(options, latents, hooks);
    measure_norms(options, latents, hooks);
}

void LayoutTruncation::find_means(const GanNetOptions& options, const Tensor& latents, const Hooks& hooks) {
    std::vector<Tensor> means;
    for (std::int64_t label = 0; label < std::max<std::int64_t>(1, options.classes); ++label) {
        Tensor sum;
        in_batches(latents, latents.device(), hooks, [&](const Tensor& part) {
            const Tensor labels = at::full({part.size(0)}, label, part.options().dtype(at::kLong));
            const Tensor of_part = generator_->coarsest_maps(part, labels).sum(0);
            sum = sum.defined() ? sum + of_part : of_part;
        });
        means.push_back(sum / static_cast<double>(latents.size(0)));
    }
    means_ = at::stack(means);
}

/// As torch.optim.swa_utils.update_bn does: the mean over batches of each batch's own moments. Norms before the
/// coarsest maps see what they saw in training, and are left alone.
void LayoutTruncation::measure_norms(const GanNetOptions& options, const Tensor& latents, const Hooks& hooks) {
    std::vector<torch::nn::BatchNorm2dImpl*> norms;
    for (const auto& module : generator_->modules(/*include_self=*/false)) {
        if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) {
            norms.push_back(norm);
        }
    }
    const Tensor labels =
        at::arange(latents.size(0), latents.options().dtype(at::kLong)) % std::max<std::int64_t>(1, options.classes);
    std::int64_t done = 0;
    std::int64_t batches = 0;
    in_batches(latents, latents.device(), hooks, [&](const Tensor& part) {
        const Tensor of_part = labels.narrow(0, done, part.size(0));
        const Tensor maps = truncated_maps(part, of_part);
        ++batches;
        for (auto* norm : norms) {
            norm->options.momentum(1.0 / static_cast<double>(batches));
        }
        generator_->train();
        generator_->images_of(maps, of_part);
        generator_->eval();
        done += part.size(0);
    });
}

Tensor LayoutTruncation::truncated_maps(const Tensor& latents, const Tensor& labels) const {
    const KernelThreads threads;
    const Tensor maps = generator_->coarsest_maps(latents, labels);
    const Tensor mean = means_.size(0) == 1 ? means_ : means_.index_select(0, labels);
    const Tensor apart = maps - mean;
    const Tensor plain = plain_part(apart);
    return (mean + plain + (apart - plain) * share_).contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor LayoutTruncation::images(const Tensor& latents, const Tensor& labels) const {
    return generator_->images_of(truncated_maps(latents, labels), labels);
}

}  // namespace reverie
