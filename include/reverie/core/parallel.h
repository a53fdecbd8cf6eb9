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
    int before_;
};

/// Lets go of the threads that worked for this one; the next piece of work starts others. Where several threads take
/// turns at using all cores, each would keep a team of its own otherwise.
void release_threads();

/// Runs the tasks on as many threads as LibTorch has, the first ones first, each task on one thread alone: right for
/// small linear algebra, which spends its time waking threads otherwise. Not at::parallel_for: inside an OpenMP region
/// LibTorch 2.15's symmetric eigendecompositions of 512 and more come out wrong. The first exception is thrown when all
/// have ended.
void side_by_side(const std::vector<std::function<void()>>& tasks);

}  // namespace reverie
