#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "contents.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

constexpr std::size_t kAlignment = 8;

struct Part {
    std::string name;
    Tensor values;
    const weights::ElementType* type;
};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
    throw Error(ErrorKind::Output, "'" + path.string() + "' cannot be written: " + what);
}

/// Wider elements first, as the reference implementation orders them: so every array is aligned to its element.
std::vector<Part> ordered_parts(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays) {
    std::vector<Part> parts;
    for (const auto& [name, tensor] : arrays) {
        const auto types = weights::element_types();
        const auto type = std::ranges::find(types, tensor.scalar_type(), &weights::ElementType::scalar);
        if (type == types.end() || !is_utf8(name) || name == "__metadata__") {
            fail(path, "safetensors has no place for the array '" + weights::printable(name) + "' of type " +
                           c10::toString(tensor.scalar_type()));
        }
        parts.push_back({name, tensor.detach().to(at::kCPU).contiguous(), &*type});
    }
    std::ranges::stable_sort(parts, std::greater(), [](const Part& part) { return part.type->bytes; });
    return parts;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays,
                       const std::map<std::string, std::string>& metadata) {
    const std::vector<Part> parts = ordered_parts(path, arrays);
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) {
        header["__metadata__"] = metadata;
    }
    std::size_t end = 0;
    for (const Part& part : parts) {
        const std::size_t begin = end;
        end += part.values.nbytes();
        header[part.name] = {
            {"dtype", part.type->safetensors}, {"shape", part.values.sizes().vec()}, {"data_offsets", {begin, end}}};
    }
    std::string json;
    try {
        json = header.dump();
    } catch (const nlohmann::json::exception& error) {
        fail(path, std::string("its metadata is not UTF-8 (") + error.what() + ")");
    }
    json.append((kAlignment - json.size() % kAlignment) % kAlignment, ' ');

    AtomicFile file(path);
    std::string length;
    for (std::size_t k = 0; k < 8; ++k) {
        length += static_cast<char>((static_cast<std::uint64_t>(json.size()) >> (8 * k)) & 0xff);
    }
    file.write(length);
    file.write(json);
    for (const Part& part : parts) {
        file.write(std::span(static_cast<const std::byte*>(part.values.const_data_ptr()), part.values.nbytes()));
    }
    file.commit();
}

}  // namespace reverie
