#include "core/json_text.h"

#include <cstdio>

#include "reverie/core/text.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

// Between here and there a stray byte is a character of its own at the end of Unicode's last private plane: U+10FE00
// and its value, in UTF-8 f4 8f b8..bb 80..bf.
constexpr std::string_view kMark = "\xf4\x8f";

std::string marked(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_character(text);
        if (length > 0) {
            out += text.substr(0, length);
        } else {
            const auto byte = static_cast<unsigned char>(text.front());
            out += kMark;
            out += static_cast<char>(0xb8 | byte >> 6);
            out += static_cast<char>(0x80 | (byte & 0x3f));
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

/// The stray byte that a marked character at the beginning stands for; -1: it is another one.
int stray_byte(std::string_view text) {
    if (text.size() < 4 || !text.starts_with(kMark)) {
        return -1;
    }
    const auto third = static_cast<unsigned char>(text[2]);
    const int byte = (third & 3) << 6 | (static_cast<unsigned char>(text[3]) & 0x3f);
    return third >= 0xb8 && third <= 0xbb && byte >= 0x80 ? byte : -1;
}

template <typename Write>
std::string unmarked(std::string_view text, const Write& write) {
    std::string out;
    for (std::size_t at = 0;;) {
        const std::size_t next = std::min(text.find(kMark, at), text.size());
        out += text.substr(at, next - at);
        if (next == text.size()) {
            return out;
        }
        const int byte = stray_byte(text.substr(next));
        if (byte >= 0) {
            write(out, byte);
        } else {
            out += text.substr(next, 4);
        }
        at = next + 4;
    }
}

/// All texts of a value, names included, changed by `change`. What lies deeper than anything we write is dropped: a
/// file of unknown origin may nest without end.
template <typename Change>
Json changed(const Json& value, const Change& change, int depth = 0) {
    constexpr int kDeepest = 100;
    if (depth > kDeepest) {
        return nullptr;
    }
    if (value.is_string()) {
        return change(value.get_ref<const std::string&>());
    }
    if (value.is_array()) {
        Json list = Json::array();
        for (const Json& item : value) {
            list.push_back(changed(item, change, depth + 1));
        }
        return list;
    }
    if (value.is_object()) {
        Json object = Json::object();
        for (const auto& [name, item] : value.items()) {
            object[change(name)] = changed(item, change, depth + 1);
        }
        return object;
    }
    return value;
}

void write_escape(std::string& out, int byte) {
    char text[8];
    std::snprintf(text, sizeof text, "\\udc%02x", static_cast<unsigned>(byte));
    out += text;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// ASCII JSON escapes characters beyond 16 bits as two halves: those of U+10FE80 and its value.
std::string ascii_escapes(const std::string& text) {
    constexpr std::string_view kHalf = "\\udbff\\ude";
    std::string out;
    for (std::size_t at = 0;;) {
        const std::size_t next = std::min(text.find(kHalf, at), text.size());
        out += text.substr(at, next - at);
        if (next == text.size()) {
            return out;
        }
        const bool is_byte = next + kHalf.size() < text.size() && text[next + kHalf.size()] >= '8';
        out += is_byte ? "\\udc" : kHalf;
        at = next + kHalf.size();
    }
}

}  // namespace

std::string json_text(const Json& value, bool ascii) {
    try {
        return value.dump(-1, ' ', ascii);
    } catch (const Json::type_error&) {  // a stray byte somewhere
        const std::string text =
            changed(value, [](const std::string& part) { return marked(part); }).dump(-1, ' ', ascii);
        return ascii ? ascii_escapes(text) : unmarked(text, write_escape);
    }
}

Json json_value(std::string_view text) {
    // A half that no other half stands before: "\udbff\udce9" would be a character.
    constexpr std::string_view kEscape = "\\udc";
    std::string ready;
    bool any = false;
    for (std::size_t at = 0; at < text.size();) {
        const bool is_escape = text.substr(at).starts_with(kEscape) && at + 6 <= text.size() && text[at + 4] >= '8' &&
                               is_hex(text[at + 4]) && is_hex(text[at + 5]);
        if (is_escape) {
            const auto byte =
                static_cast<unsigned char>(std::stoi(std::string(text.substr(at + 4, 2)), nullptr, /*base=*/16));
            ready += marked(std::string(1, static_cast<char>(byte)));
            any = true;
            at += 6;
        } else if (text[at] == '\\' && at + 1 < text.size()) {
            // A whole escape; of a character in two halves both, so that the second is not taken for a byte.
            const std::string_view rest = text.substr(at);
            const bool first_half = rest.size() >= 12 && (rest.starts_with("\\ud8") || rest.starts_with("\\ud9") ||
                                                          rest.starts_with("\\uda") || rest.starts_with("\\udb"));
            const std::size_t length = first_half ? 12 : 2;
            ready += rest.substr(0, length);
            at += length;
        } else {
            ready += text[at++];
        }
    }
    Json value = Json::parse(ready);
    if (!any) {
        return value;
    }
    return changed(value, [](const std::string& part) {
        return unmarked(part, [](std::string& out, int byte) { out += static_cast<char>(byte); });
    });
}

}  // namespace reverie
