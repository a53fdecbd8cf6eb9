// The processes that work on one thing together, and what they tell each other: LibTorch's c10d, over MPI or NCCL.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

enum class RankTransport {
    Mpi,  ///< between CPUs: started by mpirun or srun
    Nccl  ///< between GPUs, one for each rank of a machine: started by them or by torchrun
};

/// What this build can talk over: "mpi", "nccl", a text each.
std::vector<std::string> rank_transports();

struct RankOptions {
    RankTransport transport = RankTransport::Mpi;
    double timeout = 60.0;  ///< seconds without a sign of life after which a rank counts as lost
    // Of Nccl:
    c10::Device device = c10::Device(c10::kCPU);  ///< this rank's GPU
    std::string address;  ///< where the first rank listens; empty: found by MPI, and the rest too
    int port = 0;
    bool store_is_there = false;  ///< a launcher listens there already
    int rank = 0;
    int count = 1;
};

/// All ranks of a job, seen from one of them. Copies are the same. What is collective has to be called by every rank,
/// in the same order and with equal shapes and types; sums are taken in the order of the ranks, so that they have the
/// same bits on all of them and in every run. Throws Error of kind Ranks, naming the rank, when one of them is gone,
/// silent for the timeout or has given up.
class Ranks {
  public:
    /// A process alone: what is collective gives back what it is given.
    Ranks() = default;

    /// Joins those that were started with this process. Throws Device when this build or machine cannot.
    static Ranks join(const RankOptions& options);

    std::int64_t rank() const noexcept;
    std::int64_t count() const noexcept;
    bool alone() const noexcept { return count() == 1; }
    /// Whether this is the one that writes and speaks.
    bool first() const noexcept { return rank() == 0; }

    /// Collective. Gradients flow through it: that of the sum over all ranks of what they make of it.
    Tensor sum(const Tensor& x) const;
    Tensor mean(const Tensor& x) const;
    /// Collective: [N,...] of each, one below the other, [count N,...].
    Tensor gather(const Tensor& rows) const;
    /// Collective: what the first rank has.
    Tensor of_first(const Tensor& x) const;
    double of_first(double x) const;
    /// Collective: what the first rank makes, float32 of up to 8 dimensions, on the CPU; `make` is called there alone.
    Tensor made_by_first(const std::function<Tensor()>& make) const;
    /// Collective: whether any rank says so.
    bool any(bool here) const;

    /// How many of `items` are this rank's, and from which one on: shares as equal as can be, in order, the first
    /// rank's among the largest.
    struct Share {
        std::int64_t first = 0;
        std::int64_t count = 0;
    };
    Share share_of(std::int64_t items) const;
    /// Collective: the shares' rows in the order of the items; `rows` are this rank's own, as many as its share.
    Tensor gather_shares(const Tensor& rows, std::int64_t items) const;

    /// Collective, at the end of all work: without it the others are told that this rank gives up.
    void finish() const;

    /// Inside a catch block: the present exception, or what kept the ranks from working together, if that is why.
    [[noreturn]] void rethrow() const;

    struct State;
    /// What c10d needs to know; null: alone.
    const State* state() const noexcept { return state_.get(); }

  private:
    Share share_of(std::int64_t items, std::int64_t rank) const;

    std::shared_ptr<State> state_;
};

}  // namespace reverie
