#include "cli/pictures/state_folder.h"

#include <system_error>

#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie {

namespace fs = std::filesystem;

std::unique_ptr<FileLock> hold_state_folder(const fs::path& folder, const std::string& marker,
                                            const std::string& what) {
    const std::string name = "'" + folder.string() + "'";
    std::error_code error;
    if (fs::exists(folder, error) && !is_there(folder / marker) &&
        (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
        throw Error(ErrorKind::Output,
                    name + " is there and does not hold " + what + ", which would go there; choose another --output");
    }
    fs::create_directories(folder, error);
    if (error) {
        throw Error(ErrorKind::Output,
                    "the folder " + name + " cannot be made (" + error.message() + "); choose another --output");
    }
    return std::make_unique<FileLock>(folder / kStateLock, [&name] {
        throw Error(ErrorKind::Usage,
                    "another program is making the film of " + name + "; wait for its end or choose another --output");
    });
}

}  // namespace reverie
