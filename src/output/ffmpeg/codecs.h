// The codecs films are written with, their encoders and what each is told.
#pragma once

#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {

/// One encoder of a codec.
struct Codec {
    const char* name;     ///< as people say it: "h264"
    const char* encoder;  ///< FFmpeg's
    double crf;           ///< the default; below 0: it has none
    double lowest;        ///< the range of crf
    double highest;
    bool even;                                ///< sides must be even
    std::array<AVPixelFormat, 2> plain;       ///< 8 bits, more; the last is repeated where there is one
    std::array<AVPixelFormat, 2> with_alpha;  ///< AV_PIX_FMT_NONE: none
};

/// Those that a container can hold and this FFmpeg has, in order of preference, several encoders of a codec in a row.
std::vector<const Codec*> codecs_of(const std::string& container);

struct Choice {
    const Codec* codec = nullptr;
    const AVCodec* encoder = nullptr;
    AVPixelFormat pixels = AV_PIX_FMT_NONE;
    bool alpha = false;
};

/// In order: what is to be tried. Throws FilmFault (Usage) for a codec that nobody knows, that the container cannot
/// hold, or a crf outside its range. `notes` is told what is not as the spec wants it.
std::vector<Choice> choices_for(const FilmSpec& spec);

/// Sets what that encoder wants for nearly lossless pictures by one thread, which makes the same bytes on any machine.
void set_quality(AVCodecContext& context, const Codec& codec, double crf, bool alpha);

}  // namespace reverie::output
