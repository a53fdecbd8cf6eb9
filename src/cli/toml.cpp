#include "cli/toml.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "reverie/core/error.h"

namespace reverie {
namespace {

bool is_number(const std::string& text) {
    double number = 0.0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    if (result.ec == std::errc() && result.ptr == text.data() + text.size()) {
        return std::isfinite(number);
    }
    return false;
}

class Parser {
  public:
    Parser(std::string_view text, const std::string& path) : text_(text), path_(path) {}

    Settings parse() {
        Settings settings;
        for (skip(/*lines=*/true); at_ < text_.size(); skip(/*lines=*/true)) {
            const std::string name = take_name();
            skip(/*lines=*/false);
            if (next() != '=') {
                fail();
            }
            ++at_;
            skip(/*lines=*/false);
            std::vector<std::string> values;
            if (next() == '[') {
                values = take_array();
            } else {
                values.push_back(take_scalar());
            }
            skip(/*lines=*/false);
            if (at_ < text_.size() && next() != '\n') {
                fail();
            }
            if (std::any_of(settings.all().begin(), settings.all().end(),
                            [&name](const Setting& setting) { return setting.name == name; })) {
                fail();  // TOML allows a name once
            }
            settings.set_list(name, std::move(values));
        }
        return settings;
    }

  private:
    [[noreturn]] void fail() const {
        const std::size_t end = std::min(at_, text_.size());
        const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), '\n');
        throw Error(ErrorKind::Usage, "line " + std::to_string(line) + " of '" + path_ +
                                          "' is not understood; wanted flag = value once per flag, as in steps = 12, "
                                          "network = \"vgg19\" or layers = [\"block10\"]");
    }

    char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    /// Blanks and comments; line ends too where they mean nothing.
    void skip(bool lines) {
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
                if (at_ == text_.size() || !lines) {
                    return;
                }
            }
            const char c = text_[at_];
            if (c != ' ' && c != '\t' && c != '\r' && !(lines && c == '\n')) {
                return;
            }
        }
    }

    std::string take_bare() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                      std::string_view("_-+.").find(text_[at_]) != std::string_view::npos)) {
            ++at_;
        }
        if (at_ == begin) {
            fail();
        }
        return std::string(text_.substr(begin, at_ - begin));
    }

    std::string take_name() { return next() == '"' ? take_string() : take_bare(); }

    std::string take_string() {
        const char quote = text_[at_++];
        std::string value;
        for (; next() != quote; ++at_) {
            if (at_ >= text_.size() || next() == '\n') {
                fail();
            }
            if (quote == '"' && next() == '\\') {
                ++at_;
                static constexpr std::string_view kEscapes = "\"\\nt";
                static constexpr std::string_view kMeanings = "\"\\\n\t";
                const std::size_t which = kEscapes.find(next());
                if (which == std::string_view::npos) {
                    fail();
                }
                value += kMeanings[which];
            } else {
                value += next();
            }
        }
        ++at_;
        return value;
    }

    std::string take_scalar() {
        if (next() == '"' || next() == '\'') {
            return take_string();
        }
        const std::string value = take_bare();
        if (value != "true" && value != "false" && !is_number(value)) {
            fail();
        }
        return value;
    }

    std::vector<std::string> take_array() {
        std::vector<std::string> values;
        ++at_;
        for (skip(/*lines=*/true); next() != ']'; skip(/*lines=*/true)) {
            values.push_back(take_scalar());
            skip(/*lines=*/true);
            if (next() == ',') {
                ++at_;
            } else if (next() != ']') {
                fail();
            }
        }
        ++at_;
        return values;
    }

    std::string_view text_;
    const std::string& path_;
    std::size_t at_ = 0;
};

std::string toml_scalar(const std::string& text) {
    if (is_number(text) || text == "true") {
        return text;
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

Settings parse_toml(std::string_view text, const std::string& path) { return Parser(text, path).parse(); }

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
