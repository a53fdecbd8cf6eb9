#include "cli/pictures/find_inputs.h"

#include <fnmatch.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <type_traits>

#include "data/left_out.h"
#include "reverie/image/picture.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) { return path.filename().string().rfind('.', 0) == 0; }

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
void collect(const fs::path& folder, PassedOver& passed, std::vector<Found>& found) {
    if (!may_list(folder)) {
        found.push_back(unreadable(folder, std::strerror(errno)));
        return;
    }
    data::LeftOut left_out;
    std::error_code error;
    Iterator entries(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entries != Iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        std::error_code ignored;
        if constexpr (std::is_same_v<Iterator, fs::recursive_directory_iterator>) {
            if (is_hidden(path)) {
                entries.disable_recursion_pending();
            } else if (entries->is_directory(ignored) && passed.output.is(path)) {
                entries.disable_recursion_pending();
                passed.output.left_out += count_pictures(path);
            } else if (entries->is_directory(ignored) && !entries->is_symlink(ignored) && !may_list(path)) {
                entries.disable_recursion_pending();
                found.push_back(unreadable(path, std::strerror(errno)));
            }
        }
        const fs::path name = path.lexically_relative(folder);
        // A link to nothing is a picture that cannot be read, if its name says picture; pipes and devices are none.
        const bool broken = entries->is_symlink(ignored) && !entries->exists(ignored);
        if (broken ? has_picture_extension(path) && !is_hidden(path)
                   : entries->is_regular_file(ignored) && left_out.is_picture(name.string(), path)) {
            found.push_back({path.string(), name, std::nullopt});
        }
    }
    left_out.sort();
    for (const SkippedFile& file : left_out.files()) {
        passed.files.push_back(file);
        passed.files.back().path = (folder / file.path).string();
    }
    if (error) {
        found.push_back(unreadable(folder, error.message()));
    }
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
    fs::path path = known ? found.gl_pathv[0] : first.c_str();
    ::globfree(&found);
    return path;
}

std::vector<Found> expand_pattern(const std::string& pattern, PassedOver& passed) {
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
    const bool within = passed.output.holds(named);
    std::vector<Found> found;
    for (const fs::path& path : paths) {
        std::error_code ignored;
        if (!fs::exists(path, ignored)) {
            continue;
        }
        if (!within && passed.output.holds(path.parent_path())) {
            passed.output.left_out += has_picture_extension(path) ? 1 : 0;
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

}  // namespace

OutputFolder::OutputFolder(const std::string& output) {
    std::error_code ignored;
    if (!output.empty() && output != "-" && fs::is_directory(output, ignored)) {
        folder_ = fs::canonical(output, ignored);
    }
}

bool OutputFolder::is(const fs::path& folder) const {
    std::error_code ignored;
    return !folder_.empty() && fs::equivalent(folder, folder_, ignored);
}

bool OutputFolder::holds(const fs::path& folder) const {
    std::error_code error;
    const fs::path real = fs::canonical(folder.empty() ? "." : folder, error);
    return !folder_.empty() && !error &&
           std::mismatch(folder_.begin(), folder_.end(), real.begin(), real.end()).first == folder_.end();
}

std::vector<Found> list_folder(const fs::path& folder, bool recursive, PassedOver& passed) {
    std::vector<Found> found;
    const std::size_t before = passed.output.left_out;
    if (recursive) {
        collect<fs::recursive_directory_iterator>(folder, passed, found);
    } else {
        collect<fs::directory_iterator>(folder, passed, found);
    }
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.path < b.path; });
    if (found.empty()) {
        found.push_back(
            {folder.string(), folder.filename(),
             Error(ErrorKind::Input, "the folder '" + folder.string() + "' holds no pictures" +
                                         (passed.output.left_out > before ? " but those of the --output folder"
                                          : recursive                     ? ""
                                                      : "; --recursive looks into its sub-folders too") +
                                         " (wanted jpg, png, tif, webp, gif, bmp, heic or avif files)")});
    }
    return found;
}

std::vector<Found> find_inputs(const std::string& input, bool recursive, PassedOver& passed, bool& several) {
    std::error_code ignored;
    if (input == "-") {
        return {{input, "stdin.png", std::nullopt}};
    }
    if (fs::is_directory(input, ignored)) {
        several = true;
        return list_folder(input, recursive, passed);
    }
    if (!fs::exists(input, ignored) && is_pattern(input)) {
        several = true;
        return expand_pattern(input, passed);
    }
    return {{input, fs::path(input).filename(), std::nullopt}};
}

std::string passed_over_text(const std::vector<SkippedFile>& files) {
    return left_out_text(files) + (files.size() == 1 ? ", which is not a picture" : ", which are not pictures") +
           " that can be read, neither by name nor by content";
}

}  // namespace reverie
