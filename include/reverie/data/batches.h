// Batches as a pure function of (seed, step), fetched ahead of their time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/data/dataset.h"

namespace reverie {

struct Batch {
    Tensor images;           ///< float32 [N,C,H,W] in [0,1], channels-last where training asks (Batches), CPU
    Tensor labels;           ///< int64 [N]; -1: none
    Tensor indices;          ///< int64 [N], into the dataset
    std::int64_t first = 0;  ///< global number of the first sample: step * N alone. Sample i is number first + i
};

struct BatchOptions {
    std::int64_t batch = 64;  ///< images a step, of all ranks together: a multiple of how many there are
    std::uint64_t seed = 0;
    std::int64_t rank = 0;   ///< which part of each step's images is made here, in order: ranks may come and go between
    std::int64_t ranks = 1;  ///< steps without an image being lost
    bool mirror = false;     ///< each sample flipped left to right or not, by (seed, global sample number)
    std::int64_t ahead = 2;  ///< batches made in the background; 0: none
};

/// Place of global sample number `sample` in an endless stream of epochs over `count` images: every epoch holds each
/// image once, in an order that is a function of (seed, epoch) alone (a Feistel permutation, so no list is kept).
std::int64_t shuffled_index(std::uint64_t seed, std::int64_t sample, std::int64_t count);

/// uint8 [N,C,H,W] -> float32 in [0,1]; the images whose `mirrored` entry is true (empty: none) flipped left to right.
Tensor to_float(const Tensor& bytes, const std::vector<bool>& mirrored = {});

/// An endless stream: a batch may straddle epochs, so all have the same size, also with fewer images than a batch
/// holds.
class Batches {
  public:
    /// Only images of `indices`. The dataset's memory is shared, not copied.
    Batches(Dataset set, std::vector<std::int64_t> indices, const BatchOptions& options);
    ~Batches();
    Batches(Batches&&) noexcept;
    Batches& operator=(Batches&&) noexcept;

    /// The batch of that step (0, 1, ...), the same at any thread count and in whatever order steps are asked for; the
    /// next ones are prepared in the background. Throws what reading throws.
    Batch at(std::int64_t step);

    const Dataset& dataset() const;
    std::int64_t count() const;  ///< images in the stream's epoch
    std::int64_t batch() const;  ///< images a step, of all ranks together
    /// Steps that show every image at least once: ceil(count / batch).
    std::int64_t steps_per_epoch() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The images `indices` in order, `batch` at a time (the last one smaller), unshuffled: for measuring.
class OrderedBatches {
  public:
    OrderedBatches(Dataset set, std::vector<std::int64_t> indices, std::int64_t batch);
    std::int64_t batches() const;
    Batch at(std::int64_t number) const;

  private:
    Dataset set_;
    std::vector<std::int64_t> indices_;
    std::int64_t batch_;
};

}  // namespace reverie
