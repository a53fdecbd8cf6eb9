#include "cli/style/model_spec.h"

#include <algorithm>
#include <system_error>

#include "reverie/cli/flags.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
    std::error_code ignored;
    return !path.empty() && fs::exists(path, ignored);
}

/// What follows the last '=' is a weight when it is a number.
StyleShare parse_share(const std::string& model, const std::string& text) {
    StyleShare share{text};
    const std::size_t equals = text.rfind('=');
    if (equals != std::string::npos && parse_value(text.substr(equals + 1), share.weight)) {
        share.style = text.substr(0, equals);
    } else {
        share.weight = 1.0;
    }
    if (share.style.empty()) {
        throw Error(ErrorKind::Usage,
                    "--model '" + model + "' names a style without a name; wanted FILE:STYLE or FILE:STYLE=WEIGHT");
    }
    if (!(share.weight > 0.0)) {
        throw Error(ErrorKind::Usage, "--model '" + model + "' gives '" + share.style +
                                          "' a weight that is not above 0; leave the style out");
    }
    return share;
}

}  // namespace

ModelSpec parse_model(const std::string& text) {
    std::size_t end = text.size();
    while (!exists(text.substr(0, end))) {
        end = end == 0 ? std::string::npos : text.rfind(':', end - 1);
        if (end == std::string::npos || end == 0) {
            throw Error(ErrorKind::Input, "--model '" + text +
                                              "' does not exist; pass the folder of a run that `styletransfer train` "
                                              "made, its weights file, or a .pth of PyTorch's "
                                              "examples/fast_neural_style");
        }
    }
    ModelSpec spec{text.substr(0, end), {}};
    while (end < text.size()) {
        const std::size_t next = std::min(text.find(':', end + 1), text.size());
        spec.styles.push_back(parse_share(text, text.substr(end + 1, next - end - 1)));
        end = next;
    }
    return spec;
}

std::string ModelSpec::text() const {
    const fs::path normal = path.lexically_normal();
    std::string text = (normal.has_filename() ? normal : normal.parent_path()).filename().string();
    for (const StyleShare& share : styles) {
        text += ":" + share.style + (share.weight != 1.0 ? "=" + number_text(share.weight) : "");
    }
    return text;
}

}  // namespace reverie
