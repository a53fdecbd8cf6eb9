// Private: a film painted frame by frame, and written as a film.
#pragma once

#include "cli/pictures/film_request.h"
#include "reverie/cli/run_pictures.h"

namespace reverie {

/// Prepares the program's only variant and paints the film that was checked by check_film_request(), each frame by
/// PictureTask::frame, or says what would be made with --dry-run. What is done is kept beside it until all is
/// (FilmFolder). Stopped, or where the film or the disk gives out, it leaves what there is as NAME.partial.EXT. Prints
/// its path or a line of JSON. Throws Cancelled when stopped, and what preparing, reading, painting and writing do.
/// Returns the exit code.
int run_film(Session& session, const FilmRequest& request, const PictureProgram& program);

}  // namespace reverie
