#include "data/digest.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "reverie/core/random.h"

namespace reverie::data {

void Digest::add(std::int64_t number) {
    for (std::size_t lane = 0; lane < state_.size(); ++lane) {
        state_[lane] = random_bits(lane, state_[lane], static_cast<std::uint64_t>(number));
    }
}

void Digest::add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }

void Digest::add(std::span<const std::byte> bytes) {
    add(static_cast<std::int64_t>(bytes.size()));
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::int64_t)) {
        std::int64_t word = 0;
        std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
        add(word);
    }
}

std::string Digest::hex() const {
    std::array<char, 33> text = {};
    std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(state_[0]),
                  static_cast<unsigned long long>(state_[1]));
    return text.data();
}

}  // namespace reverie::data
