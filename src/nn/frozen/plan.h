// Private: what the frozen executor does for a graph at one image size, settled beforehand: which nodes become one
// step, which maps are slices of which, and where in one piece of memory everything lies while it is needed.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/frozen/kernel_names.h"
#include "reverie/nn/graph.h"

namespace reverie::frozen {

/// A stretch of memory with a time of life.
struct Span {
    std::int64_t bytes = 0;
    int begin = 0, end = 0;  ///< first and last moment, both included
    std::int64_t offset = 0;
};

/// Gives every span an offset such that no two that live at the same time overlap; the size of the whole. Large ones
/// first, each as low as it goes.
std::int64_t place(std::vector<Span>& spans);

struct Plan {
    /// What a map is written to: its own memory, or that of a concatenation it is part of.
    struct Storage {
        int channels = 0;
        Size size;
        bool handed_out = false;  ///< a caller gets it: memory of its own
        bool has_bits = false;    ///< the slopes of activations are remembered
        bool in_parts = false;    ///< parts of it are used for themselves, or seeded: its gradient begins as zeros
        bool passing = false;     ///< only rows of it are there while a chain runs: no map, no gradient
        int map = -1, bits = -1, gradient = -1;  ///< spans
    };
    struct Value {
        int storage = -1;
        int channel = 0;  ///< first in the storage
        int channels = 0;
    };
    /// A convolution that a chain runs before its last one, with what it writes.
    struct Link {
        int node = 0;
        int output = -1;
        Finishing activation = Finishing::None;
    };
    struct Step {
        int node = 0;                 ///< whose weights or window
        int input = -1, output = -1;  ///< values
        int other = -1;               ///< value added to the sums
        Finishing activation = Finishing::None;
        int chosen = -1;          ///< span of a pooling's indices
        std::vector<Link> links;  ///< convolutions between the input and the node, in one chain with it
    };

    std::int64_t batch = 1;
    Size image;
    std::vector<int> wanted;
    bool keep = false;

    std::vector<Storage> storages;
    std::vector<Value> values;
    std::vector<int> value_of;  ///< by node, -1: none
    std::vector<Step> steps;
    std::vector<Span> spans;
    std::int64_t bytes = 0;  ///< of all spans placed
};

/// With `keep` everything is there that one or more backward passes need.
Plan make_plan(const Graph& graph, std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep);

/// Whether the frozen executor can run this graph: replicated borders around 3x3 windows only, and whole bytes of
/// channels in activations and parts of concatenations.
bool can_run(const Graph& graph);

}  // namespace reverie::frozen
