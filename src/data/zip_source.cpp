// Images inside a .zip, by libzip: whatever its methods, 64-bit sizes, names of any age. Each is unpacked when it is
// read.
#include <sys/stat.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string_view>

#include "data/pixels.h"
#include "data/random_file.h"
#include "data/source.h"
#include "image/decode.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

struct CloseZip {
    void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct CloseMember {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
};

class ZipSource : public FileSource {
  public:
    explicit ZipSource(const std::filesystem::path& path) : file_(path) {
        int code = 0;
        zip_.reset(zip_open(path.c_str(), ZIP_RDONLY, &code));
        if (zip_ == nullptr) {
            zip_error_t error = {};
            zip_error_init_with_code(&error, code);
            const std::string said = zip_error_strerror(&error);
            zip_error_fini(&error);
            throw Error(ErrorKind::Input, "'" + path.string() + "' is a damaged or cut zip (" + said +
                                              "); get an intact copy of it, or unpack what it still holds");
        }
        list();
        std::move(members_).move_to(names_, bytes_, entries_);
        times_.assign(bytes_.size(), file_.time());
        find_class_start();
        if (count() == 0) {
            throw_no_image(path, left_out_);
        }
    }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        return decode_pixels(read(index, options), name(index), options);
    }

  private:
    void list() {
        const zip_int64_t count = zip_get_num_entries(zip_.get(), 0);
        for (zip_int64_t i = 0; i < count; ++i) {
            const auto entry = static_cast<zip_uint64_t>(i);
            zip_stat_t about = {};
            const char* stored_name = zip_get_name(zip_.get(), entry, ZIP_FL_ENC_GUESS);
            if (stored_name == nullptr || zip_stat_index(zip_.get(), entry, 0, &about) != 0) {
                left_out_.add_fault(
                    "#" + std::to_string(i),
                    "member " + std::to_string(i) + " has no name that can be read; pack the archive anew");
                continue;
            }
            std::string whole = stored_name;
            if (whole.find('/') == std::string::npos) {  // some programs of Windows
                std::replace(whole.begin(), whole.end(), '\\', '/');
            }
            const std::string_view name = member_name(whole);
            if (name.empty() || name.ends_with('/') || !left_out_.is_picture(name)) {
                continue;
            }
            if (const std::string fault = fault_of(entry, about); !fault.empty()) {
                left_out_.add_fault(std::string(name), "'" + std::string(name) + "' " + fault);
            } else {
                members_.add(name, static_cast<std::int64_t>(about.size), i);
            }
        }
    }

    std::string fault_of(zip_uint64_t entry, const zip_stat_t& about) const {
        constexpr zip_uint64_t kWanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
        // Deflate does not shrink to less than a 1032th; other methods do, and what they unpack to is held to a limit.
        constexpr zip_uint64_t kMostTimes = 1032;
        if ((about.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && about.encryption_method != ZIP_EM_NONE) {
            return "is encrypted, which Reverie does not read; pack it without a password";
        }
        if ((about.valid & kWanted) != kWanted || about.size > std::uint64_t{1} << 60 ||
            ((about.comp_method == ZIP_CM_STORE || about.comp_method == ZIP_CM_DEFLATE) &&
             about.size / kMostTimes > about.comp_size)) {
            return "has a size that cannot be true; get an intact copy of the archive";
        }
        if (zip_compression_method_supported(about.comp_method, 0) == 0) {
            return "is compressed by method " + std::to_string(about.comp_method) +
                   ", which Reverie does not read; pack it with the usual one (deflate)";
        }
        zip_uint8_t system = 0;
        zip_uint32_t attributes = 0;
        if (zip_file_get_external_attributes(zip_.get(), entry, 0, &system, &attributes) == 0 &&
            system == ZIP_OPSYS_UNIX && S_ISLNK(attributes >> 16U)) {
            return "is a symbolic link, which is not followed within a zip; pack the image itself";
        }
        return "";
    }

    std::vector<std::byte> read(std::int64_t index, const LoadOptions& options) const {
        const auto fail = [&](const std::string& what) {
            throw Error(ErrorKind::Input, "'" + name(index) + "' " + what);
        };
        const std::lock_guard lock(mutex_);  // the archive has one place to read at
        const std::unique_ptr<zip_file_t, CloseMember> member(
            zip_fopen_index(zip_.get(), static_cast<zip_uint64_t>(entries_[static_cast<std::size_t>(index)]), 0));
        const auto said = [&] {
            return std::string(member != nullptr ? zip_file_strerror(member.get()) : zip_strerror(zip_.get()));
        };
        if (member == nullptr) {
            fail("cannot be unpacked (" + said() + "); get an intact copy of the archive");
        }
        const auto size = static_cast<std::size_t>(stored_bytes(index));
        std::vector<std::byte> bytes(std::min<std::size_t>(size, 512));
        std::size_t done = 0;
        for (;;) {
            const zip_int64_t count = zip_fread(member.get(), bytes.data() + done, bytes.size() - done);
            if (count < 0) {
                fail("is damaged (" + said() + "); get an intact copy of the archive");
            }
            done += static_cast<std::size_t>(count);
            if (count == 0 || done == size) {
                break;
            }
            if (done == bytes.size()) {
                // What begins as a picture is worth memory, though no more than a picture can need.
                if (!image::is_picture(bytes)) {
                    return bytes;  // whose decoder says what it is
                }
                if (stored_bytes(index) > largest_file(options.max_pixels)) {
                    fail("has " + std::to_string(size) +
                         " bytes, more than a picture within {--max-pixels} can need; "
                         "leave it out, or raise {--max-pixels} if it can be trusted");
                }
                bytes.resize(size);
            }
        }
        std::byte behind{};
        if (done < size || zip_fread(member.get(), &behind, 1) != 0) {  // at the end the checksum is compared
            fail("is damaged (" + (done < size ? "it ends early" : said()) + "); get an intact copy of the archive");
        }
        return bytes;
    }

    RandomFile file_;  ///< for its time, and so that it cannot vanish
    std::unique_ptr<zip_t, CloseZip> zip_;
    mutable std::mutex mutex_;
    Members members_;
    std::vector<std::int64_t> entries_;
};

}  // namespace

std::unique_ptr<Source> open_zip(const std::filesystem::path& file) { return std::make_unique<ZipSource>(file); }

}  // namespace reverie::data
