// What a plugin brings that lets ranks talk: MPI and NCCL are linked by these alone.
#pragma once

#include <memory>
#include <string>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace reverie::distributed {

class RankGroup {
  public:
    virtual ~RankGroup() = default;
    virtual c10::intrusive_ptr<c10d::Backend> backend() = 0;
    /// Which rank keeps the others from working, as the beginning of a sentence; empty: none.
    virtual std::string fault() const = 0;
    /// Collective: all work is done.
    virtual void finish() = 0;
    /// Tells the others that this rank gives up, as far as they can be reached. Nothing works afterwards.
    virtual void leave() noexcept = 0;
};

/// Who this rank is. MPI finds out by itself, NCCL is told.
struct RankGroupOptions {
    double timeout = 60.0;
    c10::intrusive_ptr<c10d::Store> store = {};  ///< of all ranks
    int rank = 0;
    int count = 1;
    c10::Device device = c10::Device(c10::kCPU);
};

/// Throws std::runtime_error with the reason why there is none.
using OpenRankGroup = std::unique_ptr<RankGroup>(const RankGroupOptions& options);
inline constexpr const char* kOpenRankGroupName = "reverie_open_rank_group";

}  // namespace reverie::distributed
