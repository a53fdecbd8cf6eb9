#include "reverie/weights/kept_file.h"

#include <algorithm>
#include <system_error>

#include "reverie/core/error.h"

namespace reverie {

std::optional<StateDict> read_kept(const std::filesystem::path& file, const std::map<std::string, std::string>& notes) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
        return std::nullopt;
    }
    try {
        StateDict dict = read_state_dict(file);
        const bool wanted = std::ranges::all_of(notes, [&](const auto& note) {
            const auto found = dict.metadata().find(note.first);
            return found != dict.metadata().end() && found->second == note.second;
        });
        return wanted ? std::optional<StateDict>(std::move(dict)) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace reverie
