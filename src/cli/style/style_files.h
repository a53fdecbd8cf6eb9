// The files that a style transfer keeps beside its pictures, --checkpoint and --trace: what they may be.
#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <string>

#include "cli/style/style_flags.h"
#include "core/file_lock.h"

namespace reverie {

class StyleFiles {
  public:
    /// Throws Usage when both are one file; Output when one exists and may not be replaced (by --overwrite a
    /// checkpoint replaces a checkpoint only), or cannot be written.
    StyleFiles(const StyleFlags& flags, bool overwrite);

    /// Throws Usage when one of them is that file. `what` says what else it is: "an input". An empty path is no file.
    void refuse(const std::filesystem::path& path, const std::string& what) const;

    /// Keeps other runs from them as long as this lives. Throws Usage when one is in use.
    void lock();

  private:
    std::map<std::filesystem::path, std::string> flags_;  ///< of each file
    std::list<FileLock> locks_;
};

}  // namespace reverie
