#include "image/av1_frames.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "image/byte_reader.h"

namespace reverie::image {
namespace {

/// Big-endian numbers one after the other; behind the end all are 0.
class Numbers {
  public:
    explicit Numbers(Bytes bytes) : bytes_(bytes) {}

    bool good() const noexcept { return good_; }

    std::uint64_t bytes(unsigned count) { return bits(8 * count); }

    std::uint64_t bits(unsigned count) {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < count; ++i, ++at_) {
            good_ = good_ && at_ / 8 < bytes_.size();
            value = value << 1 | (good_ ? std::to_integer<unsigned>(bytes_[at_ / 8]) >> (7 - at_ % 8) & 1U : 0U);
        }
        return value;
    }

    bool flag() { return bits(1) != 0; }

    /// AV1's leb128(): 7 bits a byte, the least first.
    std::uint64_t leb128() {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < 8; ++i) {
            const std::uint64_t byte = bits(8);
            value |= (byte & 0x7f) << (7 * i);
            if ((byte & 0x80) == 0) {
                break;
            }
        }
        return value;
    }

    void skip_uvlc() {
        unsigned zeros = 0;
        while (good_ && !flag()) {
            ++zeros;
        }
        bits(std::min(zeros, 32U));
    }

    Bytes rest() const { return bytes_.subspan(std::min(at_ / 8, bytes_.size())); }

  private:
    Bytes bytes_;
    std::size_t at_ = 0;  ///< in bits
    bool good_ = true;
};

/// What lies in the first box of that type.
std::optional<Bytes> box_in(Bytes bytes, std::string_view type) {
    while (bytes.size() >= 8) {
        Numbers numbers(bytes);
        std::uint64_t size = numbers.bytes(4);
        const bool found = starts_with(bytes.subspan(4), type);
        numbers.bytes(4);
        std::size_t header = 8;
        if (size == 1) {
            size = numbers.bytes(8);
            header = 16;
        }
        size = size == 0 ? bytes.size() : size;
        if (size < header || size > bytes.size()) {
            return std::nullopt;
        }
        if (found) {
            return bytes.subspan(header, static_cast<std::size_t>(size) - header);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
    return std::nullopt;
}

/// Pixels that a sequence header claims.
std::int64_t frame_of(Numbers header) {
    header.bits(3);  // profile
    header.flag();   // still picture
    const bool reduced = header.flag();
    if (reduced) {
        header.bits(5);  // level
    } else {
        bool decoder_model = false;
        unsigned delay_bits = 0;
        if (header.flag()) {  // timing
            header.bits(64);
            if (header.flag()) {
                header.skip_uvlc();
            }
            decoder_model = header.flag();
            if (decoder_model) {
                delay_bits = static_cast<unsigned>(header.bits(5)) + 1;
                header.bits(32);
                header.bits(10);
            }
        }
        const bool display_delay = header.flag();
        for (std::uint64_t points = header.bits(5) + 1; points > 0; --points) {
            header.bits(12);
            if (header.bits(5) > 7) {
                header.flag();  // tier
            }
            if (decoder_model && header.flag()) {
                header.bits(2 * delay_bits + 1);
            }
            if (display_delay && header.flag()) {
                header.bits(4);
            }
        }
    }
    const auto width_bits = static_cast<unsigned>(header.bits(4)) + 1;
    const auto height_bits = static_cast<unsigned>(header.bits(4)) + 1;
    const auto width = static_cast<std::int64_t>(header.bits(width_bits)) + 1;
    const auto height = static_cast<std::int64_t>(header.bits(height_bits)) + 1;
    return header.good() ? width * height : 0;
}

/// The largest frame of the stream's sequence headers. It ends where the bytes are none.
std::int64_t largest_frame(Bytes stream) {
    constexpr std::uint64_t kSequenceHeader = 1;
    std::int64_t largest = 0;
    while (!stream.empty()) {
        Numbers numbers(stream);
        const bool forbidden = numbers.flag();
        const std::uint64_t type = numbers.bits(4);
        const bool extended = numbers.flag();
        const bool sized = numbers.flag();
        if (forbidden || numbers.flag()) {
            break;
        }
        if (extended) {
            numbers.bits(8);
        }
        const std::uint64_t size = sized ? numbers.leb128() : numbers.rest().size();
        const Bytes rest = numbers.rest();
        if (type == kSequenceHeader) {
            largest = std::max(largest, frame_of(Numbers(rest)));
        }
        stream = rest.subspan(static_cast<std::size_t>(std::min<std::uint64_t>(size, rest.size())));
    }
    return largest;
}

}  // namespace

std::int64_t largest_av1_frame(Bytes file) {
    const std::optional<Bytes> meta = box_in(file, "meta");
    if (!meta || meta->size() < 4) {
        return 0;
    }
    const Bytes boxes = meta->subspan(4);
    const std::optional<Bytes> locations = box_in(boxes, "iloc");
    if (!locations) {
        return 0;
    }
    const Bytes inside = box_in(boxes, "idat").value_or(Bytes());
    Numbers numbers(*locations);
    const std::uint64_t version = numbers.bytes(1);
    numbers.bytes(3);
    const auto offset_bytes = static_cast<unsigned>(numbers.bits(4));
    const auto length_bytes = static_cast<unsigned>(numbers.bits(4));
    const auto base_bytes = static_cast<unsigned>(numbers.bits(4));
    const auto index_bytes = static_cast<unsigned>(numbers.bits(4));
    std::int64_t largest = 0;
    for (std::uint64_t items = numbers.bytes(version < 2 ? 2 : 4); items > 0 && numbers.good(); --items) {
        numbers.bytes(version < 2 ? 2 : 4);
        const std::uint64_t method = version > 0 ? numbers.bytes(2) & 0xf : 0;
        numbers.bytes(2);
        const std::uint64_t base = numbers.bytes(base_bytes);
        const Bytes source = method == 1 ? inside : file;
        for (std::uint64_t extents = numbers.bytes(2); extents > 0 && numbers.good(); --extents) {
            numbers.bytes(version > 0 ? index_bytes : 0);
            const std::uint64_t offset = base + numbers.bytes(offset_bytes);
            const std::uint64_t length = numbers.bytes(length_bytes);
            if (numbers.good() && offset < source.size()) {
                const Bytes behind = source.subspan(static_cast<std::size_t>(offset));
                const std::uint64_t size = length == 0 ? behind.size() : length;
                largest = std::max(largest, largest_frame(behind.first(static_cast<std::size_t>(
                                                std::min<std::uint64_t>(size, behind.size())))));
            }
        }
    }
    return largest;
}

}  // namespace reverie::image
