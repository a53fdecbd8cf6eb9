// Pictures beside the one that is worked on: what it is to become like, and where something applies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// A picture's colours, its transparent parts seen on white. Throws Input.
Tensor read_on_white(const std::filesystem::path& path, std::int64_t max_pixels);

/// How white the picture is, and nothing where it is transparent: [1,H,W]. Throws Input.
Tensor read_mask(const std::filesystem::path& path, std::int64_t max_pixels);

/// What to tell of a mask of another size than the picture's; empty where they are of one.
std::string resampling_note(const std::filesystem::path& path, const Tensor& mask, Size size);

/// A mask at another size; what was all white or all black stays so exactly.
Tensor mask_at(const Tensor& mask, Size size);

/// Masks are in pictures by their bare names, which --from cannot follow: says so of a flag that was given there and
/// not here.
void warn_of_left_out(Session& session, const std::string& flag, bool given);

}  // namespace reverie
