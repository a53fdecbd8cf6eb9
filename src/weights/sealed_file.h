// Tensors and notes as a safetensors file that carries a digest of its own contents: how checkpoints tell damage.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "reverie/core/tensor.h"

namespace reverie {

struct SealedFile {
    std::map<std::string, Tensor>
        tensors;  ///< of the types that read_state_dict gives back: float32, float64, int64, bool
    std::map<std::string, std::string> notes;  ///< "format" says whose file it is; "sha256" is the seal's own
};

/// Through a temporary name. Throws Output.
void write_sealed(const std::filesystem::path& path, SealedFile file);

/// Throws Input, ending in `advice`, for a file that cannot be read, has another "format" or is damaged.
SealedFile read_sealed(const std::filesystem::path& path, const std::string& format, const std::string& advice);

}  // namespace reverie
