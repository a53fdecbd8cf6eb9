#include "reverie/core/parallel.h"

#include <ATen/Parallel.h>
#if defined(_OPENMP)  // the fuzzers do without
#include <omp.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "core/kernel_team.h"

namespace reverie {
namespace {

/// The number that holds on this thread. Where a thread asks for the first time, LibTorch lets it take over what
/// another one set last; asking both here and in LibTorch's library has that behind us.
int own_threads() {
    at::internal::lazy_init_num_threads();
    return at::get_num_threads();
}

/// Of kernels on this thread; 0: as many as LibTorch.
thread_local int kernels_take = 0;

}  // namespace

ThreadShare::ThreadShare(int threads) : ThreadShare(threads, 0) {}

ThreadShare::ThreadShare(int threads, int kernels)
    : before_(own_threads()), kernels_before_(std::exchange(kernels_take, kernels)) {
    at::set_num_threads(threads);
}

ThreadShare::~ThreadShare() {
    at::set_num_threads(before_);
    kernels_take = kernels_before_;
}

KernelThreads::KernelThreads() : share_(1, kernel_threads()) {}

int kernel_threads() { return kernels_take > 0 ? kernels_take : own_threads(); }

#if defined(_OPENMP)
// Not at::set_num_threads, which starts and ends the threads of a second pool.
KernelTeam::KernelTeam() : before_(kernels_take > 0 ? omp_get_max_threads() : 0) {
    if (before_ > 0) {
        omp_set_num_threads(kernels_take);
    }
}

KernelTeam::~KernelTeam() {
    if (before_ > 0) {
        omp_set_num_threads(before_);
    }
}
#else
KernelTeam::KernelTeam() : before_(0) {}
KernelTeam::~KernelTeam() = default;
#endif

void release_threads() {
#if defined(_OPENMP)
    omp_pause_resource(omp_pause_soft, omp_get_initial_device());
#endif
}

void side_by_side(const std::vector<std::function<void()>>& tasks) {
    const auto threads = static_cast<std::size_t>(kernel_threads());
    const int before = own_threads();
    std::atomic<std::size_t> next = 0;
    std::exception_ptr fault;
    std::mutex fault_mutex;
    const auto work = [&] {
        const ThreadShare alone(1);
        for (std::size_t i = next++; i < tasks.size(); i = next++) {
            try {
                tasks[i]();
            } catch (...) {
                const std::lock_guard lock(fault_mutex);
                fault = fault ? fault : std::current_exception();
            }
        }
    };
    std::vector<std::jthread> others;
    try {
        for (std::size_t i = 1; i < std::min(threads, tasks.size()); ++i) {
            others.emplace_back(work);
        }
    } catch (const std::system_error&) {
        // The system has no more threads: those there are do it.
    }
    work();
    others.clear();               // joins
    at::set_num_threads(before);  // what threads to come take over is no longer 1
    if (fault) {
        std::rethrow_exception(fault);
    }
}

}  // namespace reverie
