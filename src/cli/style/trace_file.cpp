#include "cli/style/trace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

/// Where every line begins.
constexpr std::string_view kBegin = R"({"output":)";

[[noreturn]] void fail(const std::filesystem::path& path) {
    throw Error(ErrorKind::Output, "'" + path.string() + "' cannot be written (" + std::strerror(errno) +
                                       "); free space or choose another --trace");
}

}  // namespace

TraceFile::TraceFile(std::filesystem::path path, bool keep) : path_(std::move(path)) { open(!keep); }

TraceFile::~TraceFile() { ::close(descriptor_); }

void TraceFile::open(bool truncate) {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
    std::error_code ignored;
    if (path_.has_parent_path()) {
        std::filesystem::create_directories(path_.parent_path(), ignored);
    }
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (truncate ? O_TRUNC : 0), 0666);
    if (descriptor_ < 0) {
        fail(path_);
    }
}

void TraceFile::begin(const std::string& output, std::int64_t kept) {
    const std::vector<std::byte> bytes = read_file(path_, ErrorKind::Output);
    std::istringstream before(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    std::string after;
    lines_ = 0;
    output_ = json_text(Json(output));
    for (std::string line; std::getline(before, line);) {
        Json object;
        try {
            object = json_value(line);
        } catch (const Json::exception&) {  // a cut or a foreign one
        }
        if (!object.is_object() || !object.contains("output")) {
            if (before.eof() && kBegin.starts_with(std::string_view(line).substr(0, kBegin.size()))) {
                break;  // the last one, cut while it was written
            }
            throw Error(ErrorKind::Output,
                        "'" + path_.string() + "' holds other lines than a trace's; choose another --trace");
        }
        const bool ours = json_text(object["output"]) == output_;
        if (!ours || lines_ < kept) {
            after += line + "\n";
            lines_ += ours ? 1 : 0;
        }
    }
    if (after.size() != bytes.size()) {
        write_file(path_, after);
        open(/*truncate=*/false);
    }
}

void TraceFile::add(const StyleTrace& trace) {
    Json object = {{"output", json_value(output_)},
                   {"scale", trace.scale},
                   {"width", trace.size.width},
                   {"height", trace.size.height},
                   {"step", trace.step}};
    for (const auto& [name, loss] : trace.losses) {
        object[name] = loss;
    }
    const std::string line = json_text(object) + "\n";
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        fail(path_);
    }
    ++lines_;
}

}  // namespace reverie
