#include "torch_objects.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

namespace reverie::weights {
namespace {

using Kind = PickleValue::Kind;
using NamedTensors = std::map<std::string, const PickleTensor*>;

// The keys under which training scripts put the state dict beside an epoch, an optimiser and the like.
constexpr std::array<std::string_view, 13> kWrappers = {
    "state_dict", "model_state_dict", "model",          "params", "weights", "net",      "network",
    "params_ema", "model_ema",        "state_dict_ema", "ema",    "g_ema",   "generator"};
constexpr std::size_t kMaxDepth = 64;
// A dictionary may stand in several places (a model and its copy); these bound what a few that hold each other many
// times could unfold into, as multiples of the pickle's operations and bytes.
constexpr std::size_t kMaxVisitsPerOperation = 16;
constexpr std::size_t kMaxNameBytesPerByte = 64;

class Collector {
  public:
    Collector(const Pickle& pickle, const std::filesystem::path& path) : pickle_(pickle), path_(path) {}

    NamedTensors collect(const PickleValue& root) {
        struct Level {
            const std::vector<PickleValue>* items;
            std::string prefix;
            std::size_t next = 0;
        };
        NamedTensors found;
        std::vector<Level> levels;
        levels.push_back({&pickle_.items(root), ""});
        while (!levels.empty()) {
            Level& level = levels.back();
            if (level.next == level.items->size()) {
                levels.pop_back();
                continue;
            }
            const PickleValue& key = (*level.items)[level.next];
            const PickleValue& value = (*level.items)[level.next + 1];
            level.next += 2;
            if (++visits_ > kMaxVisitsPerOperation * pickle_.operations) {
                fail();
            }
            if ((value.kind != Kind::Tensor && value.kind != Kind::Dict) ||
                (key.kind != Kind::Text && key.kind != Kind::Int)) {
                continue;
            }
            std::string name = level.prefix;
            name += key.kind == Kind::Text ? std::string(key.text) : std::to_string(key.number);
            name_bytes_ += name.size();
            if (name_bytes_ > kMaxNameBytesPerByte * pickle_.bytes) {
                fail();
            }
            if (value.kind == Kind::Tensor) {
                found[name] =
                    &pickle_.tensors[static_cast<std::size_t>(value.number)];  // a later key wins, as in Python
            } else if (levels.size() == kMaxDepth) {
                fail();
            } else {
                levels.push_back({&pickle_.items(value), name + "."});
            }
        }
        return found;
    }

  private:
    [[noreturn]] void fail() const {
        refuse(path_, "is damaged or not a file of weights: its dictionaries lie too deep in each other, or too often");
    }

    const Pickle& pickle_;
    const std::filesystem::path& path_;
    std::size_t visits_ = 0;
    std::size_t name_bytes_ = 0;
};

NamedTensors named_tensors(const Pickle& pickle, const std::filesystem::path& path) {
    const PickleValue& root = pickle.root;
    if (root.kind == Kind::Tensor) {
        return {{"", &pickle.tensors[static_cast<std::size_t>(root.number)]}};
    }
    if (root.kind != Kind::Dict) {
        refuse(path, "holds no dictionary of tensors; save a network's state_dict() with PyTorch");
    }
    Collector collector(pickle, path);
    std::map<std::string_view, PickleValue> wrapped;  // by key: a later key wins, as in Python
    const auto& items = pickle.items(root);
    for (std::size_t k = 0; k < items.size(); k += 2) {
        if (items[k].kind == Kind::Text && std::ranges::count(kWrappers, items[k].text) > 0) {
            wrapped[items[k].text] = items[k + 1];
        }
    }
    std::vector<NamedTensors> candidates;
    for (const auto& [key, value] : wrapped) {
        if (value.kind == Kind::Dict) {
            candidates.push_back(collector.collect(value));
        }
    }
    std::erase_if(candidates, [](const NamedTensors& tensors) { return tensors.empty(); });
    return candidates.size() == 1 ? std::move(candidates.front()) : collector.collect(root);
}

}  // namespace

void collect_arrays(const Pickle& pickle, const FindStorage& find_storage, Contents& contents) {
    const std::filesystem::path& path = contents.file.path();
    for (auto& [name, tensor] : named_tensors(pickle, path)) {
        const PickleStorage& storage = pickle.storages[tensor->storage];
        std::span<const std::byte> bytes = find_storage(storage);
        ArrayClaim claim{tensor->type, tensor->shape, tensor->strides, tensor->offset, {}};
        // A view's first element counts from the storage's start; where it lies behind the end nothing is left.
        const auto held = static_cast<std::int64_t>(bytes.size()) / storage.type->bytes;
        claim.storage = bytes.subspan(static_cast<std::size_t>(std::min(storage.offset, held) * storage.type->bytes));
        contents.arrays.emplace(name, checked_array(name, std::move(claim), contents.file));
    }
}

}  // namespace reverie::weights
