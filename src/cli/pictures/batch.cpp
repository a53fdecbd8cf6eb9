#include "reverie/cli/batch.h"

#include <fnmatch.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <system_error>
#include <type_traits>

#include "reverie/core/files.h"
#include "reverie/image/picture.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// An input as it was found: `relative` is the name it keeps inside an output folder.
struct Found {
    std::string path;
    fs::path relative;
    std::optional<Error> fault;
};

bool is_hidden(const fs::path& path) { return path.filename().string().rfind('.', 0) == 0; }

/// Where a batch writes: what lies there is no input of it, unless it is named.
class OutputFolder {
  public:
    explicit OutputFolder(const std::string& output) {
        std::error_code ignored;
        if (!output.empty() && output != "-" && fs::is_directory(output, ignored)) {
            folder_ = fs::canonical(output, ignored);
        }
    }

    bool is(const fs::path& folder) const {
        std::error_code ignored;
        return !folder_.empty() && fs::equivalent(folder, folder_, ignored);
    }
    /// Whether the folder is it or lies in it.
    bool holds(const fs::path& folder) const {
        std::error_code error;
        const fs::path real = fs::canonical(folder.empty() ? "." : folder, error);
        return !folder_.empty() && !error &&
               std::mismatch(folder_.begin(), folder_.end(), real.begin(), real.end()).first == folder_.end();
    }

    std::size_t left_out = 0;  ///< pictures in it that were met

  private:
    fs::path folder_;  ///< "": it is not there yet
};

std::size_t count_pictures(const fs::path& folder) {
    std::size_t count = 0;
    std::error_code error;
    fs::recursive_directory_iterator entries(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
        std::error_code ignored;
        const bool picture = entries->is_regular_file(ignored) && has_picture_extension(entries->path());
        count += picture && !is_hidden(entries->path()) ? 1 : 0;
    }
    return count;
}

Found unreadable(const fs::path& folder, const std::string& why) {
    return {folder.string(), folder.filename(),
            Error(ErrorKind::Input,
                  "the folder '" + folder.string() + "' cannot be read (" + why + "); check its permissions")};
}

bool may_list(const fs::path& folder) { return ::access(folder.c_str(), R_OK | X_OK) == 0; }

template <typename Iterator>
void collect(const fs::path& folder, OutputFolder& output, std::vector<Found>& found) {
    if (!may_list(folder)) {
        found.push_back(unreadable(folder, std::strerror(errno)));
        return;
    }
    std::error_code error;
    Iterator entries(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entries != Iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        std::error_code ignored;
        if constexpr (std::is_same_v<Iterator, fs::recursive_directory_iterator>) {
            if (is_hidden(path)) {
                entries.disable_recursion_pending();
            } else if (entries->is_directory(ignored) && output.is(path)) {
                entries.disable_recursion_pending();
                output.left_out += count_pictures(path);
            } else if (entries->is_directory(ignored) && !entries->is_symlink(ignored) && !may_list(path)) {
                entries.disable_recursion_pending();
                found.push_back(unreadable(path, std::strerror(errno)));
            }
        }
        if (!is_hidden(path) && entries->is_regular_file(ignored) && has_picture_extension(path)) {
            found.push_back({path.string(), path.lexically_relative(folder), std::nullopt});
        }
    }
    if (error) {
        found.push_back(unreadable(folder, error.message()));
    }
}

std::vector<Found> list_folder(const fs::path& folder, bool recursive, OutputFolder& output) {
    std::vector<Found> found;
    const std::size_t before = output.left_out;
    if (recursive) {
        collect<fs::recursive_directory_iterator>(folder, output, found);
    } else {
        collect<fs::directory_iterator>(folder, output, found);
    }
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.path < b.path; });
    if (found.empty()) {
        found.push_back({folder.string(), folder.filename(),
                         Error(ErrorKind::Input, "the folder '" + folder.string() + "' holds no pictures" +
                                                     (output.left_out > before ? " but those of the --output folder"
                                                      : recursive              ? ""
                                                                  : "; --recursive looks into its sub-folders too") +
                                                     " (wanted jpg, png, tif, webp, gif, bmp, heic or avif files)")});
    }
    return found;
}

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

/// What a part of a path stands for in a folder, sorted: the entry of that very name, else those that match it.
std::vector<fs::path> matches_in(const fs::path& folder, const std::string& part) {
    std::error_code ignored;
    if (!is_pattern(part) || fs::symlink_status(folder / part, ignored).type() != fs::file_type::not_found) {
        return {folder / part};
    }
    std::vector<fs::path> matches;
    std::error_code error;
    fs::directory_iterator entries(folder.empty() ? "." : folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const fs::path name = entries->path().filename();
        if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0) {
            matches.push_back(folder / name);
        }
    }
    std::sort(matches.begin(), matches.end());
    return matches;
}

/// "~" and "~user" at the beginning of a pattern, which no shell has seen.
fs::path with_home(const std::string& first) {
    glob_t found{};
    const bool known = ::glob(first.c_str(), GLOB_TILDE | GLOB_NOMAGIC, nullptr, &found) == 0 && found.gl_pathc > 0;
    const fs::path path = known ? found.gl_pathv[0] : first.c_str();
    ::globfree(&found);
    return path;
}

std::vector<Found> expand_pattern(const std::string& pattern, OutputFolder& output) {
    std::vector<fs::path> paths = {""};
    fs::path named;  // the folders before the first wildcard
    bool literal = true;
    for (const fs::path& part : fs::path(pattern)) {
        std::vector<fs::path> next;
        for (const fs::path& path : paths) {
            if (path.empty() && part.string().rfind('~', 0) == 0) {
                next.push_back(with_home(part.string()));
                continue;
            }
            const std::vector<fs::path> matches = matches_in(path, part.string());
            next.insert(next.end(), matches.begin(), matches.end());
        }
        literal = literal && next.size() == 1 && next.front() == paths.front() / part;
        paths = std::move(next);
        named = literal ? paths.front() : named;
    }
    const bool within = output.holds(named);
    std::vector<Found> found;
    for (const fs::path& path : paths) {
        std::error_code ignored;
        if (!fs::exists(path, ignored)) {
            continue;
        }
        if (!within && output.holds(path.parent_path())) {
            output.left_out += has_picture_extension(path) ? 1 : 0;
        } else {
            found.push_back({path.string(), path.filename(), std::nullopt});
        }
    }
    if (found.empty()) {
        const bool brackets = pattern.find('[') != std::string::npos;
        found.push_back({pattern, pattern,
                         Error(ErrorKind::Input, "no file matches '" + pattern + "'; check the pattern" +
                                                     (brackets ? ", in which [...] stands for one of the characters "
                                                                 "in it, and [[] for a bracket"
                                                               : ""))});
    }
    return found;
}

/// `several`: whether the input can stand for more than one file, so that the output must be a folder.
std::vector<Found> expand(const std::string& input, bool recursive, OutputFolder& output, bool& several) {
    std::error_code ignored;
    if (input == "-") {
        return {{input, "stdin.png", std::nullopt}};
    }
    if (fs::is_directory(input, ignored)) {
        several = true;
        return list_folder(input, recursive, output);
    }
    if (!fs::exists(input, ignored) && is_pattern(input)) {
        several = true;
        return expand_pattern(input, output);
    }
    return {{input, fs::path(input).filename(), std::nullopt}};
}

bool can_be_written(const fs::path& path) {
    try {
        format_for(path);
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// A name inside an output folder: its own where we can write that format.
fs::path kept_name(fs::path name) {
    if (!can_be_written(name)) {
        name += ".png";
    }
    return name;
}

/// What ends in a picture's suffix, or that of another kind of file people would expect one of, means one file.
bool names_a_file(const fs::path& path) {
    static const std::set<std::string> kOthers = {".gif", ".apng", ".mp4", ".heic", ".heif", ".avif", ".jxl", ".jp2",
                                                  ".pdf", ".psd",  ".svg", ".tga",  ".ppm",  ".pnm",  ".exr", ".hdr"};
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return can_be_written(path) || kOthers.contains(extension);
}

bool means_folder(const std::string& output, bool several) {
    std::error_code ignored;
    return output.back() == '/' || fs::is_directory(output, ignored) || !fs::path(output).has_extension() ||
           (several && !names_a_file(output));
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

std::vector<BatchItem> plan_batch(const BatchRequest& request) {
    if (request.inputs.empty()) {
        throw Error(ErrorKind::Usage, "no input is given; name a picture, a folder or - for standard input");
    }
    if (request.output.empty()) {
        throw Error(ErrorKind::Usage, "no output is given; pass --output FILE (or FOLDER for several inputs)");
    }
    bool several = request.inputs.size() > 1 || !request.variants.empty();
    OutputFolder output(request.output);
    std::vector<Found> found;
    for (const std::string& input : request.inputs) {
        for (Found& one : expand(input, request.recursive, output, several)) {
            found.push_back(std::move(one));
        }
    }
    const bool one_file = request.output == "-" || !means_folder(request.output, several);
    if (several && one_file) {
        throw Error(ErrorKind::Usage, "--output '" + request.output +
                                          "' is one file, but several pictures are to be written; name a folder" +
                                          (request.output == "-" ? "" : ", or end the name in / to make it one"));
    }
    if (output.left_out > 0 && request.note) {
        request.note("left out " + std::to_string(output.left_out) + (output.left_out == 1 ? " picture" : " pictures") +
                     " in the --output folder '" + request.output + "'; name it as an input to do those too");
    }
    if (one_file && request.output != "-") {
        format_for(request.output);  // throws for an extension that cannot be written
    }
    const std::vector<std::string> variants =
        request.variants.empty() ? std::vector<std::string>{""} : request.variants;
    if (variants.size() > 1 && std::find(request.inputs.begin(), request.inputs.end(), "-") != request.inputs.end()) {
        throw Error(ErrorKind::Usage, "standard input can be read only once, but " + std::to_string(variants.size()) +
                                          " pictures are to be made of it; save it to a file first");
    }

    std::set<fs::path> seen;
    std::erase_if(found,
                  [&seen](const Found& one) { return !seen.insert(fs::path(one.path).lexically_normal()).second; });

    std::vector<BatchItem> items;
    std::map<std::string, std::string> writers;  // output -> the input it belongs to
    for (std::size_t variant = 0; variant < variants.size(); ++variant) {
        const fs::path folder = fs::path(request.output) / variants[variant];
        for (const Found& one : found) {
            BatchItem item{one.path, one_file ? request.output : (folder / kept_name(one.relative)).string(), one.fault,
                           variant};
            if (!item.fault) {
                const auto [writer, fresh] = writers.emplace(item.output, item.input);
                if (!fresh) {
                    throw Error(ErrorKind::Usage, "'" + writer->second + "' and '" + item.input +
                                                      "' would both be written to '" + item.output +
                                                      "'; give them to two runs with different --output folders");
                }
            }
            items.push_back(std::move(item));
        }
    }
    return items;
}

std::vector<std::string> pictures_in(const fs::path& folder) {
    std::vector<std::string> paths;
    OutputFolder none("");
    for (const Found& one : list_folder(folder, /*recursive=*/false, none)) {
        if (one.fault) {
            throw *one.fault;
        }
        paths.push_back(one.path);
    }
    return paths;
}

Shard parse_shard(const std::string& text) {
    Shard shard;
    if (text.empty()) {
        return shard;
    }
    const char* end = text.data() + text.size();
    const auto index = std::from_chars(text.data(), end, shard.index);
    const bool divided = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
    const auto count = divided ? std::from_chars(index.ptr + 1, end, shard.count) : index;
    if (!divided || count.ec != std::errc() || count.ptr != end || shard.index < 1 || shard.index > shard.count) {
        throw Error(ErrorKind::Usage,
                    "--shard '" + text + "' is not a share; wanted I/N with I from 1 to N, as in 1/4 to 4/4");
    }
    return shard;
}

void take_shard(std::vector<BatchItem>& items, Shard shard) {
    std::vector<BatchItem> kept;
    for (auto i = static_cast<std::size_t>(shard.index - 1); i < items.size();
         i += static_cast<std::size_t>(shard.count)) {
        kept.push_back(std::move(items[i]));
    }
    items = std::move(kept);
}

std::vector<BatchItem> check_outputs(std::vector<BatchItem>& items, Existing existing) {
    std::vector<BatchItem> skipped;
    std::vector<BatchItem> left;
    for (BatchItem& item : items) {
        if (item.fault || item.output == "-") {
            left.push_back(std::move(item));
            continue;
        }
        std::error_code ignored;
        const bool exists = fs::exists(item.output, ignored) && !fs::is_directory(item.output, ignored);
        if (exists && existing == Existing::Skip) {
            skipped.push_back(std::move(item));
            continue;
        }
        if (exists && existing == Existing::Refuse) {
            item.fault = Error(ErrorKind::Output, "'" + item.output +
                                                      "' exists; pass --overwrite to replace it or choose another "
                                                      "--output");
        } else {
            item.fault = writability_fault(item.output, "--output");
        }
        left.push_back(std::move(item));
    }
    items = std::move(left);
    if (existing == Existing::Skip) {  // it goes on where another run may have been killed
        std::map<fs::path, std::set<std::string>> written;
        for (const std::vector<BatchItem>* some : {&items, &skipped}) {
            for (const BatchItem& item : *some) {
                const fs::path output = item.output;
                written[output.has_parent_path() ? output.parent_path() : "."].insert(output.filename());
            }
        }
        for (const auto& [folder, names] : written) {
            remove_abandoned(folder, names);
        }
    }
    return skipped;
}

std::optional<Error> writability_fault(const fs::path& path, const std::string& flag) {
    fs::path folder;
    try {
        folder = folder_of(written_path(path));
    } catch (const Error& fault) {
        return fault;
    }
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_other(status)) {
        return std::nullopt;  // a device or pipe, which is written into
    }
    if (fs::exists(status) && !fs::is_directory(status) && ::access(path.c_str(), W_OK) != 0) {
        return Error(ErrorKind::Output, "'" + path.string() + "' cannot be replaced (" + std::strerror(errno) +
                                            "); make it writable or choose another with " + flag);
    }
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder, error)) {
        return Error(ErrorKind::Output, "the folder '" + folder.string() + "' cannot be made (" +
                                            (error ? error.message() : "a file of that name is in the way") +
                                            "); choose another with " + flag);
    }
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        return Error(ErrorKind::Output, "the folder '" + folder.string() + "' cannot be written into (" +
                                            std::strerror(errno) + "); choose another with " + flag);
    }
    if (fs::is_directory(path, error)) {
        return Error(ErrorKind::Output,
                     "'" + path.string() + "' is a folder where a file would be written; choose another " + flag);
    }
    return std::nullopt;
}

fs::path with_tag(const fs::path& path, const std::string& tag) {
    constexpr std::size_t kLongest = 255;  // bytes of a name that file systems take
    const std::string ending = "." + tag + path.extension().string();
    std::string stem = path.stem().string();
    if (stem.size() + ending.size() > kLongest) {
        std::size_t kept = kLongest - std::min(ending.size(), kLongest);
        while (kept > 0 && (static_cast<unsigned char>(stem[kept]) & 0xc0) == 0x80) {
            --kept;  // not through a character of several bytes
        }
        stem.resize(kept);
    }
    fs::path tagged = path;
    tagged.replace_filename(stem + ending);
    return tagged;
}

void refuse_existing(const fs::path& path, const std::string& flag, bool overwrite) {
    std::error_code ignored;
    if (!path.empty() && !overwrite && fs::exists(path, ignored)) {
        throw Error(ErrorKind::Output,
                    "'" + path.string() + "' exists; pass --overwrite to replace it or choose another " + flag);
    }
}

}  // namespace reverie
