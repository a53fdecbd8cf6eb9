// FFmpeg's frames to RGB of 16 bits and back, matrix and range always said.
#pragma once

#include <cstdint>

#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {

/// Whether a format holds RGB that is copied number by number, without any matrix.
bool is_plain_rgb(AVPixelFormat format);

/// The most that 16 bits hold stands for white, in every channel of every format.
class PixelReader {
  public:
    /// `channels`: 3 or 4, interleaved; a frame without alpha is opaque. Throws FilmFault.
    void read(const AVFrame& frame, const FilmColor& color, int channels, std::uint16_t* samples);

  private:
    Owner<SwsContext> scaler_;
    Owner<AVFrame> rgb_;
    std::array<int, 6> made_for_{};
};

class PixelWriter {
  public:
    /// For samples of `width` x `height`; `target` may be larger by what is repeated of the last row and column.
    PixelWriter(int width, int height, int channels, const AVFrame& target, const FilmColor& color);
    void write(const std::uint16_t* samples, AVFrame& target);

  private:
    int width_;
    int height_;
    int channels_;
    Owner<AVFrame> rgb_;
    Owner<SwsContext> scaler_;  ///< null: RGB
};

}  // namespace reverie::output
