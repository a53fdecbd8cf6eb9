#include "data/tar_header.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace reverie::data {
namespace {

/// The whole text as a number that is not negative; -1: it is none.
std::int64_t decimal(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size() && value >= 0 ? value : -1;
}

std::int64_t decimal(const std::map<std::string, std::string>& pax, const std::string& key) {
    const auto found = pax.find(key);
    return found == pax.end() ? -1 : decimal(found->second);
}

/// What no map of a picture needs: an attack on the memory.
constexpr std::size_t kMostParts = 1 << 16;

}  // namespace

std::string_view TarHeader::field(std::size_t offset, std::size_t length) const {
    return {bytes.data() + offset, strnlen(bytes.data() + offset, length)};
}

std::int64_t TarHeader::number(std::size_t offset, std::size_t length) const {
    std::int64_t value = 0;
    if ((bytes[offset] & 0x80) != 0) {
        for (std::size_t i = 1; i < length; ++i) {
            if (value >> 54 != 0) {
                return -1;
            }
            value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
        }
        return value;
    }
    for (const char c : field(offset, length)) {
        if (c >= '0' && c <= '7') {
            value = value << 3 | (c - '0');
        } else if (c != ' ') {
            return -1;
        }
    }
    return value;
}

std::string TarHeader::name() const {
    const std::string_view prefix = field(257, 5) == "ustar" && bytes[262] == 0 ? field(345, 155) : "";
    return (prefix.empty() ? "" : std::string(prefix) + "/") + std::string(field(0, 100));
}

bool TarHeader::is_empty() const {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

bool TarHeader::is_intact() const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
    }
    return number(148, 8) == sum;
}

std::map<std::string, std::string> pax_records(std::string_view text) {
    std::map<std::string, std::string> records;
    for (;;) {
        const std::size_t space = text.find(' ');
        std::size_t length = 0;
        for (const char c : text.substr(0, std::min(space, text.size()))) {
            length = c >= '0' && c <= '9' && length < text.size() ? 10 * length + static_cast<std::size_t>(c - '0')
                                                                  : text.size() + 1;
        }
        if (space == std::string_view::npos || length > text.size() || length < space + 2) {
            return records;
        }
        const std::string_view record = text.substr(space + 1, length - space - 2);
        if (const std::size_t equals = record.find('='); equals != std::string_view::npos) {
            const std::string_view key = record.substr(0, equals);
            const std::string_view value = record.substr(equals + 1);
            if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
                std::string& map = records["GNU.sparse.map"];
                map += (map.empty() ? "" : ",") + std::string(value);
            } else {
                records[std::string(key)] = value;
            }
        }
        text.remove_prefix(length);
    }
}

bool SparseMap::is_valid(std::int64_t stored_bytes) const {
    std::int64_t end = 0;
    std::int64_t sum = 0;
    for (const Part& part : parts) {
        if (part.offset < end || part.bytes < 0 || part.offset > size || part.bytes > size - part.offset ||
            part.bytes > stored_bytes - sum) {
            return false;
        }
        end = part.offset + part.bytes;
        sum += part.bytes;
    }
    return size >= 0;
}

SparseMap old_sparse_map(const TarHeader& header, std::int64_t at, const ReadBlock& read, std::int64_t file_bytes) {
    SparseMap map;
    map.size = header.number(483, 12);
    map.stored = at + kTarBlock;
    const auto take = [&map](const TarHeader& block, std::size_t offset, int count) {
        for (int i = 0; i < count; ++i, offset += 24) {
            if (block.bytes[offset] != 0 && map.parts.size() < kMostParts) {
                map.parts.push_back({block.number(offset, 12), block.number(offset + 12, 12)});
            }
        }
    };
    take(header, 386, 4);
    bool goes_on = header.bytes[482] != 0;
    while (goes_on && map.stored + kTarBlock <= file_bytes) {
        TarHeader block = {};
        read(map.stored, std::as_writable_bytes(std::span(block.bytes)));
        take(block, 0, 21);
        goes_on = block.bytes[504] != 0;
        map.stored += kTarBlock;
    }
    return map;
}

SparseMap pax_sparse_map(const std::map<std::string, std::string>& pax, std::int64_t start, std::int64_t bytes,
                         const ReadBlock& read) {
    SparseMap map;
    map.size = std::max(decimal(pax, "GNU.sparse.realsize"), decimal(pax, "GNU.sparse.size"));
    map.stored = start;
    std::int64_t offset = 0;
    bool is_length = false;  // what comes next
    const auto take = [&](std::int64_t number) {
        if (is_length) {
            map.parts.push_back({offset, number});
        } else {
            offset = number;
        }
        is_length = !is_length;
    };
    if (const auto text = pax.find("GNU.sparse.map"); text != pax.end()) {
        std::string_view rest = text->second;
        while (!rest.empty() && map.parts.size() < kMostParts) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            take(decimal(rest.substr(0, comma)));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
        return map;
    }
    // 1.0: how many parts, then two numbers each, a line per number, filled up to whole blocks.
    std::string line;
    std::int64_t wanted = -1;
    while (wanted != 0) {
        TarHeader block = {};
        if (map.stored + kTarBlock > start + bytes) {
            map.size = -1;
            return map;
        }
        read(map.stored, std::as_writable_bytes(std::span(block.bytes)));
        map.stored += kTarBlock;
        for (const char c : block.bytes) {
            if (wanted == 0) {
                break;
            }
            if (c != '\n') {
                line += c;
                continue;
            }
            const std::int64_t number = decimal(line);
            line.clear();
            if (wanted < 0) {
                wanted = 2 * std::clamp<std::int64_t>(number, 0, kMostParts);
            } else {
                take(number);
                --wanted;
            }
        }
        if (line.size() > kTarBlock) {
            map.size = -1;
            return map;
        }
    }
    return map;
}

}  // namespace reverie::data
