// The pictures a style transfer is told of besides its input: styles, masks, what is protected, what to start from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/style/style_flags.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/techniques/style.h"

namespace reverie {

/// A style as it was named; nothing is read yet.
struct StyleInput {
    std::string path;  ///< a picture, or a folder of them
    double weight = 1.0;
    StyleBand band = StyleBand::All;
    std::string mask;  ///< empty: none
};

/// "starry.jpg=0.5": what follows the last '=' is a weight when it is a number and no file has the whole name. Throws
/// Usage, naming `flag`, for a weight that is not above 0.
StyleInput parse_style(const std::string& flag, const std::string& text);

/// All of the flags, each with its mask. Throws Usage.
std::vector<StyleInput> style_inputs(const StyleFlags& flags);

/// The files a style consists of; `warn` hears what else lies in its folder. Throws Input for a folder without
/// pictures.
std::vector<std::string> pictures_of(const StyleInput& style,
                                     const std::function<void(const std::string& sentence)>& warn = {});

/// With --each-style: one variant a style, each in a folder of its name. Throws Usage for two of one name, and
/// for one without a name.
std::vector<PictureVariant> style_variants(const std::vector<StyleInput>& styles);

/// The styles, bands and masks by file names, as flags.
void add_settings(Settings& settings, const std::vector<StyleInput>& styles);

/// Looks at headers only. Throws Input, naming the path, for a style that cannot be read or is smaller than
/// `min_side`.
void check_style(const StyleInput& style, std::int64_t min_side, std::int64_t max_pixels);

/// Transparent parts are seen on white. Throws Input.
StyleSource read_style(const StyleInput& style, std::int64_t max_pixels);

}  // namespace reverie
