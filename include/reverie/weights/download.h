// Getting one file over HTTP, whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "reverie/core/hooks.h"

namespace reverie {

struct DownloadRequest {
    std::string url;  ///< http:// or https://
    std::filesystem::path destination;
    std::string sha256 = "";    ///< full hash or prefix; empty: unchecked
    std::int64_t bytes = 0;     ///< expected size; 0: unknown
    std::string label;          ///< what progress calls it, e.g. "vgg19"
    int attempts = 4;           ///< tries, counted anew after one that got further; each goes on where the last was cut
    double stall_seconds = 30;  ///< a try that brings nothing for so long is given up
    double retry_seconds = 1;   ///< wait before the next try; doubles until one gets further
};

/// Downloads to `destination`.part, checks size and hash, then renames; returns the file's SHA-256. A destination that
/// is already there and right is left alone. What an earlier, cut run left is continued when a hash will prove the
/// result. Two programs at once fetch once: the second says so as a warning and waits for the first
/// (`destination`.lock). Free space is checked before the first byte is written. Redirects are followed, never from
/// https to http. Proxies are taken from the environment by libcurl.
/// Throws Weights (with what the server said and what to do instead), Output (disk) or Cancelled (what has arrived is
/// kept for the next run); a file with a wrong hash or size is removed.
std::string download(const DownloadRequest& request, const Hooks& hooks = {});

}  // namespace reverie
