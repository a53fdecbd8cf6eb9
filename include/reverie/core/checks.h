// What public entry points ask of the tensors they are given, worded once.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "reverie/core/tensor.h"

namespace reverie {

/// "[3,48,64]".
std::string shape_text(at::IntArrayRef shape);

/// "float32 [3,48,64] on cpu"; "an undefined tensor".
std::string tensor_text(const Tensor& tensor);

/// All of these throw Usage, in one sentence that begins with `what` ("the content"): what it is, and what was wanted.

/// float32 [C,H,W] with at least one pixel and a number of channels that is among `channels`.
void require_image(const Tensor& image, const std::string& what, std::initializer_list<std::int64_t> channels = {3});

/// The same, or a batch of at least one of them: [N,C,H,W].
void require_images(const Tensor& images, const std::string& what, std::initializer_list<std::int64_t> channels = {3});

/// float32 [N,C,H,W] of exactly these, with at least one image.
void require_batch(const Tensor& images, const std::string& what, std::int64_t channels, std::int64_t height,
                   std::int64_t width);

/// float32 [N,D] with at least one row; `columns` above 0: with D columns.
void require_rows(const Tensor& rows, const std::string& what, std::int64_t columns = 0);

/// Undefined, empty, or one int64 for each of `count` images, 0 to `classes` - 1; with 0 classes nothing is asked.
void require_labels(const Tensor& labels, const std::string& what, std::int64_t count, std::int64_t classes);

/// No NaN and no infinity. Reads one number back from a GPU, so not for loops.
void require_finite(const Tensor& tensor, const std::string& what);

}  // namespace reverie
