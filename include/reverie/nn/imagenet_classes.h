// What the outputs of an ImageNet classifier stand for, in the order and under the names of torchvision's list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reverie {

/// The 1000 names, all different: [0] is "tench".
const std::vector<std::string>& imagenet_classes();

/// The classes with `part` in their name, in order. Case does not matter, and '_', '-' and ' ' are the same.
std::vector<std::int64_t> find_imagenet_classes(std::string_view part);

/// The class of that name, compared likewise.
std::optional<std::int64_t> imagenet_class(std::string_view name);

}  // namespace reverie
