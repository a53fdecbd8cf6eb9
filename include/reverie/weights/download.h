// Getting one file over HTTP, whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "reverie/core/hooks.h"

namespace reverie {

struct DownloadRequest {
    std::string url;
    std::filesystem::path destination;
    std::string sha256;         ///< full hash or prefix; empty: unchecked
    std::int64_t bytes = 0;     ///< expected size; 0: unknown
    std::string label;          ///< what progress calls it, e.g. "vgg19"
    int attempts = 4;           ///< tries, each going on where the last one was cut (Range)
    double stall_seconds = 30;  ///< a try that brings nothing for so long is given up
    double retry_seconds = 1;   ///< wait before the second try; doubles with each
};

/// Downloads to a temporary name beside the destination, checks size and hash, then renames. What an earlier, cut run
/// left is continued. Two programs at once fetch once: the second waits for the first (lock file). Free space is
/// checked first. Proxies are taken from the environment by libcurl. Throws Weights (with what the server said), Output
/// (disk) or Cancelled; a file with a wrong hash is removed.
void download(const DownloadRequest& request, const Hooks& hooks = {});

}  // namespace reverie
