// Private: the process group behind Ranks, for who hands it to c10d.
#pragma once

#include <memory>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "distributed/rank_group.h"
#include "reverie/distributed/ranks.h"

namespace reverie {

struct Ranks::State {
    std::unique_ptr<distributed::RankGroup> cpu;  ///< over MPI; null: what is on the CPU goes over NCCL too
    std::unique_ptr<distributed::RankGroup> gpu;  ///< over NCCL; null: there are no GPUs
    c10::Device device = c10::Device(c10::kCPU);  ///< this rank's GPU
    c10::intrusive_ptr<c10d::ProcessGroup> processes;
    bool finished = false;

    /// Who takes a tensor, and where.
    struct Way {
        distributed::RankGroup* group;
        c10::Device device;
    };
    Way way_of(c10::Device device) const;
    /// As RankGroup's.
    std::string fault() const;

    State() = default;
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;
};

}  // namespace reverie
