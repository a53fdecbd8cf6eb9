#include "cli/frame/toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

[[noreturn]] void fail(const toml::source_position& where, const std::string& path) {
    throw Error(ErrorKind::Usage, "line " + std::to_string(where.line) + " of '" + path +
                                      "' is not understood; wanted flag = value once per flag, as in steps = 12, "
                                      "network = \"vgg19\" or layers = [\"block10\"]");
}

/// A value as one would type it after its flag.
std::string text_of(const toml::node& node, const std::string& path) {
    if (const auto* text = node.as_string()) {
        return text->get();
    }
    if (const auto* truth = node.as_boolean()) {
        return truth->get() ? "true" : "false";
    }
    if (const auto* whole = node.as_integer()) {
        return std::to_string(whole->get());
    }
    if (const auto* number = node.as_floating_point(); number != nullptr && std::isfinite(number->get())) {
        return number_text(number->get());
    }
    fail(node.source().begin, path);
}

/// Numbers, true and false need no quotes where they come back as they were.
bool is_bare(const std::string& text) {
    if (text.find_first_of("\n#") != std::string::npos) {
        return false;
    }
    try {
        const toml::table table = toml::parse("x = " + text);
        const toml::node* value = table.get("x");
        return !value->is_string() && !value->is_array() && !value->is_table() && text_of(*value, "") == text;
    } catch (const toml::parse_error&) {
        return false;
    } catch (const Error&) {  // a date, infinity
        return false;
    }
}

std::string toml_scalar(const std::string& text) {
    if (is_bare(text)) {
        return text;
    }
    if (!is_utf8(text)) {
        throw Error(ErrorKind::Usage, "'" + text +
                                          "' holds bytes that are not UTF-8, which no settings file can hold; rename "
                                          "it, or reach it by a link with another name");
    }
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '\n' || c == '\t') {
            quoted += c == '\n' ? "\\n" : "\\t";
        } else {
            quoted += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
        }
    }
    return quoted + "\"";
}

}  // namespace

Settings parse_toml(std::string_view text, const std::string& path) {
    toml::table table;
    try {
        table = toml::parse(text);
    } catch (const toml::parse_error& error) {
        fail(error.source().begin, path);
    }
    // A table is sorted by name; the order of the file is the one that was meant.
    std::vector<std::pair<std::string, const toml::node*>> flags;
    for (const auto& [name, node] : table) {
        flags.emplace_back(std::string(name.str()), &node);
    }
    std::sort(flags.begin(), flags.end(), [](const auto& a, const auto& b) {
        const toml::source_position& x = a.second->source().begin;
        const toml::source_position& y = b.second->source().begin;
        return std::pair(x.line, x.column) < std::pair(y.line, y.column);
    });
    Settings settings;
    for (const auto& [name, node] : flags) {
        std::vector<std::string> values;
        if (const toml::array* list = node->as_array()) {
            for (const toml::node& item : *list) {
                values.push_back(text_of(item, path));
            }
        } else {
            values.push_back(text_of(*node, path));
        }
        settings.set_list(name, std::move(values));
    }
    return settings;
}

std::string toml_value(const std::vector<std::string>& values, bool list) {
    if (!list) {
        return toml_scalar(values.empty() ? "" : values.front());
    }
    std::string text = "[";
    for (const std::string& value : values) {
        text += (text.size() > 1 ? ", " : "") + toml_scalar(value);
    }
    return text + "]";
}

}  // namespace reverie
