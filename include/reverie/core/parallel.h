// Several pieces of work side by side, each on its own share of the threads.
#pragma once

#include <functional>
#include <vector>

namespace reverie {

/// While it lives, LibTorch takes so many threads for what this thread asks of it, whatever others ask for on theirs.
class ThreadShare {
  public:
    explicit ThreadShare(int threads);
    ~ThreadShare();
    ThreadShare(const ThreadShare&) = delete;
    ThreadShare& operator=(const ThreadShare&) = delete;

  private:
    friend class KernelThreads;
    ThreadShare(int threads, int kernels);  ///< kernels: 0 for as many as LibTorch

    int before_;
    int kernels_before_;
};

/// While it lives, kernels of our own take as many threads as LibTorch had for what this thread asks of them, and
/// LibTorch takes one: some of its sums are cut up by the number of threads, and ours are not, so that all bits are
/// the same with any number. On CUDA there is nothing to it.
class KernelThreads {
  public:
    KernelThreads();

  private:
    ThreadShare share_;
};

/// How many threads kernels of our own take on this thread: as many as LibTorch, but for a KernelThreads.
int kernel_threads();

/// Lets go of the threads that worked for this one; the next piece of work starts others. Where several threads take
/// turns at using all cores, each would keep a team of its own otherwise.
void release_threads();

/// Runs the tasks on as many threads as kernels take, the first ones first, each task on one thread alone: right for
/// small linear algebra, which spends its time waking threads otherwise. Not at::parallel_for: inside an OpenMP region
/// LibTorch 2.15's symmetric eigendecompositions of 512 and more come out wrong. The first exception is thrown when all
/// have ended.
void side_by_side(const std::vector<std::function<void()>>& tasks);

}  // namespace reverie
