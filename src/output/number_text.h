// Numbers as files hold them.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace reverie::output {

/// The shortest text that reads back as the same number; "nan", "inf" or "-inf" otherwise.
inline std::string number_text(double value) {
    if (std::isnan(value)) {
        return "nan";  // never "-nan"
    }
    if (value == 0 && std::signbit(value)) {
        return "-0.0";  // readers of JSON take "-0" for a whole number and lose the sign
    }
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

}  // namespace reverie::output
