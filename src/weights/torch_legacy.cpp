#include <array>
#include <map>
#include <string>

#include "byte_reader.h"
#include "pickle.h"
#include "readers.h"
#include "torch_objects.h"

namespace reverie::weights {
namespace {

using Kind = PickleValue::Kind;

// 0x1950a86a20f9469cfc6c, which torch.save writes as a pickled integer.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::int64_t kProtocol = 1001;

bool is_little_endian(const Pickle& system) {
    if (system.root.kind == Kind::Dict) {
        const auto& items = system.items(system.root);
        for (std::size_t k = 0; k < items.size(); k += 2) {
            if (items[k].kind == Kind::Text && items[k].text == "little_endian") {
                return items[k + 1].number != 0;
            }
        }
    }
    return true;
}

using Storages = std::map<std::string_view, std::span<const std::byte>>;

/// The storages behind the pickles: each a count of elements and the elements, in the order of the key list. How many
/// bytes an element has is known from the object alone.
Storages read_storages(std::span<const std::byte> rest, const Pickle& object, const Pickle& keys,
                       const std::filesystem::path& path) {
    std::map<std::string_view, std::int64_t> element_bytes;
    for (const PickleStorage& storage : object.storages) {
        if (!element_bytes.emplace(storage.key, storage.type->bytes).second &&
            element_bytes[storage.key] != storage.type->bytes) {
            refuse(path, "is damaged: it gives one storage two element types; download it again");
        }
    }
    ByteReader reader(rest, path, "one of its storages");
    Storages storages;
    for (const PickleValue& key : keys.items(keys.root)) {
        const auto found = key.kind == Kind::Text ? element_bytes.find(key.text) : element_bytes.end();
        std::uint64_t bytes = reader.number(8);
        if (found == element_bytes.end() || __builtin_mul_overflow(bytes, found->second, &bytes)) {
            refuse(path, "is damaged: its list of storages does not fit its tensors; download it again");
        }
        storages[key.text] = reader.take(bytes);
    }
    return storages;
}

}  // namespace

void read_torch_legacy(Contents& contents) {
    const std::filesystem::path& path = contents.file.path();
    std::span<const std::byte> rest = contents.file.bytes();
    const auto next_pickle = [&] {
        Pickle pickle = read_pickle(rest, path);
        rest = rest.subspan(pickle.bytes);
        return pickle;
    };
    const Pickle magic = next_pickle();
    if (magic.root.kind != Kind::BigInt || magic.root.text != kMagic) {
        refuse(path, "is a Python pickle, but not one of PyTorch's; save a network's state_dict() with torch.save");
    }
    const Pickle protocol = next_pickle();
    if (protocol.root.kind != Kind::Int || protocol.root.number != kProtocol) {
        refuse(path, "is of an unknown version of PyTorch's legacy format; load it and save it again with PyTorch");
    }
    if (!is_little_endian(next_pickle())) {
        refuse(path, "was written on a big-endian machine; load it and save it again with PyTorch on this one");
    }
    const Pickle object = next_pickle();
    const Pickle keys = next_pickle();
    if (keys.root.kind != Kind::List) {
        refuse(path, "is damaged: it lacks the list of its storages; download it again");
    }
    const Storages storages = read_storages(rest, object, keys, path);
    const auto find_storage = [&](const PickleStorage& storage) {
        const auto found = storages.find(storage.key);
        if (found == storages.end() ||
            storage.count > static_cast<std::int64_t>(found->second.size()) / storage.type->bytes) {
            refuse(path, "is damaged: the storage '" + printable(storage.key) +
                             "' is missing or shorter than announced; download it again");
        }
        return found->second;
    };
    collect_arrays(object, find_storage, contents);
}

}  // namespace reverie::weights
