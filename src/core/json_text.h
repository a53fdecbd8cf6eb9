// JSON on one line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace reverie {

/// Bytes of file names that are no UTF-8 become replacement characters.
inline std::string json_text(const nlohmann::ordered_json& value) {
    return value.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace reverie
