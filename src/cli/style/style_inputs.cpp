#include "cli/style/style_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "cli/pictures/masks.h"
#include "reverie/cli/batch.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

fs::path real_path(const fs::path& path) {
    std::error_code ignored;
    const fs::path absolute = fs::absolute(path, ignored);
    const fs::path real = fs::weakly_canonical(absolute, ignored);
    return ignored ? absolute.lexically_normal() : real;
}

/// The path with a name at its end: "paintings/" and "paintings" are the same, and ".." has a name too.
fs::path without_slash(const std::string& path) {
    const fs::path normal = fs::path(path).lexically_normal();
    const fs::path bare = normal.has_filename() ? normal : normal.parent_path();
    return bare.filename() == "." || bare.filename() == ".." ? real_path(bare) : bare;
}

/// As parse_style would read it back where a file of that name is.
std::string text_of(const StyleInput& style) {
    const std::string name = without_slash(style.path).filename().string();
    const std::size_t equals = name.rfind('=');
    double number = 0.0;
    const bool ambiguous = equals != std::string::npos && parse_value(name.substr(equals + 1), number);
    return style.weight != 1.0 || ambiguous ? name + "=" + number_text(style.weight) : name;
}

}  // namespace

StyleInput parse_style(const std::string& flag, const std::string& text) {
    StyleInput style{text};
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || exists(text) ||
        !parse_value(text.substr(equals + 1), style.weight)) {
        style.weight = 1.0;
        return style;
    }
    style.path = text.substr(0, equals);
    if (style.weight <= 0.0) {
        throw Error(ErrorKind::Usage, flag + " '" + text + "' has a weight that is not above 0; leave the style out");
    }
    return style;
}

std::vector<StyleInput> style_inputs(const StyleFlags& flags) {
    std::vector<StyleInput> all;
    const auto add = [&all](const std::string& flag, const std::vector<std::string>& texts, StyleBand band) {
        for (const std::string& text : texts) {
            all.push_back(parse_style(flag, text));
            all.back().band = band;
        }
    };
    add("--style", flags.styles, StyleBand::All);
    add("--style-coarse", flags.coarse, StyleBand::Coarse);
    add("--style-fine", flags.fine, StyleBand::Fine);
    for (std::size_t i = 0; i < flags.masks.size(); ++i) {
        all.at(i).mask = flags.masks[i];
    }
    return all;
}

std::vector<std::string> pictures_of(const StyleInput& style, const std::function<void(const std::string&)>& warn) {
    std::error_code ignored;
    return fs::is_directory(style.path, ignored) ? pictures_in(style.path, warn) : std::vector<std::string>{style.path};
}

std::vector<PictureVariant> style_variants(const std::vector<StyleInput>& styles) {
    std::vector<PictureVariant> variants;
    std::map<std::string, std::string> owners;  // folder -> the style it belongs to
    for (const StyleInput& style : styles) {
        std::error_code ignored;
        const fs::path path = without_slash(style.path);
        const std::string folder = (fs::is_directory(path, ignored) ? path.filename() : path.stem()).string();
        if (folder.empty() || folder == "." || folder == "..") {
            throw Error(ErrorKind::Usage, "the style '" + style.path +
                                              "' has no name that a folder could have; name one of its folders or "
                                              "pictures");
        }
        if (const auto [owner, fresh] = owners.emplace(folder, style.path); !fresh) {
            if (real_path(owner->second) == real_path(path)) {
                throw Error(ErrorKind::Usage, "the style '" + style.path + "' is given twice; leave one out");
            }
            throw Error(ErrorKind::Usage, "the styles '" + owner->second + "' and '" + style.path +
                                              "' would both be written to the folder '" + folder +
                                              "'; rename one, or give them to two runs");
        }
        variants.push_back({style.path, folder});
    }
    return variants;
}

void add_settings(Settings& settings, const std::vector<StyleInput>& styles) {
    for (const auto& [band, flag] : {std::pair{StyleBand::All, "style"}, std::pair{StyleBand::Coarse, "style-coarse"},
                                     std::pair{StyleBand::Fine, "style-fine"}}) {
        std::vector<std::string> texts;
        for (const StyleInput& style : styles) {
            if (style.band == band) {
                texts.push_back(text_of(style));
            }
        }
        if (!texts.empty()) {
            settings.set_list(flag, texts);
        }
    }
    std::vector<std::string> masks;
    for (const StyleInput& style : styles) {
        if (!style.mask.empty()) {
            masks.push_back(fs::path(style.mask).filename().string());
        }
    }
    if (!masks.empty()) {
        settings.set_list("mask", masks);
    }
}

void check_style(const StyleInput& style, std::int64_t min_side, std::int64_t max_pixels) {
    for (const std::string& path : pictures_of(style)) {
        const Size size = read_picture_size(path, {.max_pixels = max_pixels});
        if (std::min(size.height, size.width) < min_side) {
            throw Error(ErrorKind::Input, "the style '" + path + "' has " + text_of(size) +
                                              " pixels, but the net needs " + std::to_string(min_side) +
                                              " on each side; choose a larger picture");
        }
    }
    if (!style.mask.empty()) {
        read_picture_size(style.mask, {.max_pixels = max_pixels});
    }
}

StyleSource read_style(const StyleInput& style, std::int64_t max_pixels) {
    StyleSource source;
    source.weight = style.weight;
    source.band = style.band;
    for (const std::string& path : pictures_of(style)) {
        source.images.push_back(read_on_white(path, max_pixels));
    }
    return source;
}

}  // namespace reverie
