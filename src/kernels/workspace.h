// Private: the scratch memory of kernels, kept from layer to layer, and work spread over threads.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/kernel_team.h"
#include "reverie/core/parallel.h"

namespace reverie::kernels {

/// One thread's scratch: grown when a layer wants more, never shrunk.
class Scratch {
  public:
    /// At least so many floats, aligned to a cache line; what was there before is lost.
    float* floats(std::int64_t count);

    std::vector<const float*> addresses;
    std::vector<const std::uint8_t*> bytes;
    std::vector<std::int64_t> pixels;
    std::vector<float> factors;
    std::vector<std::uint8_t> places;

  private:
    at::Tensor memory_;
};

class Workspace {
  public:
    /// So many zeros: what a window sees beyond the border. Call it before threads start.
    const float* zeros(std::int64_t count);
    Scratch& shared() { return shared_; }

    /// task(item, scratch of the thread) for every item, taken in turn by as many threads as kernels take. What an item
    /// computes must not depend on who takes it.
    template <typename Task>
    void for_each(std::int64_t items, const Task& task) {
        const std::int64_t threads = std::min<std::int64_t>(items, kernel_threads());
        if (static_cast<std::int64_t>(scratch_.size()) < threads) {
            scratch_.resize(static_cast<std::size_t>(threads));
        }
        std::atomic<std::int64_t> next = 0;
        const KernelTeam team;
        at::parallel_for(0, threads, 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t thread = begin; thread < end; ++thread) {
                for (std::int64_t item = next++; item < items; item = next++) {
                    task(item, scratch_[static_cast<std::size_t>(thread)]);
                }
            }
        });
    }

  private:
    std::vector<Scratch> scratch_;
    Scratch shared_;
    at::Tensor zeros_;
};

}  // namespace reverie::kernels
