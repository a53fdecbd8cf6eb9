// Private: a trainable net while it is looked at.
#pragma once

#include <c10/core/GradMode.h>

namespace reverie {

/// While this lives the net computes as it is used, not as it learns, and without gradients.
template <typename Net>
class EvaluationMode {
  public:
    explicit EvaluationMode(Net& net) : net_(net) { net_.train(false); }
    ~EvaluationMode() { net_.train(true); }
    EvaluationMode(const EvaluationMode&) = delete;
    EvaluationMode& operator=(const EvaluationMode&) = delete;

  private:
    Net& net_;
    c10::NoGradGuard no_grad_;
};

}  // namespace reverie
