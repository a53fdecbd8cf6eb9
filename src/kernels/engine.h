// Private: which convolutions nets in training run on.
#pragma once

#include <optional>

#include "reverie/core/parallel.h"

namespace reverie {

/// While it lives, convolutions that this thread asks for (convolution.h) are ours where we have them, and the only
/// thing that works with several threads (KernelThreads); or they are all LibTorch's. Without one they are ours.
class TrainingEngine {
  public:
    explicit TrainingEngine(bool ours);
    ~TrainingEngine();
    TrainingEngine(const TrainingEngine&) = delete;
    TrainingEngine& operator=(const TrainingEngine&) = delete;

  private:
    bool before_;
    std::optional<KernelThreads> threads_;
};

/// Whether convolutions are ours on this thread.
bool convolutions_are_ours();

}  // namespace reverie
