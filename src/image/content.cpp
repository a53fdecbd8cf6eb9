#include "image/content.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "image/byte_reader.h"
#include "image/decode.h"

namespace reverie::image {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kConvert = "convert it to PNG, TIFF or JPEG";
constexpr std::string_view kDevelop = "develop it with a raw converter and export PNG, TIFF or JPEG";
constexpr std::string_view kRender = "export it as PNG";
constexpr std::string_view kFrames = "extract its frames as pictures";
constexpr std::string_view kFilm =
    "deepdream and styletransfer paint a film that is their only input; for anything else extract its frames";

struct Magic {
    std::string_view bytes;
    std::size_t offset;
    OtherKind kind;
};

// Cameras' raw files that are no TIFF, or that say at once which they are; the others show it in their directories
// (tiff_pages.cpp).
constexpr std::array kRaw = {
    Magic{"CR\x02"sv, 8, {"a Canon raw file (CR2)", kDevelop}},
    Magic{"ftypcrx "sv, 4, {"a Canon raw file (CR3)", kDevelop}},
    Magic{"FUJIFILMCCD-RAW"sv, 0, {"a Fujifilm raw file (RAF)", kDevelop}},
    Magic{"IIRO"sv, 0, {"an Olympus raw file (ORF)", kDevelop}},
    Magic{"IIRS"sv, 0, {"an Olympus raw file (ORF)", kDevelop}},
    Magic{"MMOR"sv, 0, {"an Olympus raw file (ORF)", kDevelop}},
    Magic{"IIU\0"sv, 0, {"a Panasonic raw file (RW2)", kDevelop}},
    Magic{"\0MRM"sv, 0, {"a Minolta raw file (MRW)", kDevelop}},
    Magic{"FOVb"sv, 0, {"a Sigma raw file (X3F)", kDevelop}},
};

constexpr std::array kOthers = {
    Magic{"\xff\x0a"sv, 0, {"a JPEG XL picture", kConvert}},
    Magic{"\0\0\0\x0cJXL \r\n\x87\n"sv, 0, {"a JPEG XL picture", kConvert}},
    Magic{"\0\0\0\x0cjP  \r\n\x87\n"sv, 0, {"a JPEG 2000 picture", kConvert}},
    Magic{"\xff\x4f\xff\x51"sv, 0, {"a JPEG 2000 picture", kConvert}},
    Magic{"II\xbc"sv, 0, {"a JPEG XR picture", kConvert}},
    Magic{"8BPS"sv, 0, {"a Photoshop document", kRender}},
    Magic{"gimp xcf"sv, 0, {"a GIMP document", kRender}},
    Magic{"%PDF"sv, 0, {"a PDF document", kRender}},
    Magic{"%!PS"sv, 0, {"a PostScript document", kRender}},
    Magic{"\xc5\xd0\xd3\xc6"sv, 0, {"a PostScript document", kRender}},
    Magic{"AT&TFORM"sv, 0, {"a DjVu document", kRender}},
    Magic{"\x76\x2f\x31\x01"sv, 0, {"an OpenEXR picture", kConvert}},
    Magic{"#?RADIANCE"sv, 0, {"a Radiance HDR picture", kConvert}},
    Magic{"#?RGBE"sv, 0, {"a Radiance HDR picture", kConvert}},
    Magic{"\0\0\1\0"sv, 0, {"an icon (ICO)", kConvert}},
    Magic{"icns"sv, 0, {"an icon (ICNS)", kConvert}},
    Magic{"qoif"sv, 0, {"a QOI picture", kConvert}},
    Magic{"DDS "sv, 0, {"a DDS texture", kConvert}},
    Magic{"FLIF"sv, 0, {"a FLIF picture", kConvert}},
    Magic{"BPG\xfb"sv, 0, {"a BPG picture", kConvert}},
    Magic{"\x8aMNG"sv, 0, {"an MNG film", kFrames}},
    Magic{"SIMPLE  ="sv, 0, {"a FITS picture", kConvert}},
    Magic{"DICM"sv, 128, {"a DICOM picture", kConvert}},
    Magic{"\xd7\xcd\xc6\x9a"sv, 0, {"a Windows metafile", kRender}},
    Magic{"ftypqt  "sv, 4, {"a film (QuickTime)", kFilm, true}},
    Magic{"ftyp"sv, 4, {"a film (MP4)", kFilm, true}},
    Magic{"\x1a\x45\xdf\xa3"sv, 0, {"a film (Matroska or WebM)", kFilm, true}},
    Magic{"AVI LIST"sv, 8, {"a film (AVI)", kFilm, true}},
    Magic{"PK\3\4"sv, 0, {"a zip archive", "unpack it first"}},
    Magic{"\x1f\x8b"sv, 0, {"a gzip archive", "unpack it first"}},
    Magic{"version https://git-lfs"sv, 0, {"a Git LFS pointer", "fetch the file itself with git lfs pull"}},
};

constexpr std::array kExtensions = {
    Extension{".jpg", PictureFormat::Jpeg},
    Extension{".jpeg", PictureFormat::Jpeg},
    Extension{".jpe", PictureFormat::Jpeg},
    Extension{".jif", PictureFormat::Jpeg},
    Extension{".jfif", PictureFormat::Jpeg},
    Extension{".png", PictureFormat::Png},
    Extension{".apng"},
    Extension{".tif", PictureFormat::Tiff},
    Extension{".tiff", PictureFormat::Tiff},
    Extension{".webp", PictureFormat::WebP},
    Extension{".bmp", PictureFormat::Bmp},
    Extension{".dib", PictureFormat::Bmp},
    Extension{".gif"},
    Extension{".heic"},
    Extension{".heif"},
    Extension{".hif"},
    Extension{".avif"},
    // Nobody means a folder by these, though none is read by its name.
    Extension{".jxl", {}, false},
    Extension{".jp2", {}, false},
    Extension{".jxr", {}, false},
    Extension{".dng", {}, false},
    Extension{".psd", {}, false},
    Extension{".xcf", {}, false},
    Extension{".pdf", {}, false},
    Extension{".svg", {}, false},
    Extension{".eps", {}, false},
    Extension{".tga", {}, false},
    Extension{".ico", {}, false},
    Extension{".ppm", {}, false},
    Extension{".pgm", {}, false},
    Extension{".pnm", {}, false},
    Extension{".exr", {}, false},
    Extension{".hdr", {}, false},
    Extension{".mp4", {}, false},
    Extension{".mov", {}, false},
    Extension{".webm", {}, false},
};

bool matches(Bytes bytes, std::string_view magic, std::size_t offset = 0) {
    return bytes.size() >= offset && starts_with(bytes.subspan(offset), magic);
}

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// The brands of an ISO media file, the major one first; empty when it is none.
std::string_view brands(Bytes bytes) {
    const std::size_t box = ByteReader(bytes, false).u32(0).value_or(0);
    if (!matches(bytes, "ftyp", 4) || box < 12) {
        return {};
    }
    return as_text(bytes).substr(8, box - 8);
}

bool has_brand(std::string_view all, std::initializer_list<std::string_view> wanted) {
    for (std::size_t at = 0; at + 4 <= all.size(); at += at == 0 ? 8 : 4) {  // behind the major one: its version
        if (std::find(wanted.begin(), wanted.end(), all.substr(at, 4)) != wanted.end()) {
            return true;
        }
    }
    return false;
}

constexpr auto kAvif = {"avif"sv, "avis"sv};
constexpr auto kHeic = {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "hevm"sv, "hevs"sv};
constexpr auto kHeif = {"mif1"sv, "msf1"sv, "mif2"sv, "mif3"sv, "miaf"sv};

/// The first word of a text file in lower case, behind a byte order mark and blanks.
std::string first_word(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) {
        text.remove_prefix(3);
    }
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    std::string word(text.substr(0, std::min<std::size_t>(text.find_first_of(" \t\r\n>"), 16)));
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word;
}

std::optional<OtherKind> text_kind(Bytes bytes) {
    const std::string_view text = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 4096)));
    const std::string word = first_word(text);
    const bool markup = word == "<?xml" || word == "<!--" || word == "<!doctype";
    if (word == "<svg" || (markup && text.find("<svg") != std::string_view::npos)) {
        return OtherKind{"an SVG drawing", kRender};
    }
    if (word == "<html" || word == "<!doctype") {
        return OtherKind{"a web page, not a picture", "download the picture itself"};
    }
    if (word.size() == 2 && word[0] == 'p' && word[1] >= '1' && word[1] <= '7') {
        return OtherKind{"a PNM picture", kConvert};
    }
    return std::nullopt;
}

template <std::size_t count>
std::optional<OtherKind> find(const std::array<Magic, count>& magics, Bytes bytes) {
    for (const Magic& magic : magics) {
        if (matches(bytes, magic.bytes, magic.offset)) {
            return magic.kind;
        }
    }
    return std::nullopt;
}

bool is_tiff(Bytes bytes) {
    for (const auto magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
        if (matches(bytes, magic)) {
            return true;
        }
    }
    return false;
}

bool is_heif(Bytes bytes) {
    const std::string_view all = brands(bytes);
    const std::string_view major = all.substr(0, 4);
    // Films name picture brands too when they hold a cover; what counts is what comes first.
    for (const auto& family : {kAvif, kHeic, kHeif}) {
        if (std::find(family.begin(), family.end(), major) != family.end()) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<Content> picture_content(Bytes bytes) {
    if (matches(bytes, "\xff\xd8\xff"sv)) {
        return Content::Jpeg;
    }
    if (matches(bytes, "\x89PNG\r\n\x1a\n"sv)) {
        return Content::Png;
    }
    if (is_tiff(bytes)) {
        return find(kRaw, bytes) ? std::nullopt : std::optional(Content::Tiff);
    }
    if (matches(bytes, "RIFF"sv) && matches(bytes, "WEBP"sv, 8)) {
        return Content::WebP;
    }
    if (matches(bytes, "GIF87a"sv) || matches(bytes, "GIF89a"sv)) {
        return Content::Gif;
    }
    if (is_heif(bytes)) {
        return Content::Heif;
    }
    if (matches(bytes, "BM"sv)) {
        return Content::Bmp;
    }
    return std::nullopt;
}

bool is_picture(Bytes bytes) {
    const auto content = picture_content(bytes);
    if (content != Content::Bmp) {
        return content.has_value();
    }
    // Many a text begins with BM; none goes on with the length of a BMP's second header.
    const std::uint32_t length = ByteReader(bytes, true).u32(14).value_or(0);
    return length >= 12 && length <= 124;
}

std::string_view heif_kind(Bytes bytes) {
    const std::string_view all = brands(bytes);
    const std::string_view major = all.substr(0, 4);
    const auto named = [&](auto family) { return std::find(family.begin(), family.end(), major) != family.end(); };
    if (named(kAvif) || (!named(kHeic) && has_brand(all, kAvif))) {
        return "an AVIF";
    }
    return has_brand(all, kHeic) ? "a HEIC" : "a HEIF";
}

std::optional<OtherKind> other_content(Bytes bytes) {
    if (const auto raw = find(kRaw, bytes)) {
        return raw;
    }
    if (const auto other = find(kOthers, bytes)) {
        return other;
    }
    return text_kind(bytes);
}

std::string lower_extension(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

const Extension* find_extension(const std::filesystem::path& path) {
    const std::string wanted = lower_extension(path);
    const auto* found = std::find_if(kExtensions.begin(), kExtensions.end(),
                                     [&](const Extension& extension) { return extension.name == wanted; });
    return found == kExtensions.end() ? nullptr : found;
}

}  // namespace reverie::image
