// While it lives, at::parallel_for on this thread goes to as many threads as kernels take (reverie/core/parallel.h).
#pragma once

namespace reverie {

class KernelTeam {
  public:
    KernelTeam();
    ~KernelTeam();
    KernelTeam(const KernelTeam&) = delete;
    KernelTeam& operator=(const KernelTeam&) = delete;

  private:
    int before_;  ///< threads; 0: they are not changed
};

}  // namespace reverie
