// What --model names: a net, and which of its styles.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "reverie/techniques/fast_painter.h"

namespace reverie {

struct ModelSpec {
    std::filesystem::path path;      ///< a weights file or a run folder
    std::vector<StyleShare> styles;  ///< empty: none was named

    /// As parse_model would read it back where a file of that name is.
    std::string text() const;
};

/// "run/:starry=2:wave": a path up to the last ':' before which one exists, then styles. Throws Usage for a style
/// without a name or with a weight that is not above 0; Input where nothing exists.
ModelSpec parse_model(const std::string& text);

}  // namespace reverie
