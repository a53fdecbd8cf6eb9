// A restricted interpreter of Python's pickle language. It knows tensors, storages, containers and scalars; it can make
// nothing else and runs nothing. Whatever else a pickle names is refused by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "contents.h"

namespace reverie::weights {

/// A Python object, as far as a weights file needs one. Cheap to copy: what has parts lies in a Pickle and is referred
/// to by index, so that neither copying nor destroying ever recurses, however deep the nesting.
struct PickleValue {
    enum class Kind : std::uint8_t {
        None,
        Bool,
        Int,
        BigInt,   ///< beyond 64 bits; `text` holds its bytes, little-endian
        Text,     ///< valid UTF-8
        Tuple,    ///< `number` indexes Pickle::containers
        List,     ///< likewise
        Dict,     ///< likewise; keys and values alternate
        Storage,  ///< `number` indexes Pickle::storages
        Tensor,   ///< `number` indexes Pickle::tensors
        Global,   ///< a known class or function; `number` indexes the table of them
        Opaque,   ///< something harmless that no array depends on: a float, bytes, a set, a device
    };
    Kind kind = Kind::None;
    std::int64_t number = 0;
    std::string_view text;  ///< lies in the pickle's bytes
};

/// A persistent id of a storage. In the zip container `key` is a record, in the legacy one an entry of the key list.
struct PickleStorage {
    const ElementType* type = nullptr;
    std::string_view key;
    std::int64_t count = 0;   ///< elements
    std::int64_t offset = 0;  ///< where a view of a storage begins (legacy container only)
};

struct PickleTensor {
    std::size_t storage = 0;  ///< index into Pickle::storages
    const ElementType* type = nullptr;
    std::int64_t offset = 0;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
};

/// What one pickle holds. Refers to the bytes it was read from.
struct Pickle {
    PickleValue root;
    std::size_t bytes = 0;       ///< how long the pickle is
    std::size_t operations = 0;  ///< how many it took: the measure of how much it can hold
    std::deque<std::vector<PickleValue>> containers;
    std::deque<PickleStorage> storages;
    std::deque<PickleTensor> tensors;

    const std::vector<PickleValue>& items(const PickleValue& container) const {
        return containers[static_cast<std::size_t>(container.number)];
    }
};

/// Runs the pickle at the start of `bytes` to its STOP. Memory stays within about 150 bytes per operation, and there
/// are at most as many operations as bytes, and 2^21. Throws Weights, naming `path`.
Pickle read_pickle(std::span<const std::byte> bytes, const std::filesystem::path& path);

}  // namespace reverie::weights
