// Pretrained weights as raw named arrays, out of any of their containers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// What a file says of one array, known without touching its values.
struct ArrayInfo {
    std::string type;                 ///< "float32", "float16", "bfloat16", "float64", "int64", "uint8", ...
    std::vector<std::int64_t> shape;  ///< empty: a scalar
};

namespace weights {
struct Contents;
}

/// A file of named arrays. The file is mapped into memory and an array's bytes are touched only when it is asked for
/// (VGG19's unused classifier is 80 % of its file), so it must not be cut or overwritten in place while a StateDict
/// lives; a rename over it is harmless. Copies share the mapping. Safe to read from several threads.
class StateDict {
  public:
    std::vector<std::string> names() const;  ///< sorted
    bool contains(const std::string& name) const;
    const ArrayInfo& info(const std::string& name) const;  ///< throws Weights when there is no such array

    /// A contiguous CPU copy: floating types as float32 (float64 keeps its type when `keep_double`), integers as int64,
    /// bool as bool. Throws Weights when there is no such array.
    Tensor load(const std::string& name, bool keep_double = false) const;

    /// The container's own notes: safetensors' __metadata__; empty for .pth.
    const std::map<std::string, std::string>& metadata() const;
    const std::filesystem::path& path() const;

    /// The arrays whose names begin with `prefix`, by the rest of their names.
    StateDict below(const std::string& prefix) const;
    const std::string& prefix() const;  ///< what below() has taken off so far; "" for a whole file

  private:
    friend struct weights::Contents;
    explicit StateDict(std::shared_ptr<const weights::Contents> contents);
    std::shared_ptr<const weights::Contents> contents_;
    std::string prefix_;
};

/// Opens a .pth (PyTorch's zip container or the legacy one before 1.6) or a .safetensors file, told by content. A
/// pickle is read by a restricted interpreter that knows tensors, containers and scalars and executes nothing: whatever
/// else it asks for (any other class or function) is refused by name. Nested dictionaries are joined with dots; values
/// that are no tensors are ignored; a tensor that stands alone is named "". Of {"state_dict": ..., "epoch": ...} the
/// wrapped dictionary is taken alone and its key dropped, if exactly one of the usual keys (state_dict, model, params,
/// params_ema, ...) holds a dictionary with tensors.
/// Every structure, size and offset is checked against the file here, before memory is taken; load() of an array takes
/// at most eight times its stored bytes (uint8 as int64), and views that repeat elements are held to 1 GiB. Checksums
/// are not compared: that would touch every byte, and files from the catalogue were checked when they arrived. Throws
/// Weights, naming the path.
StateDict read_state_dict(const std::filesystem::path& path);

/// Writes a safetensors file through a temporary name: wider elements first, then by name, so that arrays are aligned
/// and the same arrays give the same bytes. Throws Output.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace reverie
