#include "image/comment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace reverie::image {
namespace {

bool is_utf8(const std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        const int following = lead < 0x80         ? 0
                              : lead >> 5 == 0x6  ? 1
                              : lead >> 4 == 0xe  ? 2
                              : lead >> 3 == 0x1e ? 3
                                                  : -1;
        if (following < 0) {
            return false;
        }
        for (int k = 0; k < following; ++k, ++i) {
            if (i == text.size() || (static_cast<unsigned char>(text[i]) >> 6) != 0x2) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace

std::string to_utf8(std::string text) {
    if (is_utf8(text)) {
        return text;
    }
    std::string utf8;
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (code < 0x80) {
            utf8.push_back(c);
        } else {
            utf8.push_back(static_cast<char>(0xc0 | code >> 6));
            utf8.push_back(static_cast<char>(0x80 | (code & 0x3f)));
        }
    }
    return utf8;
}

std::string to_comment(const Text& text) {
    if (text.empty()) {
        return "";
    }
    // A lone comment that reads back as something else (it looks like our JSON) is wrapped as well.
    const std::string& value = text.begin()->second;
    if (text.size() == 1 && from_comment(value) == text) {
        return value;
    }
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Text from_comment(std::string comment) {
    comment.erase(comment.find_last_not_of('\0') + 1);
    if (comment.empty()) {
        return {};
    }
    if (comment.front() == '{') {
        const nlohmann::json object = nlohmann::json::parse(comment, nullptr, false);
        const auto is_string = [](const nlohmann::json& value) { return value.is_string(); };
        if (object.is_object() && !object.empty() && std::all_of(object.begin(), object.end(), is_string)) {
            return object.get<Text>();
        }
    }
    return {{"Comment", to_utf8(std::move(comment))}};
}

}  // namespace reverie::image
