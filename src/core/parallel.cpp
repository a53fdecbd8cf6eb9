#include "reverie/core/parallel.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace reverie {

void side_by_side(const std::vector<std::function<void()>>& tasks) {
    const int threads = at::get_num_threads();
    std::atomic<std::size_t> next = 0;
    std::exception_ptr fault;
    std::mutex fault_mutex;
    const auto work = [&] {
        at::set_num_threads(1);
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
    const std::size_t wanted = std::min(static_cast<std::size_t>(threads), tasks.size());
    try {
        for (std::size_t i = 1; i < wanted; ++i) {
            others.emplace_back(work);
        }
    } catch (const std::system_error&) {
        // The system has no more threads: those there are do it.
    }
    work();
    others.clear();  // joins
    at::set_num_threads(threads);
    if (fault) {
        std::rethrow_exception(fault);
    }
}

}  // namespace reverie
