#include "reverie/cli/batch.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <system_error>
#include <type_traits>

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

template <typename Iterator>
void collect(const fs::path& folder, std::vector<Found>& found) {
    std::error_code error;
    Iterator entries(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entries != Iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        std::error_code ignored;
        if (is_hidden(path)) {
            if constexpr (std::is_same_v<Iterator, fs::recursive_directory_iterator>) {
                entries.disable_recursion_pending();
            }
        } else if (entries->is_regular_file(ignored) && has_picture_extension(path)) {
            found.push_back({path.string(), path.lexically_relative(folder), std::nullopt});
        }
    }
    if (error) {
        found.push_back({folder.string(), folder.filename(),
                         Error(ErrorKind::Input, "the folder '" + folder.string() + "' cannot be read (" +
                                                     error.message() + "); check its permissions")});
    }
}

std::vector<Found> list_folder(const fs::path& folder, bool recursive) {
    std::vector<Found> found;
    if (recursive) {
        collect<fs::recursive_directory_iterator>(folder, found);
    } else {
        collect<fs::directory_iterator>(folder, found);
    }
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.path < b.path; });
    if (found.empty()) {
        found.push_back({folder.string(), folder.filename(),
                         Error(ErrorKind::Input, "the folder '" + folder.string() + "' holds no pictures" +
                                                     (recursive ? "" : "; --recursive looks into its sub-folders too") +
                                                     " (wanted jpg, png, tif, webp, gif, bmp, heic or avif files)")});
    }
    return found;
}

std::vector<Found> expand_pattern(const std::string& pattern) {
    std::vector<Found> found;
    glob_t matches{};
    if (::glob(pattern.c_str(), GLOB_TILDE, nullptr, &matches) == 0) {
        for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
            const fs::path path = matches.gl_pathv[i];
            found.push_back({path.string(), path.filename(), std::nullopt});
        }
    }
    ::globfree(&matches);
    if (found.empty()) {
        found.push_back(
            {pattern, pattern, Error(ErrorKind::Input, "no file matches '" + pattern + "'; check the pattern")});
    }
    return found;
}

/// `several`: whether the input can stand for more than one file, so that the output must be a folder.
std::vector<Found> expand(const std::string& input, bool recursive, bool& several) {
    std::error_code ignored;
    if (input == "-") {
        return {{input, "stdin.png", std::nullopt}};
    }
    if (fs::is_directory(input, ignored)) {
        several = true;
        return list_folder(input, recursive);
    }
    if (!fs::exists(input, ignored) && input.find_first_of("*?[") != std::string::npos) {
        several = true;
        return expand_pattern(input);
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

bool means_folder(const std::string& output) {
    std::error_code ignored;
    return output.back() == '/' || fs::is_directory(output, ignored) || !fs::path(output).has_extension();
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
    std::vector<Found> found;
    for (const std::string& input : request.inputs) {
        for (Found& one : expand(input, request.recursive, several)) {
            found.push_back(std::move(one));
        }
    }
    if (several && (request.output == "-" || !means_folder(request.output))) {
        throw Error(ErrorKind::Usage, "--output '" + request.output +
                                          "' is one file, but several pictures are to be written; name a folder");
    }
    const bool one_file = request.output == "-" || !means_folder(request.output);
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
    for (const Found& one : list_folder(folder, /*recursive=*/false)) {
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
                    "--shard '" + text + "' is no share; wanted I/N with I from 1 to N, as in 1/4 to 4/4");
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
    return skipped;
}

std::optional<Error> writability_fault(const fs::path& path, const std::string& flag) {
    const fs::path folder = folder_of(path);
    std::error_code error;
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
    fs::path tagged = path;
    tagged.replace_filename(path.stem().string() + "." + tag + path.extension().string());
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
