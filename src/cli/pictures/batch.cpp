#include "reverie/cli/batch.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <system_error>

#include "cli/pictures/find_inputs.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

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

bool means_folder(const std::string& output, bool several) {
    std::error_code ignored;
    if (fs::is_other(output, ignored)) {
        return false;  // a device or pipe, which is written into
    }
    return output.back() == '/' || fs::is_directory(output, ignored) || !fs::path(output).has_extension() ||
           (several && !names_picture_or_film(output));
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

std::vector<BatchItem> plan_batch(const BatchRequest& request) {
    const bool blank = request.inputs.empty() && !request.needs_input;
    if (request.inputs.empty() && !blank) {
        throw Error(ErrorKind::Usage, "no input is given; name a picture, a folder or - for standard input");
    }
    if (request.output.empty()) {
        throw Error(ErrorKind::Usage, "no output is given; pass --output FILE (or FOLDER for several inputs)");
    }
    bool several = request.inputs.size() > 1 || !request.variants.empty();
    PassedOver passed{OutputFolder(request.output)};
    std::vector<Found> found;
    for (const std::string& input : request.inputs) {
        for (Found& one : find_inputs(input, request.recursive, passed, several)) {
            found.push_back(std::move(one));
        }
    }
    if (blank) {
        found.push_back({kNoInput, std::string(kNoInput) + ".png", std::nullopt});
    }
    const bool one_file = request.output == "-" || !means_folder(request.output, several);
    if (several && one_file) {
        throw Error(ErrorKind::Usage, "--output '" + request.output +
                                          "' is one file, but several pictures are to be written; name a folder" +
                                          (request.output == "-" ? "" : ", or end the name in / to make it one"));
    }
    if (!passed.files.empty() && request.warn) {
        request.warn(passed_over_text(passed.files));
    }
    if (const std::size_t own = passed.output.left_out; own > 0 && request.note) {
        request.note("left out " + std::to_string(own) + (own == 1 ? " picture" : " pictures") +
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
            item.blank = blank;
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

std::vector<std::string> pictures_in(const fs::path& folder, const std::function<void(const std::string&)>& warn) {
    std::vector<std::string> paths;
    PassedOver passed{OutputFolder("")};
    const std::vector<Found> found = list_folder(folder, /*recursive=*/false, passed);
    if (!passed.files.empty() && warn) {
        warn(passed_over_text(passed.files));
    }
    for (const Found& one : found) {
        if (one.fault) {
            throw *one.fault;
        }
        paths.push_back(one.path);
    }
    return paths;
}

Shard parse_shard(const std::string& text, const Environment& environment) {
    Shard shard;
    const auto divide = [&shard](const std::optional<Place>& place) {
        if (place) {
            shard = {(shard.index - 1) * place->count + place->index + 1, shard.count * place->count};
        }
    };
    if (text.empty() || text == "auto") {
        if (text == "auto" && !environment.rank && !environment.array_task) {
            throw Error(
                ErrorKind::Usage,
                "--shard auto finds no launcher or job array in the environment (OMPI_COMM_WORLD_RANK, PMI_RANK, "
                "SLURM_PROCID, SLURM_ARRAY_TASK_ID or SGE_TASK_ID, its tasks without gaps); start it by one, or "
                "pass --shard I/N");
        }
        divide(text.empty() ? std::nullopt : environment.array_task);
        divide(environment.rank);
        return shard;
    }
    const char* end = text.data() + text.size();
    const auto index = std::from_chars(text.data(), end, shard.index);
    const bool divided = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
    const auto count = divided ? std::from_chars(index.ptr + 1, end, shard.count) : index;
    if (!divided || count.ec != std::errc() || count.ptr != end || shard.index < 1 || shard.index > shard.count) {
        throw Error(ErrorKind::Usage,
                    "--shard '" + text + "' is not a share; wanted I/N with I from 1 to N, as in 1/4 to 4/4, or auto");
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
        const fs::file_status status = fs::status(item.output, ignored);
        const bool exists = fs::exists(status) && !fs::is_directory(status) && !fs::is_other(status);
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
                try {
                    const fs::path target = written_path(item.output);
                    written[folder_of(target)].insert(target.filename());
                } catch (const Error&) {
                    // A link that leads nowhere: nothing was ever written there.
                }
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
    if (!path.empty() && !overwrite && fs::exists(path, ignored) && !fs::is_other(path, ignored)) {
        throw Error(ErrorKind::Output,
                    "'" + path.string() + "' exists; pass --overwrite to replace it or choose another " + flag);
    }
}

}  // namespace reverie
