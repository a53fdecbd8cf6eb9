#include "data/decode_all.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "data/pixels.h"
#include "reverie/core/error.h"
#include "reverie/core/parallel.h"
#include "reverie/core/text.h"

namespace reverie::data {
namespace {

/// The images' own size when they are small, as the first one that can be read has it.
Size choose_size(const Source& source, const DataOptions& options, const Hooks& hooks) {
    constexpr std::int64_t kLargestKept = 128;
    constexpr std::int64_t kSmallest = 16;
    constexpr Size kDefault = {64, 64};
    if (options.size) {
        return *options.size;
    }
    std::string first_fault;
    for (std::int64_t i = 0; i < source.count(); ++i) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        try {
            const Tensor pixels = source.load(i, {.max_pixels = options.max_pixels});
            const Size size = {pixels.size(0), pixels.size(1)};
            return std::max(size.height, size.width) > kLargestKept
                       ? kDefault
                       : Size{std::max(size.height, kSmallest), std::max(size.width, kSmallest)};
        } catch (const Error& error) {
            if (options.strict) {
                throw;
            }
            first_fault = first_fault.empty() ? error.sentence() : first_fault;
        }
    }
    throw Error(ErrorKind::Input, first_fault);
}

bool is_grey(const Tensor& pixels) {
    const auto same = [&](std::int64_t channel) { return at::equal(pixels.select(2, 0), pixels.select(2, channel)); };
    return pixels.size(2) == 1 || (same(1) && same(2));
}

/// Grey where images from all over the source are, however they are stored: nets would have to learn three times what
/// is the same, and never quite do.
std::int64_t choose_channels(const Source& source, const DataOptions& options, Size size, const Hooks& hooks) {
    constexpr std::int64_t kLookedAt = 64;
    if (options.channels > 0) {
        return options.channels;
    }
    const std::int64_t every = (source.count() + kLookedAt - 1) / kLookedAt;
    for (std::int64_t i = 0; i < source.count(); i += every) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        try {
            if (!is_grey(source.load(i, {.at_least = size, .max_pixels = options.max_pixels}))) {
                return 3;
            }
        } catch (const std::exception&) {  // said when all are decoded
            continue;
        }
    }
    return 1;
}

/// Decodes images [begin, end) to `out`, side by side; why each failed, empty: it did not.
std::vector<std::string> decode_chunk(const Source& source, const DataOptions& options, const Pixels& pixels,
                                      std::int64_t begin, std::int64_t end, std::uint8_t* out, const Hooks& hooks) {
    const LoadOptions load = {.at_least = pixels.size, .max_pixels = options.max_pixels};
    std::vector<std::string> faults(static_cast<std::size_t>(end - begin));
    const auto no_memory = [&source](std::int64_t index) {
        return "'" + source.name(index) + "' takes more than the free memory; make it smaller first";
    };
    std::atomic<std::int64_t> next = begin;
    const auto work = [&] {
        const c10::InferenceMode no_gradients;
        for (std::int64_t i = next++; i < end; i = next++) {
            if (hooks.cancelled()) {
                throw Error(ErrorKind::Cancelled, "stopped");
            }
            try {
                fit_pixels(source.load(i, load), pixels.size, options.fit, pixels.channels,
                           out + (i - begin) * pixels.image_bytes());
            } catch (const Error& error) {
                faults[static_cast<std::size_t>(i - begin)] = error.sentence();
            } catch (const std::bad_alloc&) {
                faults[static_cast<std::size_t>(i - begin)] = no_memory(i);
            } catch (const c10::Error&) {  // a tensor that cannot be had
                faults[static_cast<std::size_t>(i - begin)] = no_memory(i);
            }
        }
    };
    side_by_side(std::vector<std::function<void()>>(static_cast<std::size_t>(at::get_num_threads()), work));
    return faults;
}

/// Moves the good images of a chunk together; how many there are.
std::int64_t close_gaps(const std::vector<std::string>& faults, std::uint8_t* images, std::int64_t image_bytes) {
    std::int64_t kept = 0;
    for (std::size_t i = 0; i < faults.size(); ++i) {
        if (faults[i].empty()) {
            const auto from = static_cast<std::int64_t>(i);
            if (from != kept) {
                std::memcpy(images + kept * image_bytes, images + from * image_bytes,
                            static_cast<std::size_t>(image_bytes));
            }
            ++kept;
        }
    }
    return kept;
}

Tensor take_memory(const Pixels& pixels, std::int64_t count) {
    try {
        return at::empty({count, pixels.channels, pixels.size.height, pixels.size.width}, at::kByte);
    } catch (const c10::Error&) {
        throw Error(ErrorKind::Input, std::to_string(count) + " images of " + text_of(pixels.size) + " take " +
                                          human_bytes(static_cast<std::uint64_t>(count * pixels.image_bytes())) +
                                          ", more than the free memory; choose a smaller {--size} or {--cache-mb}");
    }
}

/// A cache file of an earlier run, in memory if it may be there.
Decoded from_cache(Decoded decoded, std::int64_t cache_bytes) {
    Pixels& pixels = decoded.pixels;
    const std::int64_t bytes = pixels.count * pixels.image_bytes();
    if (bytes <= cache_bytes) {
        pixels.memory = take_memory(pixels, pixels.count);
        pixels.file->read(pixels.start, std::as_writable_bytes(std::span(pixels.memory.data_ptr<std::uint8_t>(),
                                                                         static_cast<std::size_t>(bytes))));
        pixels.file.reset();
    }
    return decoded;
}

}  // namespace

Decoded decode_all(const Source& source, const DataOptions& options, const std::filesystem::path& cache,
                   const Hooks& hooks) {
    if (!cache.empty()) {
        auto found = open_cache(cache);
        if (found && found->pixels.count + static_cast<std::int64_t>(found->faults.size()) == source.count()) {
            if (options.strict && !found->faults.empty()) {
                throw Error(ErrorKind::Input, found->faults.front().reason);
            }
            return from_cache(std::move(*found), options.cache_bytes);
        }
    }
    Decoded decoded;
    Pixels& pixels = decoded.pixels;
    pixels.size = choose_size(source, options, hooks);
    pixels.channels = choose_channels(source, options, pixels.size, hooks);
    const std::int64_t image_bytes = pixels.image_bytes();
    const std::int64_t total = source.count() * image_bytes;
    const bool spill = total > options.cache_bytes && !cache.empty();

    // A chunk is what is decoded between two reports; how long it is changes nothing else.
    constexpr std::int64_t kChunkBytes = 8'000'000;
    const std::int64_t longest = std::max<std::int64_t>(at::get_num_threads(), kChunkBytes / image_bytes);
    std::int64_t chunk = std::min<std::int64_t>(longest, 16 * at::get_num_threads());
    std::optional<CacheWriter> writer;
    std::vector<std::uint8_t> buffer;
    if (spill) {
        writer.emplace(cache, total);
    } else {
        pixels.memory = take_memory(pixels, source.count());
    }
    for (std::int64_t begin = 0; begin < source.count();) {
        const auto started = std::chrono::steady_clock::now();
        const std::int64_t end = std::min(source.count(), begin + chunk);
        if (spill) {
            buffer.resize(std::max(buffer.size(), static_cast<std::size_t>((end - begin) * image_bytes)));
        }
        std::uint8_t* images =
            spill ? buffer.data() : pixels.memory.data_ptr<std::uint8_t>() + pixels.count * image_bytes;
        std::vector<std::string> faults = decode_chunk(source, options, pixels, begin, end, images, hooks);
        for (std::size_t i = 0; i < faults.size(); ++i) {
            if (!faults[i].empty()) {
                if (options.strict) {
                    throw Error(ErrorKind::Input, faults[i]);
                }
                decoded.faults.push_back({begin + static_cast<std::int64_t>(i), faults[i]});
            }
        }
        const std::int64_t kept = close_gaps(faults, images, image_bytes);
        if (spill) {
            writer->append(std::span(images, static_cast<std::size_t>(kept * image_bytes)));
        }
        pixels.count += kept;
        begin = end;
        hooks.progress({.stage = "reading images",
                        .done = static_cast<double>(end),
                        .total = static_cast<double>(source.count()),
                        .unit = "images"});
        constexpr std::chrono::milliseconds kQuick(100);
        if (std::chrono::steady_clock::now() - started < kQuick) {
            chunk = std::min(longest, 2 * chunk);
        }
    }
    if (pixels.count == 0) {
        throw Error(ErrorKind::Input, decoded.faults.front().reason);
    }
    if (spill) {
        writer->commit(decoded);
    } else {
        pixels.memory = pixels.memory.narrow(0, 0, pixels.count);
    }
    return decoded;
}

}  // namespace reverie::data
