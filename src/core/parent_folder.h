// The folder a file is to lie in.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "reverie/core/error.h"

namespace reverie {

/// Made when it is missing. Throws Output.
inline std::filesystem::path make_parent_folder(const std::filesystem::path& file) {
    std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
        throw Error(ErrorKind::Output, "the folder '" + folder.string() + "' cannot be made (" + error.message() +
                                           "); choose another place");
    }
    return folder;
}

}  // namespace reverie
