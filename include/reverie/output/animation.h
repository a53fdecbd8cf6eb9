// Frames to a film: MP4, GIF, animated WebP, or a folder of PNGs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "reverie/core/files.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

struct AnimationOptions {
    double fps = 25.0;  ///< frames a second: 0.1 to 100 (GIF to 50: it counts in hundredths of a second)
    int quality = 90;   ///< of WebP, 1..100
    bool loop = true;   ///< GIF and WebP repeat for ever
    Replacing replacing = Replacing::Allowed;  ///< of a file that is there by the time the film is
};

/// Writes one film frame by frame, holding no more than a frame where the format allows it. The kind follows from the
/// name: .mp4 (H.264), .gif, .webp, or a folder (a name without extension or ending in '/') of 000000.png, 000001.png
/// ... The file appears under its name only by finish(); without it nothing stays. A folder that is there gives way
/// only when it holds an earlier film and nothing else. Alpha stays in WebP and PNG and is put on white elsewhere.
class Animation {
  public:
    /// Throws Usage for another extension or options out of range, Output when it cannot be written.
    explicit Animation(const std::filesystem::path& path, const AnimationOptions& options = {});
    ~Animation();
    Animation(Animation&&) noexcept;
    Animation& operator=(Animation&&) noexcept;

    /// [1|3|4,H,W] in [0,1], all of one size (throws Usage otherwise). MP4 wants even sides: an odd one is padded by
    /// repeating the last row or column. GIF gets one palette per frame, made from its colours, with ordered dithering
    /// so that still parts stay still.
    void add(const Tensor& frame);
    /// At least one frame must be there. The path that the film has got, as AtomicFile::commit says it. Throws Output.
    std::filesystem::path finish();
    std::int64_t frames() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Throws Usage when the kind of film that a path names cannot hold frames of that size; as the first frame would.
void check_frame(const std::filesystem::path& path, Size size);

/// Whether a path names a film rather than one picture: .mp4, .gif, or a folder. (.webp is both: a picture here.)
bool is_animation(const std::filesystem::path& path);

}  // namespace reverie
