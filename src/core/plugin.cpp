#include "core/plugin.h"

#include <dlfcn.h>

#include <stdexcept>

namespace reverie {

std::filesystem::path library_folder() {
    Dl_info here = {};
    dladdr(reinterpret_cast<const void*>(&library_folder), &here);
    return std::filesystem::path(here.dli_fname).parent_path();
}

void* plugin_function(const char* file, const char* function) {
    const auto plugin = library_folder() / file;
    void* library = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* found = library == nullptr ? nullptr : dlsym(library, function);
    if (found == nullptr) {
        const char* reason = dlerror();
        throw std::runtime_error(reason != nullptr ? reason : "no reason given");
    }
    return found;
}

}  // namespace reverie
