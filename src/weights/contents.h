// What a reader hands to StateDict: where each array lies in the mapped file.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/weights/state_dict.h"

namespace reverie::weights {

constexpr std::size_t kMaxDimensions = 64;  ///< as many as LibTorch's own kernels take

/// An element type under its three names.
struct ElementType {
    at::ScalarType scalar;
    std::int64_t bytes;
    std::string_view name;           ///< ours and torch's: "float32"
    std::string_view storage_class;  ///< in a pickle: torch.FloatStorage
    std::string_view safetensors;    ///< "F32"
};
std::span<const ElementType> element_types();
/// The one whose `field` reads `name`, or null.
const ElementType* find_element_type(std::string_view ElementType::*field, std::string_view name);

/// One array: a strided view of bytes in the mapped file. Whoever holds one may read it without further checks.
struct Array {
    ArrayInfo info;
    const ElementType* type = nullptr;
    std::vector<std::int64_t> strides;  ///< in elements, none negative
    std::span<const std::byte> bytes;   ///< from the first element to the end of the last; empty without elements
};

/// A view as a file describes it, not yet checked.
struct ArrayClaim {
    const ElementType* type = nullptr;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
    std::int64_t offset = 0;             ///< in elements, from the storage's start
    std::span<const std::byte> storage;  ///< what it may touch
};

/// The checked array. Refuses negative sizes, strides and offsets, products that overflow, more than 64 dimensions,
/// whatever leaves the storage, and views of more elements than their storage holds (stride 0) when they would take
/// more than 1 GiB or have more than 64 elements per byte of the file.
Array checked_array(const std::string& name, ArrayClaim claim, const MappedFile& file);

/// Strides of a row-major array.
std::vector<std::int64_t> row_major_strides(const std::vector<std::int64_t>& shape);

/// Throws Weights: "'path' what".
[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what);

/// Text out of a file, fit to be part of a message: short, without control characters.
std::string printable(std::string_view text);

inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Contents {
    explicit Contents(const std::filesystem::path& path) : file(path, ErrorKind::Weights) {}

    MappedFile file;
    std::map<std::string, Array> arrays;
    std::map<std::string, std::string> metadata;

    static StateDict as_state_dict(std::shared_ptr<const Contents> contents) { return StateDict(std::move(contents)); }
};

}  // namespace reverie::weights
