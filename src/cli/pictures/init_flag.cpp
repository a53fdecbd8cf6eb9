#include "cli/pictures/init_flag.h"

#include <algorithm>
#include <system_error>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {

std::optional<std::filesystem::path> init_file(const std::string& given, const std::vector<std::string>& words) {
    if (given.empty() || std::ranges::find(words, given) != words.end()) {
        return std::nullopt;
    }
    std::error_code ignored;
    if (!std::filesystem::exists(given, ignored)) {
        throw Error(ErrorKind::Usage, "--init '" + given + "' is neither " + join(words, ", ", ", ") +
                                          " nor a file that exists" + did_you_mean(given, words));
    }
    return given;
}

std::string init_text(const std::optional<std::filesystem::path>& file, const std::string& word) {
    return file ? file->filename().string() : word;
}

}  // namespace reverie
