#include "reverie/cli/picture_flags.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "reverie/cli/flags.h"

namespace reverie {
namespace {

/// What a size's suffix stands for; 0: none known.
double unit_of(const std::string& suffix) {
    static constexpr std::pair<const char*, double> kUnits[] = {{"", 1.0},   {"B", 1.0},  {"k", 1e3},  {"kB", 1e3},
                                                                {"K", 1e3},  {"M", 1e6},  {"MB", 1e6}, {"G", 1e9},
                                                                {"GB", 1e9}, {"T", 1e12}, {"TB", 1e12}};
    for (const auto& [name, bytes] : kUnits) {
        if (suffix == name) {
            return bytes;
        }
    }
    return 0.0;
}

}  // namespace

void add_flags(CLI::App& app, PictureOptions& options) {
    FlagGroup group(app, "Input and output");
    group.add_positional(
        "INPUT", options.inputs,
        "pictures (JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC, AVIF), folders of them or quoted patterns; or one film (MP4, "
        "MOV, MKV, WebM, AVI, numbered pictures as shot/%04d.png; animated GIF and WebP where --output names a film); "
        "- "
        "reads standard input (Y4M where --output names a film)");
    not_configurable(group.add("--from", options.from, "PICTURE",
                               "take the flags that are not given here from a picture this program wrote"));
    group.add("--size", options.size, "PX|WxH",
              "longest side of the result, or the box that it fits into, or own: the input's own size",
              options.default_size);
    group.add("--quality", options.quality, "N", "quality of JPEG and WebP, 1 to 100", OptionRange{1, 100});
    group.add("--recursive", options.recursive, "input folders with their sub-folders");
    not_configurable(group.add("--skip-existing", options.skip_existing, "leave out what has its output already"));
    not_configurable(
        group.add("--shard", options.shard, "I/N|auto",
                  "do every N-th picture from the I-th on, so that N processes share a batch; auto: as the "
                  "job array or launcher says (mpirun and srun are asked anyway)"));
    group.add("--jobs", options.jobs, "N",
              "pictures of a batch made side by side, each with its share of the threads (and other last bits than "
              "with all); auto: small pictures, as many as there are threads");
    group.add("--fail-fast", options.fail_fast, "stop at the first input that fails instead of doing the rest");
    group.add("--max-pixels", options.max_pixels, "N", "refuse inputs with more pixels",
              OptionRange{1, std::numeric_limits<double>::max(), "1 or more"});
    group.add(
        "--max-memory", options.max_memory, "BYTES",
        "memory the program may take: 6G, 500M or a share of what is free; beyond it the picture is done in tiles");
}

void validate(const PictureOptions& options, bool overwrite) {
    size_box(options);
    if (options.shard != "auto") {
        parse_shard(options.shard, Environment());
    }
    if (options.skip_existing && overwrite) {
        throw Error(ErrorKind::Usage, "--skip-existing and --overwrite exclude each other; leave one out");
    }
    memory_limit(options.max_memory, 1);
    jobs_of(options);
}

const std::string& wanted_size(const PictureOptions& options) {
    return options.size.empty() ? options.default_size : options.size;
}

std::optional<Size> size_box(const PictureOptions& options) {
    constexpr std::int64_t kMost = 100'000;
    const std::string& size = wanted_size(options);
    if (size == "own") {
        return std::nullopt;
    }
    Size box;
    if (!parse_value(size, box) || std::min(box.height, box.width) < 1 || std::max(box.height, box.width) > kMost) {
        throw Error(ErrorKind::Usage,
                    "--size " + size + " is not a size; wanted 1 to 100000, a box as in 640x480, or own");
    }
    return box;
}

std::optional<int> jobs_of(const PictureOptions& options) {
    constexpr int kMost = 256;
    if (options.jobs == "auto") {
        return std::nullopt;
    }
    int jobs = 0;
    if (!parse_value(options.jobs, jobs) || jobs < 1 || jobs > kMost) {
        throw Error(ErrorKind::Usage, "--jobs '" + options.jobs + "' is not a number of pictures; wanted 1 to " +
                                          std::to_string(kMost) + ", or auto");
    }
    return jobs;
}

std::int64_t memory_limit(const std::string& text, std::int64_t available) {
    double number = 0.0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    const std::string suffix(result.ptr, end);
    if (result.ec == std::errc() && suffix == "%" && number > 0 && number <= 100) {
        constexpr std::int64_t kStep = 1'000'000'000;
        // Where the system does not tell, tiles stay small enough for nearly any machine.
        const std::int64_t free = available > 0 ? available : 2 * kStep;
        const auto share = static_cast<std::int64_t>(static_cast<double>(free) * number / 100.0);
        return share > 2 * kStep ? share / kStep * kStep : share;
    }
    const double bytes = result.ec == std::errc() ? number * unit_of(suffix) : 0.0;
    if (!(bytes >= 1.0) || bytes > 1e18) {
        throw Error(ErrorKind::Usage, "--max-memory '" + text +
                                          "' is not an amount; wanted bytes as in 500M or 6G, or a share as in 80%");
    }
    return static_cast<std::int64_t>(bytes);
}

std::int64_t memory_limit(Session& session, const PictureOptions& options) {
    return memory_limit(options.max_memory, available_memory(session.runtime().device));
}

}  // namespace reverie
