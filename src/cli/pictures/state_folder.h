// Private: the folder beside a film that keeps what a stopped run is gone on from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/file_lock.h"

namespace reverie {

/// The lock that is held in it.
inline constexpr const char* kStateLock = ".lock";

/// Makes the folder when it is missing, and holds its lock against other programs. One that holds anything but the file
/// `marker` of earlier runs of its kind is left as it is. `what` is named in sentences: "the dreams of a film". Throws
/// Output and, while another program works there, Usage.
std::unique_ptr<FileLock> hold_state_folder(const std::filesystem::path& folder, const std::string& marker,
                                            const std::string& what);

}  // namespace reverie
