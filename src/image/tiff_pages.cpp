#include "image/tiff_pages.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "image/codecs.h"
#include "image/exif.h"

namespace reverie::image {
namespace {

constexpr std::size_t kMostDirectories = 100;

struct Directory {
    int page = 0;
    std::uint64_t below = 0;  ///< offset of a picture below the page; 0: the page itself
    Size size;
    bool full = true;  ///< neither a thumbnail nor a mask

    /// Sides of up to 2^32 - 1 each are what a damaged file may claim.
    std::uint64_t area() const {
        return static_cast<std::uint64_t>(size.height) * static_cast<std::uint64_t>(size.width);
    }
};

Directory describe(TIFF* tiff, int page, std::uint64_t below) {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t kind = 0;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
    return {page, below, {height, width}, (kind & ~std::uint32_t{FILETYPE_PAGE}) == 0};
}

std::vector<std::uint64_t> offsets_below(TIFF* tiff) {
    std::uint16_t count = 0;
    const std::uint64_t* offsets = nullptr;
    if (TIFFGetField(tiff, TIFFTAG_SUBIFD, &count, &offsets) != 1 || offsets == nullptr) {
        return {};
    }
    return {offsets, offsets + count};
}

/// The first directory is the current one before and, when there is only that, after.
std::vector<Directory> list(TIFF* tiff) {
    std::vector<Directory> all;
    for (int page = 0; all.size() < kMostDirectories; ++page) {
        if (page > 0 && TIFFSetDirectory(tiff, static_cast<tdir_t>(page)) != 1) {
            break;
        }
        all.push_back(describe(tiff, page, 0));
        const bool last = TIFFLastDirectory(tiff) != 0;
        for (const std::uint64_t offset : offsets_below(tiff)) {
            if (all.size() < kMostDirectories && TIFFSetSubDirectory(tiff, offset) == 1) {
                all.push_back(describe(tiff, page, offset));
            }
        }
        if (last) {
            break;
        }
    }
    return all;
}

std::optional<int> stated_orientation(TIFF* tiff) {
    std::uint16_t orientation = 0;
    if (TIFFGetField(tiff, TIFFTAG_ORIENTATION, &orientation) == 1 && orientation >= 1 && orientation <= 8) {
        return orientation;
    }
    std::uint32_t length = 0;
    const void* packet = nullptr;
    if (TIFFGetField(tiff, TIFFTAG_XMLPACKET, &length, &packet) == 1 && packet != nullptr) {
        return xmp_orientation({static_cast<const std::byte*>(packet), length});
    }
    return std::nullopt;
}

std::string compression_name(std::uint16_t compression) {
    struct Name {
        std::uint16_t number;
        const char* name;
    };
    constexpr std::array<Name, 13> kNames = {{{6, "old-style JPEG"},
                                              {32809, "ThunderScan"},
                                              {33003, "JPEG 2000"},
                                              {33004, "JPEG 2000"},
                                              {33005, "JPEG 2000"},
                                              {34661, "JBIG"},
                                              {34712, "JPEG 2000"},
                                              {34887, "LERC"},
                                              {34892, "lossy JPEG of DNG"},
                                              {34925, "LZMA"},
                                              {50000, "Zstandard"},
                                              {50001, "WebP"},
                                              {52546, "JPEG XL"}}};
    for (const Name& known : kNames) {
        if (known.number == compression) {
            return known.name;
        }
    }
    return "number " + std::to_string(compression);
}

}  // namespace

TiffChoice choose_picture(TiffFile& file, const std::string& name) {
    TIFF* tiff = file.handle();
    TiffChoice choice;
    const std::optional<int> first_orientation = stated_orientation(tiff);
    choice.orientation = first_orientation.value_or(1);
    if (TIFFLastDirectory(tiff) != 0 && offsets_below(tiff).empty()) {
        return choice;
    }
    const std::vector<Directory> all = list(tiff);
    const Directory* chosen = &all.front();
    const Directory* largest = chosen;
    for (const Directory& directory : all) {
        if (!directory.full) {
            continue;
        }
        if (!chosen->full || (!all.front().full && directory.area() > chosen->area())) {
            chosen = &directory;
        }
        if (directory.area() > largest->area()) {
            largest = &directory;
        }
    }
    const bool pages = all.back().page > 0;
    if (chosen != &all.front()) {
        choice.note = "'" + name + "' begins with a thumbnail; its largest picture is used (" +
                      (chosen->below != 0 ? "below page " : "page ") + std::to_string(chosen->page + 1) + ", " +
                      text_of(chosen->size) + ")";
    } else if (largest != chosen) {
        choice.note = first_picture_note(name, "pages") + " (" + text_of(chosen->size) + "; the largest is " +
                      text_of(largest->size) + ")";
    } else if (pages) {
        choice.note = first_picture_note(name, "pages");
    }
    file.forget_faults();
    const bool found = chosen->below != 0 ? TIFFSetSubDirectory(tiff, chosen->below) == 1
                                          : TIFFSetDirectory(tiff, static_cast<tdir_t>(chosen->page)) == 1;
    if (!found) {
        throw_damaged(name, "its directories cannot be read twice");
    }
    choice.orientation = stated_orientation(tiff).value_or(choice.orientation);
    return choice;
}

void refuse_unreadable_kind(TIFF* tiff, const std::string& name) {
    std::uint16_t kind = 0;
    std::uint16_t compression = 0;
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &kind);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    constexpr std::uint16_t kLinearRaw = 34892;
    if (kind == PHOTOMETRIC_CFA || kind == kLinearRaw) {
        throw_unsupported(name, "the raw data of a camera's sensor (as DNG, NEF and ARW files do)");
    }
    if (TIFFIsCODECConfigured(compression) == 0) {
        throw_unsupported(name, "a TIFF compressed as " + compression_name(compression));
    }
}

}  // namespace reverie::image
