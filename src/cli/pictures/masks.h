// Pictures beside the one that is worked on: what it is to become like, and where something applies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// A picture's colours, its transparent parts seen on white. Throws Input.
Tensor read_on_white(const std::filesystem::path& path, std::int64_t max_pixels);

/// How white the picture is, and nothing where it is transparent: [1,H,W]. Throws Input.
Tensor read_mask(const std::filesystem::path& path, std::int64_t max_pixels);

/// A mask at another size; what was all white or all black stays so exactly.
Tensor mask_at(const Tensor& mask, Size size);

struct Mask {
    std::filesystem::path path;
    Tensor values;  ///< [1,h,w], as it is in the file
};

/// Brings masks to the size of picture after picture; that one had another size is said once. Several threads may ask
/// at the same time.
class MaskFitter {
  public:
    explicit MaskFitter(Console& console) : console_(console) {}
    Tensor fitted(const Mask& mask, Size size);

  private:
    Console& console_;
    std::mutex saying_;
    std::set<std::string> said_;
};

/// Masks are in pictures by their bare names, which --from cannot follow: says so of a flag that was given there and
/// not here.
void warn_of_left_out(Session& session, const std::string& flag, bool given);

}  // namespace reverie
