// A contact sheet of dreams: what each layer or channel makes of one picture.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/dream/dream_inputs.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

/// The targets of --grid: all layers that see a part of the picture ("layers"), names with '*' in them, channels from
/// one to another, or single targets. Throws Usage.
std::vector<DreamTarget> grid_targets(const Graph& graph, const std::vector<std::string>& texts);

/// Dreams of one target after the other and lays the dreams out with their names. `page`: where the HTML page goes;
/// empty: none is written. Those for which the picture is too small are left out with a warning; a stop keeps what is
/// there. Throws like dream().
PictureResult dream_grid(const DreamJob& job, FrozenNet& net, DreamOptions options,
                         const std::vector<DreamTarget>& targets, std::int64_t max_memory, const std::string& title,
                         const std::filesystem::path& page, const Hooks& hooks);

/// The size of the sheet for pictures of that size.
Size grid_sheet(Size picture, std::size_t targets);

}  // namespace reverie
