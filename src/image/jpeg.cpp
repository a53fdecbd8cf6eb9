// JPEG through libjpeg-turbo. The library repairs damage with a warning and grey pixels; here such a warning is an
// error, unless every row is there all the same: then it is a note.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

// After <cstdio>, which libjpeg's header needs and does not include.
#include <jerror.h>
#include <jpeglib.h>

#include "image/byte_reader.h"
#include "image/c_faults.h"
#include "image/codecs.h"
#include "image/color_codes.h"
#include "image/color_profile.h"
#include "image/comment.h"
#include "image/exif.h"
#include "image/srgb_profile.h"

namespace reverie::image {
namespace {

struct Faults : CFaults {
    static_assert(JMSG_LENGTH_MAX <= std::tuple_size_v<decltype(message)>);
    jpeg_error_mgr manager;
    bool in_pixels = false;    ///< the header is read
    bool no_end = false;       ///< the bytes ended before the end marker
    bool stray_bytes = false;  ///< between the file's parts
};

/// Whether the fault means a kind of JPEG that this library was not made for; then the message says which.
bool name_kind(const jpeg_error_mgr& error, CFaults& faults) {
    const int number = error.msg_parm.i[0];
    const auto say = [&](const char* kind) {
        std::snprintf(faults.message.data(), faults.message.size(), kind, number);
        return true;
    };
    switch (error.msg_code) {
        case JERR_BAD_PRECISION:
            return number > 8 && number <= 16 && say("a JPEG with %d bits per sample");
        case JERR_SOF_UNSUPPORTED:
            return say(number == 0xc3 || number == 0xcb ? "a lossless JPEG" : "a hierarchical JPEG");
        case JERR_UNKNOWN_MARKER:
            return number == 0xf7 && say("a JPEG-LS picture");
        case JERR_ARITH_NOTIMPL:
            return say("a JPEG with arithmetic coding");
        case JERR_CCIR601_NOTIMPL:
        case JERR_CONVERSION_NOTIMPL:
        case JERR_FRACT_SAMPLE_NOTIMPL:
        case JERR_NOTIMPL:
        case JERR_NOT_COMPILED:
            return say("a JPEG of an unusual kind");
        default:
            return false;
    }
}

[[noreturn]] void stop(j_common_ptr info) {
    auto* faults = static_cast<Faults*>(info->client_data);
    const int code = info->err->msg_code;
    faults->truncated = faults->no_end || code == JWRN_JPEG_EOF || code == JERR_INPUT_EOF || code == JERR_INPUT_EMPTY;
    faults->unsupported = name_kind(*info->err, *faults);
    if (!faults->unsupported) {
        info->err->format_message(info, faults->message.data());
    }
    std::longjmp(faults->jump, 1);
}

void stop_on_damage(j_common_ptr info, int level) {
    if (level >= 0) {
        return;
    }
    auto* faults = static_cast<Faults*>(info->client_data);
    switch (info->err->msg_code) {
        case JWRN_ADOBE_XFORM:  // oddities of writers
        case JWRN_JFIF_MAJOR:
        case JWRN_NOT_SEQUENTIAL:
        case JWRN_BOGUS_ICC:
            return;
        case JWRN_EXTRANEOUS_DATA:
            faults->stray_bytes = true;
            return;
        case JWRN_JPEG_EOF:
            // The end marker is put in; when bits of the pixels are missing as well, JWRN_HIT_MARKER follows.
            if (faults->in_pixels) {
                faults->no_end = true;
                return;
            }
            stop(info);
        default:
            stop(info);
    }
}

/// A progressive file may repeat its scans without end, each as slow as a whole picture.
void limit_scans(j_common_ptr info) {
    constexpr int kMostScans = 500;
    if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans) {
        info->err->msg_code = JERR_BAD_PROGRESSION;
        stop(info);
    }
}

class JpegReader {
  public:
    JpegReader(Bytes bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {
        info_.err = jpeg_std_error(&faults_.manager);
        faults_.manager.error_exit = stop;
        faults_.manager.emit_message = stop_on_damage;
        progress_.progress_monitor = limit_scans;
        info_.client_data = &faults_;
        guarded(faults_, name_, [this] { jpeg_create_decompress(&info_); });
    }
    ~JpegReader() { jpeg_destroy_decompress(&info_); }
    JpegReader(const JpegReader&) = delete;
    JpegReader& operator=(const JpegReader&) = delete;

    Header read_header() {
        guarded(faults_, name_, [this] {
            jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
            for (const int marker : {JPEG_COM, JPEG_APP0 + 1, JPEG_APP0 + 2}) {
                jpeg_save_markers(&info_, marker, 0xffff);
            }
            jpeg_read_header(&info_, TRUE);
        });
        return {{info_.image_height, info_.image_width}, orientation()};
    }

    Raster read_pixels(unsigned reduction) {
        const bool grey = info_.num_components == 1;
        const bool cmyk = info_.num_components == 4;
        if (!grey && !cmyk && info_.num_components != 3) {
            throw_unsupported(name_, std::to_string(info_.num_components) + " channels in a JPEG");
        }
        info_.out_color_space = grey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
        info_.progress = &progress_;
        info_.scale_denom = reduction;
        guarded(faults_, name_, [this] { jpeg_calc_output_dimensions(&info_); });
        const int colors = grey ? 1 : cmyk ? 4 : 3;
        Raster raster({info_.output_height, info_.output_width}, 8, colors, colors);
        read_comment(raster);
        read_colors(raster);
        guarded(faults_, name_, [&] {
            faults_.in_pixels = true;
            jpeg_start_decompress(&info_);
            while (info_.output_scanline < info_.output_height) {
                auto* row = reinterpret_cast<JSAMPLE*>(raster.row(info_.output_scanline));
                jpeg_read_scanlines(&info_, &row, 1);
                if (cmyk) {
                    to_inks(row, raster.row_bytes());
                }
            }
        });
        check_scans();
        const bool sound = completes(faults_, [this] { jpeg_finish_decompress(&info_); });
        note_oddities(sound, raster.notes);
        return raster;
    }

  private:
    /// EXIF's, or else XMP's.
    int orientation() const {
        constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
        std::optional<int> exif;
        std::optional<int> xmp;
        for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
            const Bytes block = std::as_bytes(std::span(marker->data, marker->data_length));
            if (marker->marker != JPEG_APP0 + 1) {
                continue;
            }
            if (!exif && starts_with(block, "Exif")) {
                exif = parse_exif(block).orientation;
            } else if (!xmp && starts_with(block, kXmp)) {
                xmp = xmp_orientation(block.subspan(kXmp.size()));
            }
        }
        return exif.value_or(xmp.value_or(1));
    }

    /// Of a file in several scans a whole one may be missing, which the library fills with grey or leaves coarse
    /// without a word.
    void check_scans() {
        bool whole = !(faults_.no_end && info_.arith_code);  // this decoder makes up the bits it lacks
        const bool several = jpeg_has_multiple_scans(&info_) != 0;
        for (int i = 0; i < info_.num_components; ++i) {
            whole = whole && (info_.comp_info[i].quant_table != nullptr || !several);
            if (faults_.no_end && info_.coef_bits != nullptr) {  // progressive: what is known of each coefficient
                const auto* known = info_.coef_bits[i];
                whole = whole && std::all_of(known, known + DCTSIZE2, [](int missing) { return missing == 0; });
            }
        }
        if (!whole && faults_.no_end) {
            throw_truncated(name_);
        }
        if (!whole) {
            throw_damaged(name_, "one of its colours is missing");
        }
    }

    void note_oddities(bool sound, std::vector<std::string>& notes) const {
        if (faults_.no_end) {
            notes.push_back("'" + name_ + "' lacks its end marker; every row is there and used");
        }
        if (faults_.stray_bytes || !sound) {
            notes.push_back("'" + name_ + "' holds " +
                            (sound ? "stray bytes between its parts" : "unreadable data behind its last row") +
                            ", passed over; every row is there and used");
        }
    }

    void read_comment(Raster& raster) {
        std::string comment;
        for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
            if (marker->marker == JPEG_COM) {
                comment.append(reinterpret_cast<const char*>(marker->data), marker->data_length);
            }
        }
        raster.text = from_comment(std::move(comment));
    }

    void read_colors(Raster& raster) {
        JOCTET* profile = nullptr;
        unsigned length = 0;
        guarded(faults_, name_, [&] { jpeg_read_icc_profile(&info_, &profile, &length); });
        const std::unique_ptr<JOCTET, decltype(&std::free)> owner(profile, &std::free);
        raster.conversion =
            profile_conversion(std::as_bytes(std::span(profile, length)), raster.colors, name_, raster.notes);
        if (raster.colors == 4 && raster.conversion == nullptr) {
            raster.conversion = plain_inks();
            raster.notes.push_back(plain_inks_note(name_));
        } else if (raster.colors == 3 && profile == nullptr && says_adobe_rgb()) {
            raster.conversion = adobe_rgb_conversion();
            raster.notes.push_back("'" + name_ +
                                   "' has no colour profile and is Adobe RGB by its EXIF block: read as that");
        }
    }

    bool says_adobe_rgb() const {
        for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
            const Bytes block = std::as_bytes(std::span(marker->data, marker->data_length));
            if (marker->marker == JPEG_APP0 + 1 && starts_with(block, "Exif")) {
                return means_adobe_rgb(block);
            }
        }
        return false;
    }

    /// Four-channel files store the paper that shows, not the ink: so Adobe's programs began it, and all readers now
    /// take even unmarked files that way.
    static void to_inks(JSAMPLE* row, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            row[i] = static_cast<JSAMPLE>(255 - row[i]);
        }
    }

    Bytes bytes_;
    std::string name_;
    Faults faults_ = {};
    jpeg_progress_mgr progress_ = {};
    jpeg_decompress_struct info_ = {};
};

/// libjpeg's compressor with its output buffer.
struct JpegWriter {
    JpegWriter() {
        info.err = jpeg_std_error(&faults.manager);
        faults.manager.error_exit = stop;
        faults.manager.emit_message = stop_on_damage;
        info.client_data = &faults;
    }
    ~JpegWriter() {
        jpeg_destroy_compress(&info);
        std::free(buffer);
    }
    JpegWriter(const JpegWriter&) = delete;
    JpegWriter& operator=(const JpegWriter&) = delete;

    Faults faults = {};
    jpeg_compress_struct info = {};
    unsigned char* buffer = nullptr;
    unsigned long size = 0;  // NOLINT(google-runtime-int): libjpeg's type
};

}  // namespace

Header jpeg_header(Bytes bytes, const std::string& name) { return JpegReader(bytes, name).read_header(); }

Raster decode_jpeg(Bytes bytes, const Header&, const std::string& name) { return decode_jpeg_reduced(bytes, name, 1); }

Raster decode_jpeg_reduced(Bytes bytes, const std::string& name, int reduction) {
    JpegReader reader(bytes, name);
    reader.read_header();
    return reader.read_pixels(static_cast<unsigned>(reduction));
}

std::vector<std::byte> encode_jpeg(const Raster& raster, const Text& text, int quality) {
    static_assert(kLongestJpegSide == JPEG_MAX_DIMENSION);
    const std::string comment = to_comment(text);
    const Bytes profile = srgb_profile();
    JpegWriter writer;
    const bool done = completes(writer.faults, [&] {
        jpeg_compress_struct& info = writer.info;
        jpeg_create_compress(&info);
        jpeg_mem_dest(&info, &writer.buffer, &writer.size);
        info.image_width = static_cast<JDIMENSION>(raster.size.width);
        info.image_height = static_cast<JDIMENSION>(raster.size.height);
        info.input_components = 3;
        info.in_color_space = JCS_RGB;
        jpeg_set_defaults(&info);
        jpeg_set_quality(&info, quality, TRUE);
        for (int i = 0; i < info.num_components; ++i) {  // 4:4:4
            info.comp_info[i].h_samp_factor = 1;
            info.comp_info[i].v_samp_factor = 1;
        }
        jpeg_start_compress(&info, TRUE);
        jpeg_write_icc_profile(&info, reinterpret_cast<const JOCTET*>(profile.data()),
                               static_cast<unsigned>(profile.size()));
        constexpr std::size_t kMarkerBytes = 65533;  // a longer text goes on in the next marker
        for (std::size_t at = 0; at < comment.size(); at += kMarkerBytes) {
            jpeg_write_marker(&info, JPEG_COM, reinterpret_cast<const JOCTET*>(comment.data() + at),
                              static_cast<unsigned>(std::min(kMarkerBytes, comment.size() - at)));
        }
        while (info.next_scanline < info.image_height) {
            // libjpeg only reads the row, but its type does not say so.
            auto* row = reinterpret_cast<JSAMPLE*>(const_cast<std::byte*>(raster.row(info.next_scanline)));
            jpeg_write_scanlines(&info, &row, 1);
        }
        jpeg_finish_compress(&info);
    });
    if (!done) {
        throw_unwritable("JPEG", writer.faults.message.data());
    }
    const auto bytes = std::as_bytes(std::span(writer.buffer, writer.size));
    return {bytes.begin(), bytes.end()};
}

}  // namespace reverie::image
