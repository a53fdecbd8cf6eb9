#include "reverie/weights/state_dict.h"

#include <ATen/ATen.h>

#include <cstring>
#include <string_view>

#include "contents.h"
#include "readers.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

const weights::Array& find_array(const weights::Contents& contents, const std::string& name) {
    const auto found = contents.arrays.find(name);
    if (found == contents.arrays.end()) {
        std::vector<std::string> names;
        for (const auto& [present, array] : contents.arrays) {
            names.push_back(present);
        }
        const std::string hint = did_you_mean(name, names);
        weights::refuse(contents.file.path(), "has no array '" + weights::printable(name) + "'" +
                                                  (hint.empty() ? "; is it another network's file?" : hint));
    }
    return found->second;
}

/// The values as they are stored, copied out of the mapping (whose addresses may be unaligned).
Tensor stored_values(const weights::Array& array) {
    // A byte that is neither 0 nor 1 is no bool of C++; as a number it is harmless.
    const at::ScalarType type = array.type->scalar == at::kBool ? at::kByte : array.type->scalar;
    if (array.bytes.empty()) {
        return at::empty(array.info.shape, type);
    }
    const Tensor flat = at::empty({static_cast<std::int64_t>(array.bytes.size()) / array.type->bytes}, type);
    std::memcpy(flat.mutable_data_ptr(), array.bytes.data(), array.bytes.size());
    const Tensor values = flat.as_strided(array.info.shape, array.strides);
    return values.is_contiguous() ? flat.view(array.info.shape) : values.contiguous();
}

/// What a file is that none of the readers knows.
std::string advice(std::string_view text) {
    if (text.starts_with("\x89HDF")) {
        return "it is a Keras HDF5 file, which must be converted to safetensors first";
    }
    if (text.starts_with("version https://git-lfs")) {
        return "it is a Git LFS pointer: fetch the file that it stands for";
    }
    if (text.starts_with("<")) {
        return "it looks like a web page: download the file again, from the address of the file itself";
    }
    return "pass a .pth or .safetensors file";
}

}  // namespace

StateDict::StateDict(std::shared_ptr<const weights::Contents> contents) : contents_(std::move(contents)) {}

std::vector<std::string> StateDict::names() const {
    std::vector<std::string> names;
    const auto& arrays = contents_->arrays;
    for (auto at = arrays.lower_bound(prefix_); at != arrays.end() && at->first.starts_with(prefix_); ++at) {
        names.push_back(at->first.substr(prefix_.size()));
    }
    return names;
}

bool StateDict::contains(const std::string& name) const { return contents_->arrays.contains(prefix_ + name); }

const ArrayInfo& StateDict::info(const std::string& name) const { return find_array(*contents_, prefix_ + name).info; }

StateDict StateDict::below(const std::string& prefix) const {
    StateDict part(contents_);
    part.prefix_ = prefix_ + prefix;
    return part;
}

const std::string& StateDict::prefix() const { return prefix_; }

Tensor StateDict::load(const std::string& name, bool keep_double) const {
    const weights::Array& array = find_array(*contents_, prefix_ + name);
    try {
        Tensor values = stored_values(array);
        contents_->file.release(array.bytes);
        if (array.type->scalar == at::kBool) {
            return values.ne(0);
        }
        if (keep_double && array.type->scalar == at::kDouble) {
            return values;
        }
        return values.to(values.is_floating_point() ? at::kFloat : at::kLong);
    } catch (const c10::Error&) {  // the view is checked, so only memory can be missing
        throw Error(ErrorKind::Device, "'" + path().string() + "' holds the array '" + weights::printable(name) +
                                           "', for which there is not enough memory; close other programs");
    }
}

const std::map<std::string, std::string>& StateDict::metadata() const { return contents_->metadata; }

const std::filesystem::path& StateDict::path() const { return contents_->file.path(); }

StateDict read_state_dict(const std::filesystem::path& path) {
    auto contents = std::make_shared<weights::Contents>(path);
    const std::string_view text = weights::as_text(contents->file.bytes());
    constexpr std::size_t kSafetensorsStart = 8;
    if (text.empty()) {
        weights::refuse(path, "is empty; download it again");
    }
    if (text.starts_with("PK\x03\x04")) {
        weights::read_torch_zip(*contents);
    } else if (text.size() > kSafetensorsStart && text[kSafetensorsStart] == '{') {
        weights::read_safetensors(*contents);  // first: the length before may begin with the byte of a pickle
    } else if (text.front() == '\x80') {
        weights::read_torch_legacy(*contents);
    } else {
        weights::refuse(path, "is not a PyTorch or safetensors file (it begins with '" +
                                  weights::printable(text.substr(0, 16)) + "'); " + advice(text));
    }
    return weights::Contents::as_state_dict(std::move(contents));
}

}  // namespace reverie
