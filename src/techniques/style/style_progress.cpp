#include "techniques/style/style_progress.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

namespace reverie {

void Plateau::add(const Tensor& loss) { unread_.push_back(loss); }

void Plateau::read() {
    if (unread_.empty()) {
        return;
    }
    const Tensor losses = at::stack(unread_).to(at::kCPU, at::kDouble);
    unread_.clear();
    losses_.insert(losses_.end(), losses.data_ptr<double>(), losses.data_ptr<double>() + losses.numel());
    const std::size_t most = std::min(losses_.size(), 2 * patience_);
    losses_.erase(losses_.begin(), losses_.end() - static_cast<std::ptrdiff_t>(most));
}

bool Plateau::reached() {
    read();
    if (patience_ == 0 || losses_.size() < 2 * patience_) {
        return false;
    }
    const auto middle = losses_.begin() + static_cast<std::ptrdiff_t>(patience_);
    const double before = std::accumulate(losses_.begin(), middle, 0.0);
    const double now = std::accumulate(middle, losses_.end(), 0.0);
    constexpr double kWorthwhile = 0.01;
    return before - now <= kWorthwhile * std::abs(before);
}

std::string Plateau::text() {
    read();
    std::string all;
    for (const double loss : losses_) {
        std::array<char, 40> buffer{};
        const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), loss, std::chars_format::hex);
        all += std::string(buffer.data(), written.ptr) + " ";
    }
    return all;
}

void Plateau::restore(const std::string& text) {
    losses_.clear();
    unread_.clear();
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end;) {
        double loss = 0.0;
        const auto read = std::from_chars(at, end, loss, std::chars_format::hex);
        if (read.ec != std::errc()) {
            break;
        }
        losses_.push_back(loss);
        at = read.ptr + 1;
    }
}

void RunningMean::add(const Tensor& image) {
    if (decay_ <= 0.0) {
        return;
    }
    if (!sum_.defined()) {
        sum_ = at::zeros_like(image);
    }
    sum_.mul_(decay_).add_(image, 1.0 - decay_);
    ++count_;
}

Tensor RunningMean::value(const Tensor& image) const {
    return count_ == 0 ? image : sum_ / (1.0 - std::pow(decay_, static_cast<double>(count_)));
}

void RunningMean::restore(const Tensor& sum, std::int64_t count) {
    sum_ = sum.clone();
    count_ = count;
}

}  // namespace reverie
