// Private: which picture a message is about, and what became of those that could not be made.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "reverie/cli/run_pictures.h"

namespace reverie {

/// How a JSON line begins: which picture it is about.
nlohmann::ordered_json line_for(const PictureProgram& program, const BatchItem& item);

/// The picture's name in progress.
std::string label_of(const PictureProgram& program, const BatchItem& item);

/// Counts what goes wrong, and says it once for each input.
class Faults {
  public:
    Faults(Session& session, const PictureProgram& program, bool several, bool fail_fast)
        : session_(session), program_(program), several_(several), fail_fast_(fail_fast) {}

    /// `shared`: it is not the input's own fault, but of what several have in common.
    void report(const BatchItem& item, const Error& error, bool shared = false);
    bool stop() const noexcept { return count_ > 0 && fail_fast_; }  ///< whether --fail-fast wants the rest left undone
    /// Sums up; the first fault's exit code, or 0.
    int finish(std::size_t total) const;

  private:
    Session& session_;
    const PictureProgram& program_;
    const bool several_;
    const bool fail_fast_;
    std::set<std::pair<std::string, std::string>> said_;
    std::size_t count_ = 0;
    int first_ = 0;
};

}  // namespace reverie
