#include "cli/pictures/picture_jobs.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

namespace reverie {
namespace {

bool is_small(Size picture, std::int64_t small) { return picture.height * picture.width <= small; }

}  // namespace

int Sharing::threads_for(Size picture) const noexcept {
    return is_small(picture, small) ? std::max(1, threads / jobs) : threads;
}

int Sharing::places_for(Size picture) const noexcept { return is_small(picture, small) ? 1 : jobs; }

Sharing share_machine(std::optional<int> asked, int threads, std::size_t pictures, std::int64_t small) {
    if (asked) {
        return {.threads = threads, .jobs = *asked, .small = std::numeric_limits<std::int64_t>::max()};
    }
    const auto most = static_cast<int>(std::min<std::size_t>(pictures, static_cast<std::size_t>(threads)));
    return {.threads = threads, .jobs = small > 0 ? std::max(1, most) : 1, .small = small};
}

Room::Place Room::enter(int places, std::int64_t bytes, std::int64_t limit) {
    const std::lock_guard first(door_);
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return free_ == places_ || (free_ >= places && (limit == 0 || bytes_ + bytes <= limit)); });
    free_ -= places;
    bytes_ += bytes;
    return {*this, places, bytes};
}

void Room::leave(int places, std::int64_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        free_ += places;
        bytes_ -= bytes;
    }
    left_.notify_all();
}

void BatchProgress::begin(const std::string& label) {
    if (!together_) {
        console_.begin(label);
    }
}

void BatchProgress::report(std::size_t picture, const Progress& progress) {
    if (!together_) {
        console_.progress(progress);
        return;
    }
    const std::lock_guard lock(mutex_);
    double& part = parts_[picture];
    if (progress.total > 0.0) {
        part = std::max(part, std::clamp(progress.done / progress.total, 0.0, 1.0));
    }
    show();
}

void BatchProgress::end(std::size_t picture) {
    if (!together_) {
        console_.end();
        return;
    }
    const std::lock_guard lock(mutex_);
    parts_.erase(picture);
    ++done_;
    show();
}

void BatchProgress::show() {
    const double parts = std::accumulate(parts_.begin(), parts_.end(), 0.0,
                                         [](double sum, const auto& part) { return sum + part.second; });
    console_.progress({.stage = std::to_string(done_) + " of " + std::to_string(pictures_) + " pictures done, " +
                                std::to_string(parts_.size()) + " in work",
                       .done = static_cast<double>(done_) + parts,
                       .total = static_cast<double>(pictures_)});
}

}  // namespace reverie
