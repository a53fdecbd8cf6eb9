#include "cli/style/style_files.h"

#include <system_error>
#include <utility>

#include "cli/style/checkpoint.h"
#include "reverie/cli/batch.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// The same for every way to name a file.
fs::path true_path(const fs::path& path) {
    std::error_code error;
    const fs::path absolute = fs::absolute(path, error);
    fs::path canonical = fs::weakly_canonical(absolute, error);
    return error ? absolute.lexically_normal() : canonical;
}

}  // namespace

StyleFiles::StyleFiles(const StyleFlags& flags, bool overwrite) {
    for (const auto& [flag, path] : {std::pair<std::string, fs::path>{"--checkpoint", flags.checkpoint},
                                     std::pair<std::string, fs::path>{"--trace", flags.trace}}) {
        if (path.empty()) {
            continue;
        }
        if (!flags_.emplace(true_path(path), flag).second) {
            throw Error(ErrorKind::Usage,
                        "--checkpoint and --trace are both '" + path.string() + "'; give each a file of its own");
        }
        const bool is_state = flag == "--checkpoint";
        refuse_existing(path, is_state ? flag + ", or go on from it with --resume" : flag, overwrite || flags.resume);
        if (const auto fault = writability_fault(path, flag)) {
            throw *fault;
        }
        std::error_code ignored;
        if (!fs::exists(path, ignored)) {
            continue;
        }
        if (!fs::is_regular_file(path, ignored)) {
            throw Error(ErrorKind::Output, "'" + path.string() + "' is not a regular file; choose another " + flag);
        }
        if (is_state && !flags.resume && !is_checkpoint(path)) {
            throw Error(ErrorKind::Output, "'" + path.string() +
                                               "' exists and is not a checkpoint, so it is not replaced; remove it or "
                                               "choose another --checkpoint");
        }
    }
}

void StyleFiles::refuse(const fs::path& path, const std::string& what) const {
    const auto found = path.empty() ? flags_.end() : flags_.find(true_path(path));
    if (found != flags_.end()) {
        throw Error(ErrorKind::Usage, found->second + " names '" + path.string() + "', which is also " + what +
                                          "; choose another " + found->second);
    }
}

void StyleFiles::lock() {
    constexpr std::size_t kKept = 200;  // of the name: file systems take 255 bytes
    for (const auto& file : flags_) {
        const fs::path& path = file.first;
        const std::string& flag = file.second;
        locks_.emplace_back(path.parent_path() / ("." + path.filename().string().substr(0, kKept) + ".lock"), [&] {
            throw Error(ErrorKind::Usage, flag + " '" + path.string() +
                                              "' is used by another run; wait for its end, or give each run (each "
                                              "--shard too) its own " +
                                              flag);
        });
    }
}

}  // namespace reverie
