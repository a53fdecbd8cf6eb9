#include "train/copy_tensors.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <sstream>

#include "reverie/core/error.h"

namespace reverie {
namespace {

std::string shape_text(const Tensor& tensor) {
    std::ostringstream text;
    text << tensor.sizes();
    return text.str();
}

}  // namespace

void copy_all_(const NamedTensors& to, const NamedTensors& from, const std::string& what) {
    const auto refuse = [&what](const std::string& fault) {
        throw Error(
            ErrorKind::Input,
            what + " " + fault + ", so it belongs to another network; resume with the options it was made with");
    };
    for (const auto& [name, tensor] : to) {
        const auto found = from.find(name);
        if (found == from.end()) {
            refuse("lacks '" + name + "'");
        }
        if (found->second.sizes() != tensor.sizes()) {
            refuse("has '" + name + "' with shape " + shape_text(found->second) + " where " + shape_text(tensor) +
                   " is wanted");
        }
    }
    for (const auto& [name, tensor] : from) {
        if (!to.contains(name)) {
            refuse("has '" + name + "', which is unknown here");
        }
    }
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : to) {
        tensor.copy_(from.at(name));
    }
}

void keep_values(NamedTensors& kept, const NamedTensors& tensors) {
    const at::NoGradGuard no_grad;
    std::erase_if(kept, [&](const auto& entry) { return !tensors.contains(entry.first); });
    for (const auto& [name, tensor] : tensors) {
        Tensor& copy = kept[name];
        const bool fits = copy.defined() && copy.device() == tensor.device() &&
                          copy.scalar_type() == tensor.scalar_type() && copy.sizes() == tensor.sizes();
        if (fits) {
            copy.copy_(tensor);
        } else {
            copy = tensor.detach().clone();
        }
    }
}

NamedTensors with_prefix_removed(const NamedTensors& tensors, const std::string& prefix) {
    NamedTensors found;
    for (auto i = tensors.lower_bound(prefix); i != tensors.end() && i->first.starts_with(prefix); ++i) {
        found.emplace(i->first.substr(prefix.size()), i->second);
    }
    return found;
}

void add_with_prefix(NamedTensors& to, const std::string& prefix, const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) {
        to[prefix + name] = tensor;
    }
}

}  // namespace reverie
