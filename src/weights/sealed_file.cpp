#include "sealed_file.h"

#include <ATen/ATen.h>

#include <span>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/weights/sha256.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

constexpr const char* kDigest = "sha256";

/// Of everything in the file but itself.
std::string seal_of(const SealedFile& file) {
    Sha256 hash;
    const auto add = [&hash](const std::string& text) {
        hash.update(std::as_bytes(std::span(text.data(), text.size() + 1)));  // the zero too: where a text ends
    };
    for (const auto& [name, text] : file.notes) {
        if (name != kDigest) {
            add(name);
            add(text);
        }
    }
    for (const auto& [name, tensor] : file.tensors) {
        add(name);
        for (const std::int64_t side : tensor.sizes()) {
            add(std::to_string(side));
        }
        const Tensor values = tensor.to(at::kCPU).contiguous();
        hash.update(std::as_bytes(std::span(static_cast<const char*>(values.const_data_ptr()), values.nbytes())));
    }
    return hash.finish();
}

}  // namespace

void write_sealed(const std::filesystem::path& path, SealedFile file) {
    for (auto& [name, tensor] : file.tensors) {
        tensor = tensor.detach().to(at::kCPU).contiguous();  // once, for the digest and the file
    }
    file.notes[kDigest] = seal_of(file);
    write_safetensors(path, file.tensors, file.notes);
}

SealedFile read_sealed(const std::filesystem::path& path, const std::string& format, const std::string& advice) {
    const auto damaged = [&](const std::string& what) {
        return Error(ErrorKind::Input, "the checkpoint '" + path.string() + "' " + what + "; " + advice);
    };
    const MappedFile readable(path, ErrorKind::Input);  // what may not be read is not damaged
    try {
        const StateDict stored = read_state_dict(path);
        SealedFile file{.tensors = {}, .notes = stored.metadata()};
        if (file.notes["format"] != format) {
            throw damaged("is not a checkpoint of this program");
        }
        for (const std::string& name : stored.names()) {
            file.tensors[name] = stored.load(name, /*keep_double=*/true);
        }
        if (seal_of(file) != file.notes[kDigest]) {
            throw damaged("is damaged (its digest does not fit)");
        }
        return file;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Weights) {
            throw;
        }
        throw damaged("cannot be read as one");  // it is no safetensors file, or a cut one
    }
}

}  // namespace reverie
