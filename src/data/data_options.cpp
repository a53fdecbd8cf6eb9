#include <algorithm>
#include <cmath>
#include <limits>

#include "reverie/core/error.h"
#include "reverie/data/dataset.h"

namespace reverie {
namespace {

constexpr double kBytesPerMegabyte = 1e6;

const Choices<Fit>& fits() {
    static const Choices<Fit> choices = {{"center", Fit::Center}, {"smart", Fit::Smart}, {"stretch", Fit::Stretch}};
    return choices;
}

double cache_megabytes(const DataOptions& options) {
    return static_cast<double>(options.cache_bytes) / kBytesPerMegabyte;
}

/// Far outside of the range it stays outside, whatever a whole number can hold.
void set_cache_megabytes(DataOptions& options, double megabytes) {
    options.cache_bytes = std::llround(std::clamp(megabytes, -1.0, 1e12) * kBytesPerMegabyte);
}

template <typename T>
OptionField<DataOptions> field(T DataOptions::*member) {
    return option_field<DataOptions>(member);
}

OptionTable<DataOptions> make_table() {
    return {
        {.name = "size",
         .heading = "Data",
         .placeholder = "PX|WxH",
         .help = "size of the images, 16 or more each way",
         .field = field(&DataOptions::size)},
        {.name = "channels",
         .heading = "Data",
         .placeholder = "N",
         .help = "1 grey, 3 colour, 4 colour and alpha",
         .field = field(&DataOptions::channels)},
        {.name = "fit",
         .heading = "Data",
         .placeholder = "",
         .help = "images of another shape: center cuts the middle out, smart the part with most detail, stretch keeps "
                 "all",
         .field = option_choice<DataOptions>(&DataOptions::fit, fits())},
        {.name = "cache-mb",
         .heading = "Data",
         .placeholder = "MB",
         .help = "memory for decoded images; what is more goes to a file in ~/.cache/reverie/data",
         .field = option_number<DataOptions>(cache_megabytes, set_cache_megabytes),
         .range = {0.0, 1e9, "megabytes, 0 (all to the file) or more"},
         .shapes_result = false},
        {.name = "strict",
         .heading = "Data",
         .placeholder = "",
         .help = "fail at the first file that cannot be read, instead of skipping it",
         .field = field(&DataOptions::strict),
         .shapes_result = false},
        {.name = "max-pixels",
         .heading = "Data",
         .placeholder = "N",
         .help = "larger images count as unreadable",
         .field = field(&DataOptions::max_pixels),
         .range = {1.0, std::numeric_limits<double>::max(), "1 or more"},
         .shapes_result = false},
    };
}

}  // namespace

const OptionTable<DataOptions>& data_option_table() {
    static const OptionTable<DataOptions> table = make_table();
    return table;
}

void validate(const DataOptions& options) {
    require_in_range(data_option_table(), options);
    constexpr std::int64_t kSmallest = 16;
    constexpr std::int64_t kLargest = 4096;
    if (options.size && (std::min(options.size->height, options.size->width) < kSmallest ||
                         std::max(options.size->height, options.size->width) > kLargest)) {
        throw Error(ErrorKind::Usage, "{--size} " + text_of(*options.size) + " is out of range; wanted sides of " +
                                          std::to_string(kSmallest) + " to " + std::to_string(kLargest));
    }
    if (options.channels != 0 && options.channels != 1 && options.channels != 3 && options.channels != 4) {
        throw Error(ErrorKind::Usage, "{--channels} " + std::to_string(options.channels) +
                                          " is not known; wanted 1 (grey), 3 (RGB) or 4 (RGBA)");
    }
}

}  // namespace reverie
