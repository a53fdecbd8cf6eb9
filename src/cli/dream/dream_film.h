// deepdream --film: dreams what is missing of the key dreams, then makes the film of them.
#pragma once

#include "cli/dream/dream_film_request.h"

namespace reverie {

/// Makes the film that was checked by check_film() and prints its path, or says what would be made with --dry-run. What
/// has been dreamt is kept beside it until it is done. Stopped, it leaves what there is as NAME.partial.EXT and throws
/// Cancelled; it throws also what reading, dreaming and writing do. Returns the exit code.
int make_dream_film(Session& session, const DreamFilmRequest& request, const BatchItem& item);

}  // namespace reverie
