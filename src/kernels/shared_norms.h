// Private: batch norm over all ranks.
#pragma once

#include "reverie/distributed/ranks.h"

namespace reverie {

/// While it lives, batch norms that this thread asks for (norm.h) take their means and variances over the images of all
/// ranks, forward and backward; all ranks have to ask for the same ones, each with as many images.
class SharedNorms {
  public:
    explicit SharedNorms(const Ranks& ranks);
    ~SharedNorms();
    SharedNorms(const SharedNorms&) = delete;
    SharedNorms& operator=(const SharedNorms&) = delete;

  private:
    const Ranks* before_;
};

}  // namespace reverie
