// Plugins: libraries beside this one, opened when they are needed because what they bring along is heavy to start.
#pragma once

#include <filesystem>

namespace reverie {

/// Where this library lies, which is where its plugins do.
std::filesystem::path library_folder();

/// The function `function` of the plugin `file` ("libreverie_film.so"), which stays loaded. Throws std::runtime_error
/// with the loader's reason, such as a library that is missing.
void* plugin_function(const char* file, const char* function);

}  // namespace reverie
