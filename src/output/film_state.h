// What a film that is being made leaves behind for going on after a kill.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_lock.h"
#include "image/raster.h"
#include "output/append_file.h"
#include "reverie/output/film_info.h"

namespace reverie::output {

/// A folder that one program at a time may use:
/// - film.json: of which film it is, and the shape of its frames
/// - times.txt: a line for each frame
/// - frame-00000048.raw ...: samples without loss, until a film has taken them in for good
/// - and what the kind of film itself keeps there.
class FilmState {
  public:
    /// `identity`: JSON of all that shapes the film. Throws Usage when the folder belongs to another film or to another
    /// program right now, Output when it cannot be written.
    FilmState(std::filesystem::path folder, const std::filesystem::path& film, std::string identity);

    /// [C,H,W] of the frames so far; empty when there is none yet.
    const std::vector<std::int64_t>& shape() const { return shape_; }

    /// How many frames there are when `kept` of them need no file, or, `by_themselves`, when these are all; what is
    /// left of others is removed.
    std::int64_t resume(std::int64_t kept, bool by_themselves);

    const std::vector<FilmTime>& times() const { return times_; }
    bool is_cut(std::int64_t number) const { return cuts_[static_cast<std::size_t>(number)]; }
    image::Raster frame(std::int64_t number) const;

    /// Before the first frame.
    void begin(const std::vector<std::int64_t>& shape);
    /// The samples of the next frame; to be followed by note().
    void keep(const image::Raster& frame);
    void note(FilmTime time, bool cut);
    /// The samples of frames before `end` are not needed any more.
    void forget(std::int64_t end);
    /// The film is finished.
    void remove();

  private:
    std::filesystem::path frame_path(std::int64_t number) const;
    void read_log();
    [[noreturn]] void throw_damaged() const;

    std::filesystem::path folder_;
    std::filesystem::path film_;
    std::string identity_;
    std::optional<FileLock> lock_;
    std::vector<std::int64_t> shape_;
    std::vector<FilmTime> times_;
    std::vector<bool> cuts_;
    std::vector<std::int64_t> line_ends_;  ///< in the log
    std::unique_ptr<AppendFile> log_;
    std::int64_t forgotten_ = 0;
};

}  // namespace reverie::output
