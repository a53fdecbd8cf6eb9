#include <cstring>

#include "image/byte_reader.h"
#include "image/exif.h"

namespace reverie::image {
namespace {

/// The entries of one directory of a TIFF-shaped block.
class Directory {
  public:
    Directory(const ByteReader& reader, std::size_t at) : reader_(reader), at_(at) {}

    /// Where the entry of a tag begins; nothing when there is none.
    std::optional<std::size_t> find(std::uint32_t tag) const {
        const std::size_t count = reader_.u16(at_).value_or(0);
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t entry = at_ + 2 + 12 * i;
            if (reader_.u16(entry) == tag) {
                return entry;
            }
        }
        return std::nullopt;
    }

    /// The directory that an entry points to.
    std::optional<Directory> below(std::uint32_t tag) const {
        const auto entry = find(tag);
        const auto place = entry ? reader_.u32(*entry + 8) : std::nullopt;
        return place ? std::optional(Directory(reader_, *place)) : std::nullopt;
    }

  private:
    const ByteReader& reader_;
    std::size_t at_;
};

}  // namespace

bool means_adobe_rgb(Bytes block) {
    constexpr std::uint32_t kExifTag = 0x8769;
    constexpr std::uint32_t kColorSpaceTag = 0xa001;
    constexpr std::uint32_t kInteroperabilityTag = 0xa005;
    constexpr std::uint32_t kIndexTag = 1;
    constexpr std::uint32_t kUncalibrated = 0xffff;
    if (starts_with(block, std::string_view("Exif\0\0", 6))) {
        block = block.subspan(6);
    }
    const ByteReader reader(block, starts_with(block, "II"));
    const Directory first(reader, reader.u32(4).value_or(0));
    const auto exif = first.below(kExifTag);
    const auto space = exif ? exif->find(kColorSpaceTag) : std::nullopt;
    const auto interoperability = exif ? exif->below(kInteroperabilityTag) : std::nullopt;
    const auto index = interoperability ? interoperability->find(kIndexTag) : std::nullopt;
    // Four characters with the final zero, which live inside the entry.
    return space && index && reader.u16(*space + 8) == kUncalibrated && block.size() >= *index + 12 &&
           starts_with(block.subspan(*index + 8), "R03");
}

}  // namespace reverie::image
