// c10d's collectives over MPI.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "distributed/mpi_thread.h"

namespace reverie::distributed {

class MpiBackend final : public c10d::Backend {
  public:
    explicit MpiBackend(std::shared_ptr<MpiThread> thread);

    const std::string getBackendName() const override { return "mpi"; }
    c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                             const c10d::BroadcastOptions& options) override;
    /// Sums alone, in the order of the ranks whatever lies beside what: a bucket's layout changes no bit.
    c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                             const c10d::AllreduceOptions& options) override;
    c10::intrusive_ptr<c10d::Work> _allgather_base(at::Tensor& output, at::Tensor& input,
                                                   const c10d::AllgatherOptions& options) override;
    c10::intrusive_ptr<c10d::Work> barrier(const c10d::BarrierOptions& options) override;

  private:
    using Begin = std::function<std::unique_ptr<Collective>(MpiLines& lines)>;
    c10::intrusive_ptr<c10d::Work> start(c10d::OpType type, std::vector<at::Tensor> tensors, Begin begin);

    std::shared_ptr<MpiThread> thread_;
};

}  // namespace reverie::distributed
