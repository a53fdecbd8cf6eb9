#include "core/plugin.h"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>

namespace reverie {

void* plugin_function(const char* file, const char* function) {
    Dl_info here = {};
    dladdr(reinterpret_cast<const void*>(&plugin_function), &here);
    const auto plugin = std::filesystem::path(here.dli_fname).parent_path() / file;
    void* library = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* found = library == nullptr ? nullptr : dlsym(library, function);
    if (found == nullptr) {
        const char* reason = dlerror();
        throw std::runtime_error(reason != nullptr ? reason : "no reason given");
    }
    return found;
}

}  // namespace reverie
