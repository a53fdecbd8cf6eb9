// Private: which runs paint a film, and what is checked before one is painted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/pictures/film_flags.h"
#include "cli/pictures/film_frames.h"
#include "reverie/cli/app.h"
#include "reverie/cli/batch.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/output/film_writer.h"

namespace reverie {

/// Whether the only input is a film, by its content, or the pattern of numbered pictures. What can be a picture too is
/// a film where the output's name is one's: an animated GIF or WebP for .mp4, .gif, .webp and the like, a stream for
/// those but .webp. A folder is none of these names, unless its pictures are named too: "out/%06d.png". Throws Usage
/// for a folder whose pictures would have to become one film.
bool takes_film(const std::vector<std::string>& inputs, const std::string& output);

struct FilmRequest {
    const PictureOptions& pictures;
    const FilmFlags& flags;
    FilmOptions options;
    bool resume = false;
    std::int64_t preview_every = 0;  ///< frames between previews; 0: none
    BatchItem item;                  ///< input, output and the size of the film
    std::shared_ptr<FilmFrames> frames;

    Size size() const;     ///< of the film that is painted
    bool streams() const;  ///< the output goes by once, and cannot be gone on with
};

/// Where --report writes about a film: "clip.html" for "clip.mp4", "frames.html" for "frames/".
std::filesystem::path page_of(const std::filesystem::path& film);

/// What a FilmWriter is told, without a state.
FilmWriteOptions writing_of(const FilmRequest& request, bool overwrite);

/// Flags that a film cannot follow, an input that is none and an output that cannot be written are refused: throws
/// Usage, Input and Output. `pictures` and `flags` must outlive the request.
FilmRequest check_film_request(Session& session, const PictureOptions& pictures, const FilmFlags& flags,
                               FilmOptions options, bool resume, std::int64_t preview_every);

}  // namespace reverie
