#include "reverie/cli/data_flags.h"

#include <charconv>
#include <cmath>
#include <system_error>

namespace reverie {
namespace {

bool parse_side(const std::string& text, std::int64_t& side) {
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, side);
    return result.ec == std::errc() && result.ptr == end;
}

}  // namespace

const Choices<Fit>& fits() {
    static const Choices<Fit> choices = {{"center", Fit::Center}, {"smart", Fit::Smart}, {"stretch", Fit::Stretch}};
    return choices;
}

void add_flags(CLI::App& app, DataFlags& flags) {
    FlagGroup data(app, "Data");
    data.add("--size", flags.size, "PX|WxH", "size of the images, 16 or more each way",
             "the images' own up to 128 px, else 64");
    data.add("--channels", flags.channels, "N", "1 grey, 3 colour, 4 colour and alpha",
             "1 for IDX files (as MNIST is published), else 3");
    data.add_choice("--fit", flags.fit, fits(),
                    "images of another shape: center cuts the middle out, smart the part with most detail, stretch "
                    "keeps all");
    data.add("--mirror", flags.mirror, "flip half of the images left to right");
    data.add("--cache-mb", flags.cache_mb, "MB",
             "memory for decoded images; what is more goes to a file in ~/.cache/reverie/data");
    data.add("--strict", flags.strict, "fail at the first file that cannot be read, instead of skipping it");
    data.add("--max-pixels", flags.max_pixels, "N", "larger images count as unreadable");
}

Size parse_size(const std::string& text) {
    const std::size_t cross = text.find('x');
    Size size;
    if (!parse_side(text.substr(0, cross), size.width) ||
        !parse_side(cross == std::string::npos ? text : text.substr(cross + 1), size.height)) {
        throw Error(ErrorKind::Usage,
                    "--size '" + text + "' is not a size; wanted pixels (64) or width x height (64x48)");
    }
    return size;
}

DataOptions data_options(const DataFlags& flags, const Environment& environment) {
    if (!(flags.cache_mb >= 0.0 && flags.cache_mb <= 1e9)) {
        throw Error(ErrorKind::Usage, "--cache-mb " + number_text(flags.cache_mb) +
                                          " is out of range; wanted megabytes, 0 (all to the file) or more");
    }
    if (flags.max_pixels < 1) {
        throw Error(ErrorKind::Usage,
                    "--max-pixels " + std::to_string(flags.max_pixels) + " is out of range; wanted 1 or more");
    }
    DataOptions options;
    if (!flags.size.empty()) {
        options.size = parse_size(flags.size);
    }
    options.channels = flags.channels;
    options.fit = flags.fit;
    options.cache_bytes = std::llround(flags.cache_mb * 1e6);
    options.cache_folder = environment.cache_home / "reverie/data";
    options.strict = flags.strict;
    options.max_pixels = flags.max_pixels;
    validate(options);
    return options;
}

bool has_test_part(const std::filesystem::path& source) {
    std::error_code fault;
    for (std::filesystem::directory_iterator entry(source, fault), end; !fault && entry != end;
         entry.increment(fault)) {
        if (entry->path().filename().string().rfind("t10k-images", 0) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace reverie
