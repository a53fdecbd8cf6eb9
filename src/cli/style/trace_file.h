// --trace: the losses of every step as JSON lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "reverie/techniques/style.h"

namespace reverie {

/// Whole lines only, each there at once, so that a killed run leaves a file that can be gone on with.
class TraceFile {
  public:
    /// Goes on with the file when it is there and `keep`, else starts it. Throws Output.
    TraceFile(std::filesystem::path path, bool keep);
    ~TraceFile();
    TraceFile(const TraceFile&) = delete;
    TraceFile& operator=(const TraceFile&) = delete;

    /// The next lines are about `output`, of whose lines only the first `kept` stay. Throws Output.
    void begin(const std::string& output, std::int64_t kept);
    /// Throws Output.
    void add(const StyleTrace& trace);
    /// Lines about the present output.
    std::int64_t lines() const noexcept { return lines_; }

  private:
    void open(bool truncate);

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::string output_;
    std::int64_t lines_ = 0;
};

}  // namespace reverie
