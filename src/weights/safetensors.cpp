// The safetensors container: https://huggingface.co/docs/safetensors (8 bytes of length, a JSON header, the values).
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "byte_reader.h"
#include "readers.h"
#include "safetensors_header.h"

namespace reverie::weights {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit

}  // namespace

void read_safetensors(Contents& contents) {
    const std::filesystem::path& path = contents.file.path();
    const auto damaged = [&](const std::string& what) { refuse(path, "is damaged: " + what + "; download it again"); };
    ByteReader reader(contents.file.bytes(), path, "its header");
    const std::uint64_t header_bytes = reader.number(8);
    if (header_bytes > kMaxHeaderBytes) {
        damaged("its header is said to have " + std::to_string(header_bytes) + " bytes");
    }
    SafetensorsHeader header = parse_safetensors_header(as_text(reader.take(header_bytes)), path);
    contents.metadata = std::move(header.metadata);
    const std::span<const std::byte> values = reader.take(reader.remaining());
    std::ranges::sort(header.entries, {}, [](const SafetensorsEntry& entry) { return entry.range; });
    // The format wants the values covered without holes or overlap.
    const auto available = static_cast<std::int64_t>(values.size());
    std::int64_t covered = 0;
    for (SafetensorsEntry& entry : header.entries) {
        const std::string name = "its array '" + printable(entry.name) + "' ";
        const std::int64_t begin = entry.range[0];
        const std::int64_t end = entry.range[1];
        if (begin != covered || end < begin) {
            damaged(name + "overlaps another or leaves a hole");
        }
        if (end > available) {
            refuse(path, "is truncated: " + std::to_string(end) + " bytes of values were announced, " +
                             std::to_string(available) + " are there; download it again");
        }
        covered = end;
        std::int64_t bytes = entry.type->bytes;
        bool overflow = false;
        for (const std::int64_t size : entry.shape) {
            overflow |= __builtin_mul_overflow(bytes, size, &bytes);
        }
        if (overflow || bytes != end - begin) {
            damaged(name + "has a shape that does not fill its bytes");
        }
        ArrayClaim claim{entry.type,
                         std::move(entry.shape),
                         {},
                         0,
                         values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(bytes))};
        claim.strides = row_major_strides(claim.shape);
        contents.arrays.emplace(entry.name, checked_array(entry.name, std::move(claim), contents.file));
    }
    if (covered != available) {
        damaged(std::to_string(available - covered) + " bytes at its end belong to no array");
    }
}

}  // namespace reverie::weights
