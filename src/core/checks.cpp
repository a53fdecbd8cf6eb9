#include "reverie/core/checks.h"

#include <ATen/ops/isfinite.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

std::string type_text(at::ScalarType type) {
    switch (type) {
        case at::kFloat:
            return "float32";
        case at::kDouble:
            return "float64";
        case at::kByte:
            return "uint8";
        case at::kLong:
            return "int64";
        default:
            return c10::toString(type);
    }
}

/// "[3,H,W]", "[1 or 3,H,W]", "[N,3,H,W]".
std::string wanted_shape(std::initializer_list<std::int64_t> channels, bool batch) {
    std::vector<std::string> counts;
    for (const std::int64_t count : channels) {
        counts.push_back(std::to_string(count));
    }
    return (batch ? "[N," : "[") + join(counts, ", ", " or ") + ",H,W]";
}

bool is_image(const Tensor& image, std::initializer_list<std::int64_t> channels, bool batch) {
    return image.defined() && image.scalar_type() == at::kFloat && image.dim() == (batch ? 4 : 3) &&
           image.numel() > 0 && std::ranges::find(channels, image.size(-3)) != channels.end();
}

[[noreturn]] void refuse(const Tensor& tensor, const std::string& what, const std::string& wanted) {
    throw Error(ErrorKind::Usage, what + " is " + tensor_text(tensor) + "; wanted " + wanted);
}

}  // namespace

std::string shape_text(at::IntArrayRef shape) {
    std::vector<std::string> sides;
    for (const std::int64_t side : shape) {
        sides.push_back(std::to_string(side));
    }
    return "[" + join(sides, ",", ",") + "]";
}

std::string tensor_text(const Tensor& tensor) {
    return tensor.defined()
               ? type_text(tensor.scalar_type()) + " " + shape_text(tensor.sizes()) + " on " + tensor.device().str()
               : "an undefined tensor";
}

void require_image(const Tensor& image, const std::string& what, std::initializer_list<std::int64_t> channels) {
    if (!is_image(image, channels, false)) {
        refuse(image, what, "float32 " + wanted_shape(channels, false));
    }
}

void require_images(const Tensor& images, const std::string& what, std::initializer_list<std::int64_t> channels) {
    if (!is_image(images, channels, false) && !is_image(images, channels, true)) {
        refuse(images, what, "float32 " + wanted_shape(channels, false) + " or " + wanted_shape(channels, true));
    }
}

void require_batch(const Tensor& images, const std::string& what, std::int64_t channels, std::int64_t height,
                   std::int64_t width) {
    const auto is = [&](std::int64_t axis, std::int64_t side) { return images.size(axis) == side; };
    if (!images.defined() || images.scalar_type() != at::kFloat || images.dim() != 4 || images.numel() == 0 ||
        !is(1, channels) || !is(2, height) || !is(3, width)) {
        refuse(images, what,
               "float32 [N," + std::to_string(channels) + "," + std::to_string(height) + "," + std::to_string(width) +
                   "]");
    }
}

void require_labels(const Tensor& labels, const std::string& what, std::int64_t count, std::int64_t classes) {
    if (classes == 0 || !labels.defined() || labels.numel() == 0) {
        return;
    }
    const bool fits = labels.scalar_type() == at::kLong && labels.dim() == 1 && labels.numel() == count;
    if (!fits || labels.min().item<std::int64_t>() < 0 || labels.max().item<std::int64_t>() >= classes) {
        refuse(labels, what, "int64 [" + std::to_string(count) + "] of 0 to " + std::to_string(classes - 1));
    }
}

void require_rows(const Tensor& rows, const std::string& what, std::int64_t columns) {
    if (!rows.defined() || rows.scalar_type() != at::kFloat || rows.dim() != 2 || rows.numel() == 0 ||
        (columns > 0 && rows.size(1) != columns)) {
        refuse(rows, what, "float32 [N," + (columns > 0 ? std::to_string(columns) : "D") + "]");
    }
}

void require_finite(const Tensor& tensor, const std::string& what) {
    if (!tensor.isfinite().all().item<bool>()) {
        throw Error(ErrorKind::Usage, what + " holds values that are not finite numbers; wanted finite ones only");
    }
}

}  // namespace reverie
