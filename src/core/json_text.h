// JSON on one line.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace reverie {

/// A byte of a file's name that is not UTF-8, say 0xe9, is written as "\udce9": half a character, which no text holds,
/// so that it can be told and read back (Python's `surrogateescape` means the same by it). `ascii`: all other
/// characters beyond ASCII are escaped too.
std::string json_text(const nlohmann::ordered_json& value, bool ascii = false);

/// What json_text wrote, with those bytes as they were. Throws nlohmann's exceptions.
nlohmann::ordered_json json_value(std::string_view text);

/// The whole number that `value` is: get<std::int64_t>() would make one of 1e27 too, undefined as that is. Throws
/// nlohmann's exception for anything else.
template <typename Json>
std::int64_t whole_number_of(const Json& value) {
    if (!value.is_number_integer()) {
        throw Json::type_error::create(302, "type must be a whole number", &value);
    }
    return value.template get<std::int64_t>();
}

}  // namespace reverie
