// Any text as text of an HTML or SVG page.
#pragma once

#include <string>
#include <string_view>

namespace reverie::output {

/// Also right within quoted attributes. Control characters, which no page may hold, become U+FFFD.
inline std::string escaped(std::string_view text) {
    std::string safe;
    safe.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            case '\'':
                safe += "&#39;";
                break;
            default: {
                const auto code = static_cast<unsigned char>(c);
                const bool is_control = (code < 0x20 && c != '\n' && c != '\t') || code == 0x7f;
                safe += is_control ? "\xef\xbf\xbd" : std::string(1, c);
            }
        }
    }
    return safe;
}

}  // namespace reverie::output
