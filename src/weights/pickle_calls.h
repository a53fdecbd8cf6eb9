// What a pickle may call: the table of the known classes and functions, and what each call yields.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "pickle.h"

namespace reverie::weights {

/// The known class or function; anything else is refused by name. Nothing is imported, nothing is run.
PickleValue known_global(std::string_view module, std::string_view name, const std::filesystem::path& path);

/// What `callee(*arguments)` yields, for a Global that may be called.
PickleValue call_global(Pickle& pickle, const PickleValue& callee, const std::vector<PickleValue>& arguments,
                        const std::filesystem::path& path);

/// The storage that a persistent id ("storage", class, key, location, count[, view]) names.
PickleValue persistent_storage(Pickle& pickle, const PickleValue& id, const std::filesystem::path& path);

}  // namespace reverie::weights
