// One family as a program of libFuzzer: what it calls, and check sums that are made to fit again after each mutation,
// so that what lies behind them is reached.
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "fuzz/families.h"

// A small file that asks for more than this at once is a finding. Leaks are looked for by libFuzzer itself.
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=512:detect_odr_violation=0"; }

// libdav1d 1.0 loses 40 bytes for each stream of a damaged AVIF that is empty or holds an empty unit (OBU): found
// through libheif, and not ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libdav1d\n"; }
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace std::string_view_literals;

std::size_t big_endian(const std::uint8_t* at) {
    return std::size_t{at[0]} << 24 | std::size_t{at[1]} << 16 | std::size_t{at[2]} << 8 | at[3];
}

/// The check sum of every chunk, as far as their lengths make sense.
void mend_png(std::uint8_t* data, std::size_t size) {
    for (std::size_t at = 8; size - at >= 12;) {
        const std::size_t length = big_endian(data + at);
        if (length > size - at - 12) {
            return;
        }
        const auto sum = static_cast<std::uint32_t>(crc32(0, data + at + 4, static_cast<uInt>(length + 4)));
        for (std::size_t i = 0; i < 4; ++i) {
            data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
        }
        at += 12 + length;
    }
}

/// The check sum of every block that says it is a header.
void mend_tar(std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kBlock = 512;
    for (; size >= kBlock; data += kBlock, size -= kBlock) {
        if (std::memcmp(data + 257, "ustar", 5) != 0) {
            continue;
        }
        unsigned sum = 0;
        for (std::size_t i = 0; i < kBlock; ++i) {
            sum += i >= 148 && i < 156 ? ' ' : data[i];
        }
        char text[8];
        std::snprintf(text, sizeof text, "%06o", sum);
        std::memcpy(data + 148, text, 7);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        reverie::fuzz::REVERIE_FUZZ_FAMILY(std::as_bytes(std::span(data, size)));
    } catch (const std::exception& finding) {
        std::fprintf(stderr, "finding: %s\n", finding.what());
        std::abort();
    }
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, most);
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (seed % 16 == 0) {  // now and then a sum may be wrong
        return size;
    }
    if (text.starts_with("\x89PNG\r\n\x1a\n"sv)) {
        mend_png(data, size);
    } else if (text.size() >= 512 && text.substr(257, 5) == "ustar"sv) {
        mend_tar(data, size);
    }
    return size;
}
