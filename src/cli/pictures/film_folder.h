// Private: the folder NAME.state beside a film that is painted: what a stopped run is gone on from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/file_lock.h"
#include "output/append_file.h"
#include "reverie/cli/settings.h"
#include "reverie/core/tensor.h"
#include "reverie/output/report.h"

namespace reverie {

/// Which film it is, what the next frame needs of the last one, and a line about each frame; the film itself is kept by
/// its FilmWriter, in a folder within. What belongs to a frame is kept before the writer has the frame, so that nothing
/// is missing whenever the program is killed.
class FilmFolder {
  public:
    struct Options {
        bool resume = false;
        bool overwrite = false;
    };

    /// "clip.state" for "clip.mp4", "frames.state" for "frames/".
    static std::filesystem::path of(const std::filesystem::path& film);

    /// Whether it keeps a film that is not finished.
    static bool is_needed(const std::filesystem::path& film);

    /// Removes what a program left that was killed after its film was finished.
    static void drop(const std::filesystem::path& film);

    /// Makes the folder or, with `resume`, goes on with what is there, and holds a lock on it. Throws Usage when a film
    /// is there and neither was asked for, when it was made with other settings than `identity`, or while another
    /// program works there; Output when the folder cannot be made or is not of this kind.
    FilmFolder(std::filesystem::path folder, const Settings& identity, const Options& options);

    /// Without a single frame it leaves nothing.
    ~FilmFolder();
    FilmFolder(const FilmFolder&) = delete;
    FilmFolder& operator=(const FilmFolder&) = delete;

    const std::filesystem::path& path() const noexcept { return folder_; }
    std::filesystem::path of_writer() const;

    /// The result of frame `number`, float32 [3,H,W]. Throws Output; reading Input when it is damaged or not there.
    void keep_result(std::int64_t number, const Tensor& result);
    Tensor result(std::int64_t number) const;
    /// Results of frames before `number` are not needed any more.
    void forget_results(std::int64_t number) const;

    /// A line about the next frame.
    void note(const std::string& line);
    /// Those of the first `count` frames, behind which note() goes on.
    std::vector<std::string> notes(std::int64_t count);

    /// A picture for the page about the film.
    void keep_picture(std::int64_t number, const Tensor& image) const;
    /// Those of the first `count` frames, and their numbers.
    std::vector<std::pair<std::int64_t, Tensor>> pictures(std::int64_t count) const;

    /// The film is done.
    void finish();

  private:
    std::filesystem::path result_path(std::int64_t number) const;
    std::filesystem::path folder_;
    std::unique_ptr<FileLock> lock_;
    std::unique_ptr<output::AppendFile> notes_;
    bool has_frames_ = false;
};

}  // namespace reverie
