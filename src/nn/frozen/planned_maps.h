// Private: the maps of a graph in the memory that a plan gives them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "nn/frozen/kernel_names.h"
#include "nn/frozen/plan.h"
#include "nn/frozen/pools.h"

namespace reverie::frozen {

/// Plans are kept: the passes over tiles take turns at a few sizes, with and without a backward pass.
class PlannedMaps {
  public:
    explicit PlannedMaps(const Graph& graph) : graph_(graph) {}

    /// Memory for a forward pass, and with `keep` for the backward pass after it; the last one's maps are lost.
    void prepare(std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep);
    const Plan& plan() const { return kept_.front().plan; }
    const PoolWindows& pool_windows(int node) const { return kept_.front().pools.at(node); }

    const Plan::Storage& storage_of(int value) const { return plan().storages[storage_index(value)]; }
    std::size_t storage_index(int value) const {
        return static_cast<std::size_t>(plan().values[static_cast<std::size_t>(value)].storage);
    }
    std::uint8_t* memory(int span) const {
        return arena_.data_ptr<std::uint8_t>() + plan().spans[static_cast<std::size_t>(span)].offset;
    }
    /// A storage whose memory is at `data`.
    Map whole(const Plan::Storage& storage, float* data) const;
    /// A value's part of its storage's memory at `data`.
    Map view(int value, float* data) const;
    Map map_of(int value) const;
    Map gradient_of(int value) const {
        return view(value, reinterpret_cast<float*>(memory(storage_of(value).gradient)));
    }
    /// Where the slopes of a value's activation are remembered; null: it has none.
    std::uint8_t* bits_of(int value) const;

    /// The output of a wanted node, which the caller gets.
    const at::Tensor& output_of(int node) const;
    void release_outputs() { outputs_.clear(); }

  private:
    struct Prepared {
        Plan plan;
        std::map<int, PoolWindows> pools;  // by node
    };

    const Graph& graph_;
    std::list<Prepared> kept_;  // the last one used first
    at::Tensor arena_;
    std::vector<at::Tensor> outputs_;  // by storage: those handed out
};

}  // namespace reverie::frozen
