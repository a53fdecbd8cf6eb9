#include "pickle_calls.h"

#include <algorithm>
#include <array>
#include <string>

namespace reverie::weights {
namespace {

using Kind = PickleValue::Kind;
using Values = std::vector<PickleValue>;

enum class Callee : std::uint8_t {
    OrderedDict,
    Size,              ///< yields its tuple
    Tensor,            ///< _rebuild_tensor(storage, offset, size, stride)
    TensorV2,          ///< ... and requires_grad, hooks[, metadata]
    TensorV3,          ///< ... and requires_grad, hooks, dtype[, metadata]
    Parameter,         ///< Parameter(tensor, ...), _rebuild_parameter(tensor, ...): yields the tensor
    Harmless,          ///< yields something Opaque
    StorageClass,      ///< not to be called
    ElementTypeToken,  ///< torch.float32 and its like: not to be called
};

struct Global {
    std::string_view module;
    std::string_view name;
    Callee callee;
};

constexpr std::array kGlobals = {
    Global{"collections", "OrderedDict", Callee::OrderedDict},
    Global{"torch", "Size", Callee::Size},
    Global{"torch._utils", "_rebuild_tensor", Callee::Tensor},
    Global{"torch._utils", "_rebuild_tensor_v2", Callee::TensorV2},
    Global{"torch._utils", "_rebuild_tensor_v3", Callee::TensorV3},
    Global{"torch._utils", "_rebuild_parameter", Callee::Parameter},
    Global{"torch._utils", "_rebuild_parameter_with_state", Callee::Parameter},
    Global{"torch.nn.parameter", "Parameter", Callee::Parameter},
    Global{"torch.nn.parameter", "Buffer", Callee::Parameter},
    Global{"torch", "device", Callee::Harmless},
    Global{"__builtin__", "set", Callee::Harmless},
    Global{"builtins", "set", Callee::Harmless},
    Global{"__builtin__", "frozenset", Callee::Harmless},
    Global{"builtins", "frozenset", Callee::Harmless},
    Global{"_codecs", "encode", Callee::Harmless},  // how protocol 2 writes bytes
    Global{"numpy", "dtype", Callee::Harmless},
    Global{"numpy.core.multiarray", "scalar", Callee::Harmless},
    Global{"numpy._core.multiarray", "scalar", Callee::Harmless},
};

// PickleValue::number of a Global: an index into kGlobals; or behind those, two per element type: class and token.
PickleValue type_global(Callee callee, const ElementType* type) {
    const std::ptrdiff_t index = type - element_types().data();
    return {Kind::Global,
            static_cast<std::int64_t>(kGlobals.size()) + 2 * index + (callee == Callee::StorageClass ? 0 : 1),
            {}};
}

Callee callee_of(const PickleValue& global) {
    const auto index = static_cast<std::size_t>(global.number);
    if (index < kGlobals.size()) {
        return kGlobals[index].callee;
    }
    return (index - kGlobals.size()) % 2 == 0 ? Callee::StorageClass : Callee::ElementTypeToken;
}

const ElementType* type_of(const PickleValue& value, Callee wanted) {
    if (value.kind != Kind::Global || callee_of(value) != wanted) {
        return nullptr;
    }
    return &element_types()[(static_cast<std::size_t>(value.number) - kGlobals.size()) / 2];
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
    refuse(path, "is damaged or not a file of weights: its pickle " + what);
}

/// Sizes or strides.
std::vector<std::int64_t> integers(Pickle& pickle, const PickleValue& value, const std::filesystem::path& path) {
    const auto is_integer = [](const PickleValue& item) { return item.kind == Kind::Int; };
    if (value.kind != Kind::Tuple || pickle.items(value).size() > kMaxDimensions ||
        !std::ranges::all_of(pickle.items(value), is_integer)) {
        fail(path, "gives a tensor something other than up to 64 integers as sizes or strides");
    }
    std::vector<std::int64_t> numbers;
    for (const PickleValue& item : pickle.items(value)) {
        numbers.push_back(item.number);
    }
    pickle.operations += numbers.size();  // a remembered tuple may be copied again and again
    return numbers;
}

PickleValue make_tensor(Pickle& pickle, Callee callee, const Values& arguments, const std::filesystem::path& path) {
    const std::size_t least = callee == Callee::Tensor ? 4 : callee == Callee::TensorV2 ? 6 : 7;
    if (arguments.size() < least || arguments[0].kind != Kind::Storage || arguments[1].kind != Kind::Int) {
        fail(path, "makes a tensor out of something other than a storage, an offset, sizes and strides");
    }
    PickleTensor tensor;
    tensor.storage = static_cast<std::size_t>(arguments[0].number);
    tensor.type = pickle.storages[tensor.storage].type;
    if (callee == Callee::TensorV3) {
        tensor.type = type_of(arguments[6], Callee::ElementTypeToken);
        if (tensor.type == nullptr) {
            fail(path, "makes a tensor whose element type is none");
        }
    }
    tensor.offset = arguments[1].number;
    tensor.shape = integers(pickle, arguments[2], path);
    tensor.strides = integers(pickle, arguments[3], path);
    pickle.tensors.push_back(std::move(tensor));
    return {Kind::Tensor, static_cast<std::int64_t>(pickle.tensors.size()) - 1, {}};
}

/// OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], ...]).
PickleValue make_dict(Pickle& pickle, const Values& arguments, const std::filesystem::path& path) {
    Values items;
    if (!arguments.empty()) {
        if (arguments.size() > 1 || arguments[0].kind != Kind::List) {
            fail(path, "makes a dictionary out of something other than pairs");
        }
        for (const PickleValue& pair : pickle.items(arguments[0])) {
            if ((pair.kind != Kind::Tuple && pair.kind != Kind::List) || pickle.items(pair).size() != 2) {
                fail(path, "makes a dictionary out of something other than pairs");
            }
            items.insert(items.end(), pickle.items(pair).begin(), pickle.items(pair).end());
        }
    }
    pickle.operations += items.size();  // a remembered list may be copied again and again
    pickle.containers.push_back(std::move(items));
    return {Kind::Dict, static_cast<std::int64_t>(pickle.containers.size()) - 1, {}};
}

}  // namespace

PickleValue known_global(std::string_view module, std::string_view name, const std::filesystem::path& path) {
    for (std::size_t index = 0; index < kGlobals.size(); ++index) {
        if (kGlobals[index].module == module && kGlobals[index].name == name) {
            return {Kind::Global, static_cast<std::int64_t>(index), {}};
        }
    }
    if (module == "torch") {
        if (const ElementType* type = find_element_type(&ElementType::storage_class, name)) {
            return type_global(Callee::StorageClass, type);
        }
        if (const ElementType* type = find_element_type(&ElementType::name, name)) {
            return type_global(Callee::ElementTypeToken, type);
        }
    }
    if (name == "UntypedStorage" && (module == "torch" || module == "torch.storage")) {
        return type_global(Callee::StorageClass, find_element_type(&ElementType::name, "uint8"));
    }
    refuse(path, "asks to run " + printable(std::string(module) + "." + std::string(name)) +
                     ", which a weights file has no business with; it was refused, nothing was executed (if this is a "
                     "whole model that was pickled, save its state_dict() instead)");
}

PickleValue call_global(Pickle& pickle, const PickleValue& callee, const Values& arguments,
                        const std::filesystem::path& path) {
    if (callee.kind != Kind::Global) {
        fail(path, "calls something that is not a function, which was refused");
    }
    switch (const Callee what = callee_of(callee)) {
        case Callee::OrderedDict:
            return make_dict(pickle, arguments, path);
        case Callee::Size:
            if (arguments.size() != 1 || arguments[0].kind != Kind::Tuple) {
                fail(path, "makes a torch.Size out of something other than a tuple");
            }
            return arguments[0];
        case Callee::Tensor:
        case Callee::TensorV2:
        case Callee::TensorV3:
            return make_tensor(pickle, what, arguments, path);
        case Callee::Parameter:
            if (arguments.empty() || arguments[0].kind != Kind::Tensor) {
                fail(path, "makes a parameter out of something other than a tensor");
            }
            return arguments[0];
        case Callee::Harmless:
            return {Kind::Opaque, 0, {}};
        case Callee::StorageClass:
        case Callee::ElementTypeToken:
            break;
    }
    fail(path, "calls a storage class or an element type, which was refused");
}

PickleValue persistent_storage(Pickle& pickle, const PickleValue& id, const std::filesystem::path& path) {
    const Values none;
    const Values& parts = id.kind == Kind::Tuple ? pickle.items(id) : none;
    const ElementType* type = parts.size() < 5 ? nullptr : type_of(parts[1], Callee::StorageClass);
    if (type == nullptr || parts[0].kind != Kind::Text || parts[0].text != "storage" || parts[2].kind != Kind::Text ||
        parts[4].kind != Kind::Int || parts[4].number < 0) {
        fail(path, "refers to something outside that is not a storage");
    }
    PickleStorage storage{type, parts[2].text, parts[4].number, 0};
    if (parts.size() > 5 && parts[5].kind != Kind::None) {  // (name of the view, first element, elements)
        const Values& view = parts[5].kind == Kind::Tuple ? pickle.items(parts[5]) : none;
        if (view.size() != 3 || view[1].kind != Kind::Int || view[1].number < 0) {
            fail(path, "has a view of something that is not a storage");
        }
        storage.offset = view[1].number;
    }
    pickle.storages.push_back(storage);
    return {Kind::Storage, static_cast<std::int64_t>(pickle.storages.size()) - 1, {}};
}

}  // namespace reverie::weights
