// The plugin that talks over NCCL, opened where ranks work on GPUs. Built against a LibTorch for CUDA.
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <utility>

#include "distributed/rank_group.h"

namespace reverie::distributed {
namespace {

class NcclGroup final : public RankGroup {
  public:
    explicit NcclGroup(const RankGroupOptions& options) {
        auto wanted = c10d::ProcessGroupNCCL::Options::create();
        wanted->timeout = std::chrono::milliseconds(static_cast<std::int64_t>(1000.0 * options.timeout));
        backend_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(options.store, options.rank, options.count, wanted);
        backend_->setBoundDeviceId(options.device);
    }

    c10::intrusive_ptr<c10d::Backend> backend() override { return backend_; }
    std::string fault() const override {
        return backend_->getError() == c10d::ErrorType::SUCCESS ? "" : "a rank is lost (NCCL does not say which)";
    }
    void finish() override { backend_->shutdown(); }
    void leave() noexcept override {
        try {
            backend_->abort();
        } catch (...) {
            // What is left of it goes with the process.
        }
    }

  private:
    c10::intrusive_ptr<c10d::ProcessGroupNCCL> backend_;
};

}  // namespace
}  // namespace reverie::distributed

extern "C" __attribute__((visibility("default"))) std::unique_ptr<reverie::distributed::RankGroup>
reverie_open_rank_group(const reverie::distributed::RankGroupOptions& options) {
    return std::make_unique<reverie::distributed::NcclGroup>(options);
}
