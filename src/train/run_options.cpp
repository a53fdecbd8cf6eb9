#include "train/run_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "reverie/core/error.h"
#include "reverie/core/runtime.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

constexpr int kFormat = 1;

/// What a resume can be told on the command line, as against a fact such as "digest of the images".
bool is_flag(const std::string& name) { return name.find(' ') == std::string::npos; }

/// Whether TOML takes the text without quotes and means the same by it. (It knows neither ".5" nor "5." nor "007".)
bool is_bare(const std::string& text) {
    if (text == "true" || text == "false") {
        return true;
    }
    const std::string digits = text.substr(text.starts_with('-') ? 1 : 0);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (digits.empty() || !is_digit(digits.front()) || !is_digit(digits.back()) ||
        digits.find(".e") != std::string::npos || (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1]))) {
        return false;
    }
    if (digits.find_first_not_of("0123456789") == std::string::npos) {
        std::int64_t whole = 0;  // TOML has no larger ones
        return std::from_chars(text.data(), text.data() + text.size(), whole).ec == std::errc();
    }
    double value = 0.0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

std::string quoted(const std::string& name, const std::string& text) {
    if (!is_utf8(text)) {
        throw Error(ErrorKind::Usage, name + " '" + text +
                                          "' holds bytes that are not UTF-8, which the run's options.toml cannot hold; "
                                          "rename it, or reach it by a link with another name");
    }
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += std::string("\\") + c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
            quoted += escape;
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

/// A JSON list of texts, which is one to TOML too.
bool is_list(const std::string& text) { return text.starts_with("[\"") && text.ends_with("\"]") && is_utf8(text); }

std::string line_of(const std::string& name, const std::string& value) {
    const bool as_it_is = is_bare(value) || is_list(value);
    return (is_flag(name) ? "" : "# ") + name + " = " + (as_it_is ? value : quoted(name, value)) + "\n";
}

/// As one would type it.
std::string typed(const std::string& name, const std::string* value) {
    return value == nullptr ? "without --" + name : "with --" + name + " " + *value;
}

/// How long a run goes on, as one would type it: one of --steps and --epochs, of which the other one is 0.
std::string length_of(const RunOptions& options) {
    for (const char* name : {"steps", "epochs"}) {
        const auto found = std::ranges::find(options, name, &RunOptions::value_type::first);
        if (found != options.end() && found->second != "0") {
            return typed(name, &found->second);
        }
    }
    return "without --steps or --epochs";
}

}  // namespace

std::string run_headline(const std::string& program) {
    return "# " + program + " " + version() + ", run format " + std::to_string(kFormat) +
           ": the options of this run, fit for --config";
}

void require_own(const std::string& headline, const std::string& program, const std::filesystem::path& path) {
    char found[64] = "";
    char number[64] = "";
    int format = 0;
    if (std::sscanf(headline.c_str(), "# %63s %63[^,], run format %d:", found, number, &format) != 3) {
        return;
    }
    if (found != program) {
        throw Error(ErrorKind::Input, "'" + path.string() + "' is a run of " + found + ", not of " + program +
                                          "; resume it with that program, or choose another -o");
    }
    if (format != kFormat) {
        throw Error(ErrorKind::Input, "'" + path.string() + "' was begun by " + found + " " + number +
                                          ", whose runs this version cannot go on with; resume it with that version");
    }
}

std::string options_toml(const RunIdentity& identity) {
    std::string text = run_headline(identity.program) + "\n";
    for (const auto& [name, value] : identity.options) {
        text += line_of(name, value);
    }
    if (!identity.free.empty()) {
        text += "# what --resume may change:\n";
        for (const auto& [name, value] : identity.free) {
            text += line_of(name, value);
        }
    }
    return text;
}

RunOptions with_later_options(RunOptions options, const std::string& program) {
    struct Later {
        const char* program;  ///< empty: of any
        const char* name;
        const char* value;  ///< what it was like before it could be chosen
    };
    constexpr std::array kLater = {Later{"", "engine", "libtorch"},     Later{"gan", "generator", "dcgan"},
                                   Later{"gan", "projected-size", "0"}, Later{"gan", "pixel-branch", "off"},
                                   Later{"gan", "cutout", "0.5"},       Later{"styletransfer", "lattice", "0"},
                                   Later{"styletransfer", "plain", "0"}};
    for (const Later& later : kLater) {
        const bool fits = *later.program == '\0' || later.program == program;
        if (fits && std::ranges::find(options, later.name, &RunOptions::value_type::first) == options.end()) {
            options.emplace_back(later.name, later.value);
        }
    }
    return options;
}

void require_same(const RunOptions& before, const RunOptions& now, const std::filesystem::path& path) {
    const auto value_in = [](const RunOptions& options, const std::string& name) -> const std::string* {
        const auto found = std::ranges::find(options, name, &RunOptions::value_type::first);
        return found == options.end() ? nullptr : &found->second;
    };
    const auto compare = [&](const std::string& name) {
        const std::string* old = value_in(before, name);
        const std::string* given = value_in(now, name);
        if (old != nullptr && given != nullptr && *old == *given) {
            return;
        }
        const bool length = name == "steps" || name == "epochs";
        throw Error(ErrorKind::Usage, "the run '" + path.string() + "' was begun " +
                                          (length          ? length_of(before) + " and is to go on " + length_of(now)
                                           : is_flag(name) ? typed(name, old) + " and is to go on " + typed(name, given)
                                                           : "with another " + name + " (" + (old ? *old : "none") +
                                                                 ", now " + (given ? *given : "none") + ")") +
                                          "; resume with what it was begun with, or start another run with another -o");
    };
    for (const bool flags : {true, false}) {
        for (const RunOptions* options : {&now, &before}) {
            for (const auto& option : *options) {
                if (is_flag(option.first) == flags) {
                    compare(option.first);
                }
            }
        }
    }
}

}  // namespace reverie
