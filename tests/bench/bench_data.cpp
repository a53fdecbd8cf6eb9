// bench_data SOURCE SIZE BATCH THREADS [CACHE_BYTES CACHE_FOLDER]: one JSON line with the CPU time that the first pass
// takes per image, the rate at which batches come out of the cache, and the peak memory.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "reverie/core/runtime.h"
#include "reverie/data/batches.h"

namespace {

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_megabytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

void run(int count, char** words) {
    using namespace reverie;
    const std::int64_t side = std::stoll(words[2]);
    const std::int64_t batch = std::stoll(words[3]);
    keep_freed_memory();
    setup_runtime({.device = "cpu", .threads = std::stoi(words[4])});
    DataOptions options = {.size = Size{side, side}};
    if (count == 7) {
        options.cache_bytes = std::stoll(words[5]);
        options.cache_folder = words[6];
    }
    const double start_memory = peak_megabytes();
    const double start = cpu_seconds();
    const Dataset set = open_dataset(words[1], options);
    const double pass = cpu_seconds() - start;

    Batches batches(set, all_indices(set), {.batch = batch, .mirror = true});
    constexpr std::chrono::seconds kLong(2);
    std::int64_t step = 0;
    for (; step < 10; ++step) {
        batches.at(step);
    }
    const std::int64_t warm = step;
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < kLong) {
        batches.at(step++);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf(
        "{\"images\": %lld, \"first_pass_cpu_ms\": %.4f, \"images_per_second\": %.0f, \"start_mb\": %.1f, \"peak_mb\": "
        "%.1f}\n",
        static_cast<long long>(set.count()), 1000 * pass / static_cast<double>(set.count()),
        static_cast<double>((step - warm) * batch) / seconds, start_memory, peak_megabytes());
}

}  // namespace

int main(int count, char** words) {
    if (count != 5 && count != 7) {
        std::fprintf(stderr, "usage: bench_data SOURCE SIZE BATCH THREADS [CACHE_BYTES CACHE_FOLDER]\n");
        return 2;
    }
    try {
        run(count, words);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_data: %s\n", error.what());
        return 1;
    }
}
