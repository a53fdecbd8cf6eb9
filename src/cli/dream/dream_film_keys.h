// The folder NAME.dreams beside a film: the key dreams it is made of, from which a stopped film goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "core/file_lock.h"
#include "reverie/cli/settings.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// Key dreams are kept as PNGs of 16 bits, and those are what counts: the next one is dreamt, and frames are made, from
/// what can be read back, so that a film that was stopped is the film that was not.
class DreamFilmKeys {
  public:
    struct Options {
        bool resume = false;
        bool overwrite = false;
        bool keep = false;       ///< finish() leaves the folder; remembered from run to run
        std::int64_t count = 0;  ///< key dreams that the film needs
        Size size;               ///< of each
    };

    /// "flight.dreams" for "flight.mp4", "frames.dreams" for "frames/".
    static std::filesystem::path folder_of(const std::filesystem::path& film);

    /// Bytes that so many key dreams take at most.
    static std::int64_t bytes_of(std::int64_t count, Size size);

    /// Makes the folder or, with `resume`, goes on with what is there, and holds a lock on it. Throws Usage when dreams
    /// are there and neither `resume` nor `overwrite` was asked for, when they were made with other settings than
    /// `identity`, or while another program works there; Output when the folder cannot be made, is not of this kind or
    /// the disk has no room for what is missing.
    DreamFilmKeys(std::filesystem::path folder, const Settings& identity, const Options& options);

    /// One without a single dream leaves no folder.
    ~DreamFilmKeys();
    DreamFilmKeys(const DreamFilmKeys&) = delete;
    DreamFilmKeys& operator=(const DreamFilmKeys&) = delete;

    const std::filesystem::path& folder() const noexcept { return folder_; }

    /// Key dreams 0 to this one are there.
    std::int64_t count() const noexcept { return count_; }

    /// The next one, [3,H,W] in [0,1]. Throws Output.
    void add(const Tensor& dream);

    /// Key dream `number` as it was kept; the last few that were asked for stay in memory. Throws Input when its file
    /// is damaged.
    Tensor operator()(std::int64_t number);

    /// The film is done.
    void finish();

  private:
    std::filesystem::path file_of(std::int64_t number) const;
    void remove_files() const;

    std::filesystem::path folder_;
    Options options_;
    std::unique_ptr<FileLock> lock_;
    std::int64_t count_ = 0;
    std::vector<std::pair<std::int64_t, Tensor>> read_;  ///< the latest last
};

}  // namespace reverie
