// Apart from gradients.cpp for c10d's headers.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>
#include <utility>

#include "distributed/ranks_state.h"
#include "train/gradients.h"

namespace reverie {
namespace {

constexpr std::size_t kFirstBucket = std::size_t{1} << 16;  // bytes: what is ready first shall leave soon
constexpr std::size_t kBucket = std::size_t{1} << 19;

}  // namespace

/// The parameters that the loss depends on, and who exchanges their gradients.
struct PhaseGradients::Shared {
    std::vector<std::size_t> places;
    std::vector<Tensor> used;
    std::unique_ptr<c10d::Reducer> reducer;

    Shared(const std::vector<Tensor>& parameters, const std::vector<Tensor>& gradients, const Ranks& ranks) {
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            if (gradients[i].defined()) {
                places.push_back(i);
                used.push_back(parameters[i]);
            }
        }
        // An order to begin with: the Reducer replaces it by that in which gradients come to be ready.
        auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(used, {kFirstBucket, kBucket}));
        std::ranges::reverse(buckets);
        reducer = std::make_unique<c10d::Reducer>(
            used, std::move(buckets), ranks.state()->processes, std::vector<bool>(used.size(), false), kBucket,
            /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
            std::unordered_map<std::size_t, std::string>(), kFirstBucket, /*skip_all_reduce_unused_params=*/false,
            /*use_python_reducer=*/false, std::vector<std::int64_t>());
    }
    ~Shared() {
        for (const Tensor& parameter : used) {
            parameter.mutable_grad().reset();
        }
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
};

PhaseGradients::PhaseGradients(std::vector<Tensor> parameters, Ranks ranks)
    : parameters_(std::move(parameters)), ranks_(std::move(ranks)) {}
PhaseGradients::~PhaseGradients() = default;
PhaseGradients::PhaseGradients(PhaseGradients&&) noexcept = default;

/// One after the other: only afterwards it is known which parameters have gradients. The same bits, because sums over
/// ranks do not depend on what lies beside what.
std::vector<Tensor> PhaseGradients::first(const Tensor& loss) {
    std::vector<Tensor> gradients = gradients_of(loss, parameters_);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        if (Tensor& gradient = gradients[i]; gradient.defined()) {
            // As the Reducer does it, to the bit: by the inverse, which is something else for three ranks, and lying as
            // the parameter does, because a norm adds up in the order of memory.
            const Tensor mean = ranks_.sum(gradient * (1.0 / ranks_.count()));
            gradient = at::empty_like(parameters_[i]).copy_(mean);
        }
    }
    shared_ = std::make_unique<Shared>(parameters_, gradients, ranks_);
    return gradients;
}

std::vector<Tensor> PhaseGradients::of(const Tensor& loss) {
    if (ranks_.alone()) {
        return gradients_of(loss, parameters_);
    }
    if (!shared_) {
        return first(loss);
    }
    for (const Tensor& parameter : shared_->used) {
        parameter.mutable_grad().reset();
    }
    try {
        shared_->reducer->rebuild_buckets();
        shared_->reducer->prepare_for_backward({});
        torch::autograd::backward({loss}, /*grad_tensors=*/{}, /*retain_graph=*/std::nullopt, /*create_graph=*/false,
                                  shared_->used);
    } catch (const std::exception&) {
        ranks_.rethrow();
    }
    std::vector<Tensor> gradients(parameters_.size());
    for (std::size_t i = 0; i < shared_->used.size(); ++i) {
        gradients[shared_->places[i]] = shared_->used[i].grad();
    }
    return gradients;
}

}  // namespace reverie
