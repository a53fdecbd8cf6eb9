// The plugin that writes MP4. FFmpeg's libraries bring a hundred others along, so they are loaded only for an MP4.
#pragma once

#include <cstdint>
#include <memory>

namespace reverie::output {

class Mp4Encoder {
  public:
    virtual ~Mp4Encoder() = default;
    /// 8-bit RGB, row after row, without gaps. Throws std::runtime_error.
    virtual void add(const std::uint8_t* pixels) = 0;
    /// Writes what is held back and the index. Throws std::runtime_error.
    virtual void finish() = 0;
};

/// Writes into the file at `path`; even sides. Throws std::runtime_error.
using OpenMp4 = std::unique_ptr<Mp4Encoder>(const char* path, int width, int height, double fps);
inline constexpr const char* kOpenMp4Name = "reverie_open_mp4";

}  // namespace reverie::output
