// HEIC and AVIF through the plugin beside this library.
#include <algorithm>
#include <new>

#include "core/plugin.h"
#include "image/av1_frames.h"
#include "image/byte_reader.h"
#include "image/codecs.h"
#include "image/color_codes.h"
#include "image/color_profile.h"
#include "image/content.h"
#include "image/heif_plugin.h"
#include "reverie/core/error.h"

namespace reverie::image {
namespace {

std::string subject(Bytes bytes, const std::string& name) {
    return "'" + name + "' is " + std::string(heif_kind(bytes)) + " picture";
}

/// Whether one of the file's boxes goes on behind its end, or none follows the first, which only says what it is.
bool is_cut(Bytes bytes) {
    std::size_t boxes = 0;
    const ByteReader reader(bytes, false);
    constexpr std::uint32_t kToTheEnd = 0;
    constexpr std::uint32_t kLong = 1;  // the size follows, in 64 bits
    for (std::size_t at = 0; at < bytes.size();) {
        const std::uint32_t size = reader.u32(at).value_or(8);
        if (size == kToTheEnd || size == kLong) {
            return false;
        }
        if (size > bytes.size() - at) {
            return true;
        }
        at += std::max<std::uint32_t>(size, 8);
        ++boxes;
    }
    return boxes < 2;
}

/// Runs what may need the plugin or meet its faults, in our words.
template <typename Call>
auto guarded(Bytes bytes, const std::string& name, Call&& call) {
    try {
        return call();
    } catch (const HeifFault& fault) {
        if (is_cut(bytes)) {
            throw_truncated(name);
        }
        switch (fault.kind) {
            case HeifFault::Kind::Truncated:
                throw_truncated(name);
            case HeifFault::Kind::NoMemory:
                throw std::bad_alloc();
            case HeifFault::Kind::Damaged:
                throw Error(ErrorKind::Input,
                            subject(bytes, name) + " that cannot be read (" + fault.what() +
                                "): it is damaged, or newer than that library (photos of 2024's phones "
                                "need libheif 1.18); get an intact copy or convert it to PNG or JPEG");
            case HeifFault::Kind::Unsupported:
                break;
        }
        throw Error(ErrorKind::Input, subject(bytes, name) + " of a kind that is not read (" + fault.what() +
                                          "); photos of 2024's phones need libheif 1.18: convert it to PNG or JPEG");
    }
}

std::unique_ptr<HeifReader> open(Bytes bytes, const std::string& name) {
    OpenHeif* plugin = nullptr;
    try {
        static auto* const loaded = reinterpret_cast<OpenHeif*>(plugin_function("libreverie_heif.so", kOpenHeifName));
        plugin = loaded;
    } catch (const std::runtime_error& error) {
        throw Error(ErrorKind::Input, subject(bytes, name) + ", and what reads those is missing (" + error.what() +
                                          "); install Debian's package libheif1, or convert it to PNG or JPEG");
    }
    try {
        return guarded(bytes, name, [&] { return plugin(bytes.data(), bytes.size()); });
    } catch (const std::bad_alloc&) {  // nothing is decoded yet: a box lies
        throw_damaged(name, "its boxes ask for more memory than there is");
    }
}

Size size_of(const HeifInfo& info) { return {info.height, info.width}; }

/// A profile says more than the codes of a standard range, and less than those of a high one.
Conversion conversion_of(const HeifInfo& info, const std::string& name, std::vector<std::string>& notes) {
    ColorCodes codes;
    if (info.primaries != HeifInfo::kNotStated) {
        codes.primaries = info.primaries;
    }
    if (info.transfer != HeifInfo::kNotStated) {
        codes.transfer = info.transfer;
    }
    return !info.icc.empty() && !is_hdr(codes) ? profile_conversion(info.icc, 3, name, notes)
                                               : codes_conversion(codes, 3, name, notes);
}

}  // namespace

Header heif_header(Bytes bytes, const std::string& name) { return {size_of(open(bytes, name)->info())}; }

Raster decode_heif(Bytes bytes, const Header& header, const std::string& name) {
    const std::unique_ptr<HeifReader> reader = open(bytes, name);
    const HeifInfo& info = reader->info();
    if (size_of(info) != header.size) {
        throw_damaged(name, "its headers contradict each other");
    }
    // Some frames stand out over their picture, but not by much.
    constexpr std::int64_t kTimes = 4;
    constexpr std::int64_t kAlways = 1 << 22;
    if (largest_av1_frame(bytes) > std::max(kTimes * header.size.height * header.size.width, kAlways)) {
        throw_damaged(name, "its pixels' stream claims another size than the picture has");
    }
    Raster raster(header.size, info.bits > 8 ? 16 : 8, 3, info.has_alpha ? 4 : 3);
    raster.has_alpha = info.has_alpha;
    raster.premultiplied = info.has_alpha && info.premultiplied;
    guarded(bytes, name, [&] { reader->decode(raster.data.get()); });
    if (info.pictures > 1) {
        raster.notes.push_back("'" + name + "' holds several pictures, of which the main one is used");
    }
    raster.conversion = conversion_of(info, name, raster.notes);
    return raster;
}

}  // namespace reverie::image
