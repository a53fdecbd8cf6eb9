#include "kernels/engine.h"

#include <utility>

namespace reverie {
namespace {

thread_local bool ours_here = true;

}  // namespace

TrainingEngine::TrainingEngine(bool ours) : before_(std::exchange(ours_here, ours)) {
    if (ours) {
        threads_.emplace();
    }
}

TrainingEngine::~TrainingEngine() { ours_here = before_; }

bool convolutions_are_ours() { return ours_here; }

}  // namespace reverie
