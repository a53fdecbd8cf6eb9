#include "reverie/core/size.h"

#include <ATen/core/TensorBody.h>

namespace reverie {

Size size_of(const Tensor& image) { return {image.size(-2), image.size(-1)}; }

std::string text_of(Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

}  // namespace reverie
