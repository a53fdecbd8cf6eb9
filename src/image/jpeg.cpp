// JPEG through libjpeg-turbo. The library repairs damage with a warning and grey pixels; here such a warning is an
// error.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

// After <cstdio>, which libjpeg's header needs and does not include.
#include <jerror.h>
#include <jpeglib.h>

#include "image/byte_reader.h"
#include "image/c_faults.h"
#include "image/codecs.h"
#include "image/comment.h"
#include "image/exif.h"
#include "image/icc.h"

namespace reverie::image {
namespace {

struct Faults : CFaults {
    static_assert(JMSG_LENGTH_MAX <= std::tuple_size_v<decltype(message)>);
    jpeg_error_mgr manager;
};

[[noreturn]] void stop(j_common_ptr info) {
    auto* faults = static_cast<Faults*>(info->client_data);
    const int code = info->err->msg_code;
    faults->truncated = code == JWRN_JPEG_EOF || code == JERR_INPUT_EOF || code == JERR_INPUT_EMPTY;
    info->err->format_message(info, faults->message.data());
    std::longjmp(faults->jump, 1);
}

void stop_on_damage(j_common_ptr info, int level) {
    const int code = info->err->msg_code;
    // Oddities of writers, not damage.
    const bool harmless =
        code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_NOT_SEQUENTIAL || code == JWRN_BOGUS_ICC;
    if (level < 0 && !harmless) {
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
        Header header = {{info_.image_height, info_.image_width}};
        for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
            const Bytes block = std::as_bytes(std::span(marker->data, marker->data_length));
            if (marker->marker == JPEG_APP0 + 1 && starts_with(block, "Exif")) {
                header.orientation = parse_exif(block).orientation;
                break;
            }
        }
        return header;
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
        Raster raster({info_.output_height, info_.output_width}, 8, grey ? 1 : 3, grey ? 1 : 3);
        read_marked_text(raster);
        if (cmyk) {
            raster.notes.push_back("'" + name_ +
                                   "' is a CMYK picture, converted without a profile; its colours are approximate");
        }
        std::vector<JSAMPLE> inks(cmyk ? info_.output_width * std::size_t{4} : 0);
        guarded(faults_, name_, [&] {
            jpeg_start_decompress(&info_);
            while (info_.output_scanline < info_.output_height) {
                auto* row = reinterpret_cast<JSAMPLE*>(raster.row(info_.output_scanline));
                JSAMPROW target = cmyk ? inks.data() : row;
                jpeg_read_scanlines(&info_, &target, 1);
                if (cmyk) {
                    paint(inks, row);
                }
            }
            jpeg_finish_decompress(&info_);
        });
        return raster;
    }

  private:
    void read_marked_text(Raster& raster) {
        std::string comment;
        for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
            if (marker->marker == JPEG_COM) {
                comment.append(reinterpret_cast<const char*>(marker->data), marker->data_length);
            }
        }
        raster.text = from_comment(std::move(comment));
        JOCTET* profile = nullptr;
        unsigned length = 0;
        guarded(faults_, name_, [&] { jpeg_read_icc_profile(&info_, &profile, &length); });
        const std::unique_ptr<JOCTET, decltype(&std::free)> owner(profile, &std::free);
        note_profile(std::as_bytes(std::span(profile, length)), name_, raster.notes);
    }

    /// The light that the inks and black leave. Four-channel files store the paper that shows, not the ink: so Adobe's
    /// programs began it, and all readers now take even unmarked files that way.
    static void paint(const std::vector<JSAMPLE>& paper, JSAMPLE* row) {
        for (std::size_t x = 0; x < paper.size() / 4; ++x) {
            const int key = paper[4 * x + 3];
            for (std::size_t channel = 0; channel < 3; ++channel) {
                row[3 * x + channel] = static_cast<JSAMPLE>((paper[4 * x + channel] * key + 127) / 255);
            }
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
