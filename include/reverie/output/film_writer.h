// Frames to a film, each shown at its exact time; stopped at any frame, even killed, it can be gone on with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/output/film_info.h"

namespace reverie {

struct FilmWriteOptions {
    Rational time_base{1, 25};    ///< seconds that a tick of FilmTime lasts
    Rational rate{25, 1};         ///< frames a second, roughly: what encoders plan with
    Rational pixel_aspect{1, 1};  ///< width to height of a pixel
    /// How colours become numbers. Unstated parts are BT.709 in limited range with sRGB's curve.
    FilmColor color;
    int bits = 8;       ///< of a channel, 8 to 16; more than 8 where the encoder can
    std::string codec;  ///< --codec: a name of film_codecs() or of FFmpeg's encoder; empty: the container's usual one
    double crf = -1;  ///< --crf: constant quality by the encoder's own scale, lower is better; below 0: nearly lossless
    int quality = 90;                          ///< of WebP, 1..100
    bool loop = true;                          ///< GIF and WebP repeat for ever
    Replacing replacing = Replacing::Allowed;  ///< of a file that is there by the time the film is

    /// A film whose sound, subtitles, further pictures, chapters and tags are copied bit for bit, where they were in
    /// time. Empty: none.
    std::filesystem::path copied_from;
    bool copied_within = false;  ///< of these only what begins while this film runs: for a part of a film

    /// A folder for what going on after a kill needs, made when missing and removed by finish(). Empty: no going on.
    std::filesystem::path state;
    std::string identity;              ///< what made the frames: a state of another identity is refused
    std::int64_t segment_frames = 48;  ///< with a state: frames that are encoded on their own; 1 or more
};

/// Writes one film frame by frame. The kind follows from the name: .mp4, .m4v, .mov, .mkv, .webm, .gif, .webp, .y4m, a
/// folder (a name without extension or ending in '/') of 000000.png, 000001.png ..., or "-", standard output as Y4M.
/// The file appears under its name only by finish(). Alpha stays where codec and container can hold it (PNG, WebP,
/// ProRes in MOV, VP9 in WebM and Matroska, FFV1) and is put on white elsewhere, which a note says.
///
/// With `state` every frame is kept, without loss, until it lies in a closed segment: frames up to a cut or
/// `segment_frames`, encoded by an encoder of their own on one thread. A new FilmWriter of the same path, options and
/// state goes on behind the last frame kept, and the film gets the same packets as if nothing had happened. GIF and
/// WebP keep all frames and are encoded by finish().
class FilmWriter {
  public:
    /// Throws Usage for a name of no film, options out of range, an unknown codec (naming those that are there), one
    /// that the container cannot hold, or a state of another film; Output when it cannot be written or what is to be
    /// copied finds no place in the container (saying which does); Input when `copied_from` cannot be read.
    FilmWriter(const std::filesystem::path& path, const FilmWriteOptions& options);
    ~FilmWriter();
    FilmWriter(FilmWriter&&) noexcept;
    FilmWriter& operator=(FilmWriter&&) noexcept;

    /// Of the frames that the film has, those of an earlier run that is gone on with included.
    const std::vector<FilmTime>& times() const;
    std::int64_t frames() const { return static_cast<std::int64_t>(times().size()); }

    /// [1|3|4,H,W] in [0,1], all alike; `time` must begin after the one before. `cut`: a new scene begins here. Throws
    /// Usage for other frames and times, Output. Odd sides are padded by repeating the last row or column where the
    /// encoder wants even ones, which a note says.
    void add(const Tensor& frame, FilmTime time, bool cut = false);

    /// At least one frame must be there. The path that the film has got, as AtomicFile::commit says it. Throws Output.
    std::filesystem::path finish();

    /// Leaves what there is as a film "NAME.partial.EXT" beside the path and keeps the state for going on; nothing ("")
    /// when there is no frame. No frame can be added afterwards. Throws Output.
    std::filesystem::path finish_partial();

    /// Sentences about what is not as it was asked for: another encoder, padding, alpha on white, times that are
    /// rounded. They come with the frame that they are about, and none goes again.
    const std::vector<std::string>& notes() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The codecs that FFmpeg has an encoder for and that a film of that name can hold, the usual one first: "h264", "vp9".
/// Empty for kinds that have no choice. Throws Output when FFmpeg's libraries are missing.
std::vector<std::string> film_codecs(const std::filesystem::path& path);

/// Whether a FilmWriter knows the kind of film that a path names; a folder counts.
bool names_film(const std::filesystem::path& path);

}  // namespace reverie
