#include <system_error>
#include <utility>

#include "core/plugin.h"
#include "reverie/weights/store.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCatalogue = "catalogue.json";

bool has_catalogue(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / kCatalogue, ignored);
}

/// share/reverie/models of the tree that this library lies in: beside lib, or beside the lib of lib/x86_64-linux-gnu.
fs::path models_of_library() {
    const fs::path tree = library_folder().parent_path();
    const fs::path beside = tree / "share/reverie/models";
    const fs::path above = tree.parent_path() / "share/reverie/models";
    return !has_catalogue(beside) && has_catalogue(above) ? above : beside;
}

}  // namespace

StoreLocations default_locations(const UserFolders& user, fs::path installed) {
    if (installed.empty()) {
        installed = models_of_library();
    }
    const fs::path own = user.data / "reverie/models";
    StoreLocations locations;
    locations.folders = user.models;
    locations.folders.push_back(own);
    locations.folders.push_back(installed);
    locations.torch_hub = user.torch / "hub/checkpoints";
    locations.download_folder = user.models.empty() ? own : user.models.front();
    locations.catalogue = installed / kCatalogue;
    for (const fs::path& folder : user.models) {
        if (has_catalogue(folder)) {
            locations.catalogue = folder / kCatalogue;
            break;
        }
    }
    return locations;
}

StoreLocations default_locations(const fs::path& home) {
    return default_locations({.data = home / ".local/share", .torch = home / ".cache/torch"});
}

}  // namespace reverie
