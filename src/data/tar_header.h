// The 512 bytes before each member of a tar, and the records and maps that say more than fits there.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reverie::data {

constexpr std::int64_t kTarBlock = 512;

struct TarHeader {
    std::array<char, kTarBlock> bytes;

    /// Up to its first zero.
    std::string_view field(std::size_t offset, std::size_t length) const;
    /// Octal text or, where that is too short for the number, its bytes after a set first bit; -1: neither.
    std::int64_t number(std::size_t offset, std::size_t length) const;
    char kind() const { return bytes[156]; }
    std::int64_t size() const { return number(124, 12); }
    std::string name() const;
    std::string target() const { return std::string(field(157, 100)); }  ///< of a link
    bool is_empty() const;
    /// The sum of all bytes, the sum's own place counted as blanks.
    bool is_intact() const;
};

/// "27 path=folder/name.jpg\n": length, key, value. What does not parse ends the records. The repeated keys of sparse
/// format 0.0 come as the map that format 0.1 has.
std::map<std::string, std::string> pax_records(std::string_view text);

/// A member of which only the parts that are not zero are stored, one behind the other.
struct SparseMap {
    struct Part {
        std::int64_t offset = 0;
        std::int64_t bytes = 0;
    };
    std::vector<Part> parts;
    std::int64_t size = 0;    ///< of the whole member
    std::int64_t stored = 0;  ///< where in the archive the first part lies
    bool is_valid(std::int64_t stored_bytes) const;
};

using ReadBlock = std::function<void(std::int64_t offset, std::span<std::byte> bytes)>;

/// GNU's old format (kind 'S'): the map begins in the header at `at` and goes on in blocks behind it, which `stored`
/// is put behind.
SparseMap old_sparse_map(const TarHeader& header, std::int64_t at, const ReadBlock& read, std::int64_t file_bytes);

/// pax formats 0.0 and 0.1 (the map is in the records) and 1.0 (before the values, which begin at `start`).
SparseMap pax_sparse_map(const std::map<std::string, std::string>& pax, std::int64_t start, std::int64_t bytes,
                         const ReadBlock& read);

}  // namespace reverie::data
