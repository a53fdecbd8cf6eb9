// Encoders of one segment each.
#pragma once

#include "output/ffmpeg/codecs.h"

namespace reverie::output {

/// What every encoder of a film is opened with.
struct EncoderPlan {
    FilmSpec spec;
    Choice choice;
    FilmColor color;  ///< every part stated
    int width = 0;    ///< with what is padded
    int height = 0;
    bool global_header = false;
};

/// What the choice makes of the spec.
EncoderPlan plan_encoder(const FilmSpec& spec, const Choice& choice, bool global_header);

/// An opened encoder; null with the reason where it does not open. Its time is counted in frames.
Owner<AVCodecContext> open_encoder(const EncoderPlan& plan, int& code);

std::unique_ptr<SegmentEncoder> open_segment(const EncoderPlan& plan);

std::unique_ptr<SegmentEncoder> open_y4m(const FilmSpec& spec);

}  // namespace reverie::output
