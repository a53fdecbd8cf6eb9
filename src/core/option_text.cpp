#include "reverie/core/option_text.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace reverie {
namespace {

template <typename Number>
bool parse_number(const std::string& text, Number& value) {
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
}

}  // namespace

std::string number_text(double value) {
    char text[32];
    const auto result = std::to_chars(text, text + sizeof text, value);
    return {text, result.ptr};
}

bool parse_value(const std::string& text, std::string& value) {
    value = text;
    return true;
}

bool parse_value(const std::string& text, std::filesystem::path& value) {
    value = text;
    return !text.empty();
}

bool parse_value(const std::string& text, bool& value) {
    value = text == "true";
    return value || text == "false";
}

bool parse_value(const std::string& text, int& value) { return parse_number(text, value); }
bool parse_value(const std::string& text, std::int64_t& value) { return parse_number(text, value); }
bool parse_value(const std::string& text, std::uint64_t& value) { return parse_number(text, value); }
bool parse_value(const std::string& text, double& value) { return parse_number(text, value) && std::isfinite(value); }

bool parse_value(const std::string& text, Size& value) {
    const std::size_t cross = text.find('x');
    return parse_number(text.substr(0, cross), value.width) &&
           parse_number(cross == std::string::npos ? text : text.substr(cross + 1), value.height);
}

bool parse_duration(const std::string& text, double& seconds) {
    constexpr std::string_view kUnits = "smhd";
    constexpr double kSeconds[] = {1.0, 60.0, 3600.0, 86400.0};
    seconds = 0.0;
    const char* begin = text.data();
    const char* const end = begin + text.size();
    while (begin != end) {
        double number = 0.0;
        const auto result = std::from_chars(begin, end, number, std::chars_format::fixed);
        const std::size_t unit = result.ptr == end ? std::string_view::npos : kUnits.find(*result.ptr);
        if (result.ec != std::errc() || !(number >= 0.0) || unit == std::string_view::npos) {
            return false;
        }
        seconds += number * kSeconds[unit];
        begin = result.ptr + 1;
    }
    return !text.empty();
}

}  // namespace reverie
