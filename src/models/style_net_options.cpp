#include <set>

#include "core/json_text.h"
#include "models/net_options.h"
#include "reverie/core/text.h"
#include "reverie/models/style_net.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kArchitecture = "style_net";

std::vector<std::string> names_of(const std::string& text) {
    try {
        return json_value(text).get<std::vector<std::string>>();
    } catch (const Json::exception&) {
        throw Error(ErrorKind::Input, "the weights' notes hold no list of names for 'styles', but '" + text +
                                          "'; pass weights that `styletransfer train` wrote");
    }
}

}  // namespace

void validate(const StyleNetOptions& options) {
    for (const std::int64_t channels : options.channels) {
        require_range("the number of a style net's channels", channels, 8, 1024);
        if (channels % 8 != 0) {
            throw Error(ErrorKind::Usage, "the number of a style net's channels is " + std::to_string(channels) +
                                              "; wanted a multiple of 8");
        }
    }
    require_range("the window of a style net's ends", options.ends, 3, 11);
    if (options.ends % 2 == 0) {
        throw Error(ErrorKind::Usage, "the window of a style net's ends is " + std::to_string(options.ends) +
                                          "; wanted an odd number of pixels");
    }
    require_range("the number of a style net's blocks", options.blocks, 1, 16);
    if (options.styles.empty()) {
        throw Error(ErrorKind::Usage, "a style net has no style; name at least one");
    }
    std::set<std::string> seen;
    for (const std::string& name : options.styles) {
        if (name.empty()) {
            throw Error(ErrorKind::Usage, "a style of a style net has no name; give it one");
        }
        if (!seen.insert(name).second) {
            throw Error(ErrorKind::Usage,
                        "two styles of a style net are called '" + one_line(name) + "'; give each a name of its own");
        }
    }
}

std::map<std::string, std::string> to_metadata(const StyleNetOptions& options) {
    return {
        {"architecture", kArchitecture},
        {"channels_full", std::to_string(options.channels[0])},
        {"channels_half", std::to_string(options.channels[1])},
        {"channels_quarter", std::to_string(options.channels[2])},
        {"ends", std::to_string(options.ends)},
        {"blocks", std::to_string(options.blocks)},
        {"styles", json_text(Json(options.styles))},
        {"adds_input", options.adds_input ? "1" : "0"},
    };
}

StyleNetOptions style_net_options(const std::map<std::string, std::string>& metadata) {
    const auto note = [&](const char* key) {
        const auto found = metadata.find(key);
        return found == metadata.end() ? std::string() : found->second;
    };
    const NetNotes notes(metadata, "styletransfer");
    if (note("architecture") != kArchitecture) {
        throw Error(
            ErrorKind::Input,
            "the weights' notes name " +
                (note("architecture").empty() ? "no architecture" : "the architecture '" + note("architecture") + "'") +
                ", so they are of no style net; pass a run folder or weights that "
                "`styletransfer train` wrote");
    }
    StyleNetOptions options;
    options.channels = {notes.number("channels_full"), notes.number("channels_half"), notes.number("channels_quarter")};
    options.ends = notes.number("ends");
    options.blocks = notes.number("blocks");
    options.styles = names_of(note("styles"));
    options.adds_input = notes.number("adds_input") != 0;
    validate_notes(options);
    return options;
}

}  // namespace reverie
