// What the kinds of films have in common, and their makers.
#pragma once

#include <filesystem>
#include <memory>

#include "reverie/image/picture.h"
#include "reverie/output/animation.h"

namespace reverie::output {

/// Frames arrive one by one, all of one size. Without finish() the destructor leaves nothing behind.
class Film {
  public:
    virtual ~Film() = default;
    virtual void add(const Picture& frame) = 0;
    /// The path it has got.
    virtual std::filesystem::path finish() = 0;
};

std::unique_ptr<Film> make_gif(const std::filesystem::path& path, const AnimationOptions& options);
std::unique_ptr<Film> make_mp4(const std::filesystem::path& path, const AnimationOptions& options);
std::unique_ptr<Film> make_webp(const std::filesystem::path& path, const AnimationOptions& options);
std::unique_ptr<Film> make_png_folder(const std::filesystem::path& path);

[[noreturn]] void throw_unwritable(const std::filesystem::path& path, const std::string& why);

}  // namespace reverie::output
