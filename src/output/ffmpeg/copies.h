// Sound, subtitles, covers, chapters and tags of another film, taken over as they are.
#pragma once

#include <optional>

#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {

/// A piece of film time that everything copied is held against, in ticks of `time_base`.
struct CopySpan {
    AVRational time_base{0, 1};
    std::int64_t shift = 0;  ///< added to all times
    bool within = false;     ///< only what begins from `first` to before `end` is taken
    std::int64_t first = 0;
    std::int64_t end = 0;
};

class Copies {
  public:
    /// Opens the film of the spec. Throws FilmFault (Input).
    explicit Copies(const FilmSpec& spec);

    /// Adds the streams, chapters and tags to a film of `container` whose own stream is there. `notes` is told what is
    /// left out. Throws FilmFault (Output) for a stream that the container cannot hold, naming one that can.
    void add_to(AVFormatContext& output, const std::string& container, const CopySpan& span,
                std::vector<std::string>& notes);

    /// The next packet to be written, in the time base of its output stream; false at the end.
    bool next(AVFormatContext& output, const CopySpan& span, AVPacket& packet);

  private:
    void add_stream(AVFormatContext& output, const AVStream& stream);
    void add_attachment(AVFormatContext& output, const AVStream& stream);

    std::string path_;  ///< of the film that is written
    std::string source_;
    Input input_;
    const AVStream* film_ = nullptr;
    std::vector<int> places_;                        ///< by source stream: the output stream; -1: not copied
    std::vector<std::optional<std::int64_t>> last_;  ///< by source stream: the last time of decoding
};

}  // namespace reverie::output
