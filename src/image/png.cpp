// PNG through libpng.
#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "image/byte_reader.h"
#include "image/c_faults.h"
#include "image/codecs.h"
#include "image/comment.h"
#include "image/png_chunks.h"
#include "image/png_color.h"

namespace reverie::image {
namespace {

constexpr std::uint32_t kLongestSide = 0x7fffffff;

[[noreturn]] void stop(png_structp png, png_const_charp message) {
    auto* faults = static_cast<CFaults*>(png_get_error_ptr(png));
    std::strncpy(faults->message.data(), message, faults->message.size() - 1);
    std::longjmp(faults->jump, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

class PngReader {
  public:
    PngReader(Bytes bytes, std::string name)
        : rest_(believable_part(bytes)),
          name_(std::move(name)),
          png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, &faults_, stop, ignore_warning)),
          info_(png_ != nullptr ? png_create_info_struct(png_) : nullptr) {
        if (info_ == nullptr) {
            png_destroy_read_struct(&png_, nullptr, nullptr);
            throw std::bad_alloc();
        }
    }
    ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
    PngReader(const PngReader&) = delete;
    PngReader& operator=(const PngReader&) = delete;

    Raster read(const Header& header) {
        guarded(faults_, name_, [this] {
            png_set_user_limits(png_, kLongestSide, kLongestSide);  // the caller's limit counts
            constexpr png_alloc_size_t kMostUnpackedText = 8 << 20;
            png_set_chunk_malloc_max(png_, kMostUnpackedText);
            png_set_read_fn(png_, this, read_bytes);
            png_read_info(png_, info_);
            png_set_expand(png_);  // palette to RGB, 1, 2 and 4 bits to 8, a transparent colour to alpha
            if (std::endian::native == std::endian::little) {
                png_set_swap(png_);
            }
            passes_ = png_set_interlace_handling(png_);
            png_read_update_info(png_, info_);
        });
        const int channels = png_get_channels(png_, info_);
        Raster raster({png_get_image_height(png_, info_), png_get_image_width(png_, info_)},
                      png_get_bit_depth(png_, info_), channels < 3 ? 1 : 3, channels);
        if (raster.size != header.size || raster.row_bytes() != png_get_rowbytes(png_, info_)) {
            throw_damaged(name_, "its headers contradict each other");
        }
        raster.has_alpha = channels % 2 == 0;
        guarded(faults_, name_, [&] {
            for (int pass = 0; pass < passes_; ++pass) {
                for (std::int64_t y = 0; y < raster.size.height; ++y) {
                    png_read_row(png_, reinterpret_cast<png_bytep>(raster.row(y)), nullptr);
                }
            }
            png_read_end(png_, info_);
        });
        read_text(raster.text);
        return raster;
    }

  private:
    static void read_bytes(png_structp png, png_bytep target, std::size_t count) {
        auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
        if (count > self->rest_.size()) {
            self->faults_.truncated = true;
            png_error(png, "ends early");
        }
        std::memcpy(target, self->rest_.data(), count);
        self->rest_ = self->rest_.subspan(count);
    }

    void read_text(Text& text) {
        png_textp entries = nullptr;
        const int count = png_get_text(png_, info_, &entries, nullptr);
        for (const png_text& entry : std::span(entries, static_cast<std::size_t>(std::max(count, 0)))) {
            const bool international = entry.compression >= PNG_ITXT_COMPRESSION_NONE;
            const std::string value(entry.text, international ? entry.itxt_length : entry.text_length);
            // What turns a picture is applied, and would turn it again if it were written on.
            const std::string key = to_utf8(entry.key);
            if (!key.starts_with("Raw profile type ") && key != "XML:com.adobe.xmp") {
                text.emplace(key, to_utf8(value));
            }
        }
    }

    Bytes rest_;
    std::string name_;
    CFaults faults_;
    png_structp png_;
    png_infop info_;
    int passes_ = 1;
};

/// libpng's compressor and what it has written.
class PngWriter {
  public:
    PngWriter()
        : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, &faults_, stop, ignore_warning)),
          info_(png_ != nullptr ? png_create_info_struct(png_) : nullptr) {
        if (info_ == nullptr) {
            png_destroy_write_struct(&png_, nullptr);
            throw std::bad_alloc();
        }
    }
    ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
    PngWriter(const PngWriter&) = delete;
    PngWriter& operator=(const PngWriter&) = delete;

    std::vector<std::byte> write(const Raster& raster, std::span<const png_text> text) {
        const bool done = completes(faults_, [&] {
            png_set_write_fn(png_, this, write_bytes, nullptr);
            png_set_user_limits(png_, kLongestSide, kLongestSide);
            png_set_IHDR(png_, info_, static_cast<png_uint_32>(raster.size.width),
                         static_cast<png_uint_32>(raster.size.height), raster.bits,
                         raster.has_alpha ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                         PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
            png_set_sRGB_gAMA_and_cHRM(png_, info_, PNG_sRGB_INTENT_PERCEPTUAL);  // the latter for old readers
            png_set_text(png_, info_, text.data(), static_cast<int>(text.size()));
            // One filter and a low level: a few per cent larger than the best and several times faster.
            png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
            png_set_compression_level(png_, 3);
            png_write_info(png_, info_);
            if (std::endian::native == std::endian::little && raster.bits == 16) {
                png_set_swap(png_);
            }
            for (std::int64_t y = 0; y < raster.size.height; ++y) {
                png_write_row(png_, reinterpret_cast<png_const_bytep>(raster.row(y)));
            }
            png_write_end(png_, info_);
        });
        if (!done) {
            throw_unwritable("PNG", faults_.message.data());
        }
        return std::move(written_);
    }

  private:
    static void write_bytes(png_structp png, png_bytep source, std::size_t count) {
        auto* self = static_cast<PngWriter*>(png_get_io_ptr(png));
        bool stored = true;
        try {
            const auto bytes = std::as_bytes(std::span(source, count));
            self->written_.insert(self->written_.end(), bytes.begin(), bytes.end());
        } catch (const std::bad_alloc&) {
            stored = false;
        }
        if (!stored) {
            png_error(png, "out of memory");
        }
    }

    CFaults faults_;
    png_structp png_;
    png_infop info_;
    std::vector<std::byte> written_;
};

bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// tEXt holds Latin-1 and iTXt UTF-8, so plain ASCII goes into the first, which every program reads.
png_text text_chunk(const std::string& key, const std::string& value) {
    if (key.empty() || key.size() > PNG_KEYWORD_MAX_LENGTH || !is_printable_ascii(key)) {
        throw_unwritable("PNG", "the text key '" + key + "' is not 1 to 79 printable ASCII characters");
    }
    const bool ascii = std::all_of(value.begin(), value.end(), [](char c) { return c > 0; });
    png_text chunk = {};
    chunk.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    // libpng copies both and changes neither.
    chunk.key = const_cast<char*>(key.c_str());
    chunk.text = const_cast<char*>(value.c_str());
    chunk.text_length = value.size();
    return chunk;
}

void swap_red_and_blue(Raster& raster) {
    if (raster.colors != 3 || raster.bits != 8) {
        return;
    }
    for (std::int64_t y = 0; y < raster.size.height; ++y) {
        std::byte* pixel = raster.row(y);
        for (std::int64_t x = 0; x < raster.size.width; ++x, pixel += raster.channels) {
            std::swap(pixel[0], pixel[2]);
        }
    }
}

}  // namespace

Header png_header(Bytes bytes, const std::string& name) {
    constexpr std::size_t kCgbiBytes = 16;
    const std::size_t at = 12 + (is_cgbi(bytes) ? kCgbiBytes : 0);
    const ByteReader reader(bytes, false);
    const auto width = reader.u32(at + 4);
    const auto height = reader.u32(at + 8);
    if (!width || !height) {
        throw_truncated(name);
    }
    if (!starts_with(bytes.subspan(at), "IHDR")) {
        throw_damaged(name, "its header is not the first chunk");
    }
    return {{*height, *width}, png_orientation(bytes)};
}

Raster decode_png(Bytes bytes, const Header& header, const std::string& name) {
    const bool cgbi = is_cgbi(bytes);
    const PlainPng plain = cgbi ? from_cgbi(bytes, name) : PlainPng();
    Raster raster = PngReader(cgbi ? Bytes(plain.bytes) : bytes, name).read(header);
    if (cgbi && plain.apple_samples) {
        swap_red_and_blue(raster);
        raster.premultiplied = raster.has_alpha;
    }
    raster.conversion = png_conversion(bytes, raster.colors, raster.bits, name, raster.notes);
    if (find_chunk(bytes, "acTL")) {
        raster.notes.push_back(first_picture_note(name, "frames"));
    }
    return raster;
}

std::vector<std::byte> encode_png(const Raster& raster, const Text& text) {
    std::vector<png_text> chunks;
    for (const auto& [key, value] : text) {
        chunks.push_back(text_chunk(key, value));
    }
    return PngWriter().write(raster, chunks);
}

}  // namespace reverie::image
