// Images inside a .tar: ustar, GNU long names, and the path and size records of pax. The archive stays where it is; its
// images are read from their places.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include "data/pixels.h"
#include "data/random_file.h"
#include "data/source.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

constexpr std::int64_t kBlock = 512;

struct Header {
    std::array<char, kBlock> bytes;

    std::string_view field(std::size_t offset, std::size_t length) const {
        return {bytes.data() + offset, strnlen(bytes.data() + offset, length)};
    }
    char kind() const { return bytes[156]; }

    /// Octal text or, where that is too short for the number, its bytes after a set first bit; -1: neither.
    std::int64_t number(std::size_t offset, std::size_t length) const {
        std::int64_t value = 0;
        if ((bytes[offset] & 0x80) != 0) {
            for (std::size_t i = 1; i < length; ++i) {
                if (value >> 54 != 0) {
                    return -1;
                }
                value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
            }
            return value;
        }
        for (const char c : field(offset, length)) {
            if (c >= '0' && c <= '7') {
                value = value << 3 | (c - '0');
            } else if (c != ' ') {
                return -1;
            }
        }
        return value;
    }

    bool is_empty() const {
        return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
    }

    /// The sum of all bytes, the sum's own place counted as blanks.
    bool is_intact() const {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
        }
        return number(148, 8) == sum;
    }

    std::string name() const {
        const std::string_view prefix = field(257, 5) == "ustar" && bytes[262] == 0 ? field(345, 155) : "";
        return (prefix.empty() ? "" : std::string(prefix) + "/") + std::string(field(0, 100));
    }
};

/// "27 path=folder/name.jpg\n": length, key, value. What does not parse ends the records.
std::map<std::string, std::string> pax_records(std::string_view text) {
    std::map<std::string, std::string> records;
    for (;;) {
        const std::size_t space = text.find(' ');
        std::size_t length = 0;
        for (const char c : text.substr(0, std::min(space, text.size()))) {
            length = c >= '0' && c <= '9' && length < text.size() ? 10 * length + static_cast<std::size_t>(c - '0')
                                                                  : text.size() + 1;
        }
        if (space == std::string_view::npos || length > text.size() || length < space + 2) {
            return records;
        }
        const std::string_view record = text.substr(space + 1, length - space - 2);
        if (const std::size_t equals = record.find('='); equals != std::string_view::npos) {
            records[std::string(record.substr(0, equals))] = record.substr(equals + 1);
        }
        text.remove_prefix(length);
    }
}

class TarSource : public FileSource {
  public:
    explicit TarSource(const std::filesystem::path& path) : file_(path) {
        list();
        keep_last_of_each();
        find_class_start();
        if (count() == 0) {
            throw Error(
                ErrorKind::Input,
                "'" + path.string() + "' holds no image; files named .jpg, .png, .tif, .webp or .bmp were wanted");
        }
    }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        std::vector<std::byte> bytes(static_cast<std::size_t>(stored_bytes(index)));
        file_.read(offsets_[static_cast<std::size_t>(index)], bytes);
        return decode_pixels(bytes, name(index), options);
    }

  private:
    [[noreturn]] void damaged(const std::string& how) const {
        throw Error(ErrorKind::Input, "'" + file_.path().string() + "' " + how +
                                          "; get an intact copy of it, or unpack what it still holds");
    }

    std::string text(std::int64_t offset, std::int64_t size) const {
        constexpr std::int64_t kLongest = 1 << 20;
        if (size > kLongest) {
            damaged("is a damaged tar: the name at byte " + std::to_string(offset) + " has no end");
        }
        std::string bytes(static_cast<std::size_t>(size), '\0');
        file_.read(offset, std::as_writable_bytes(std::span(bytes)));
        return bytes;
    }

    void list() {
        Header header = {};
        std::string long_name;
        std::map<std::string, std::string> pax;
        for (std::int64_t at = 0; at + kBlock <= file_.size();) {
            file_.read(at, std::as_writable_bytes(std::span(header.bytes)));
            if (header.is_empty()) {
                return;
            }
            std::int64_t size = header.number(124, 12);
            if (!header.is_intact() || size < 0) {
                damaged("is a damaged tar: no valid header at byte " + std::to_string(at));
            }
            const char kind = header.kind();
            const bool is_extra = kind == 'L' || kind == 'K' || kind == 'x' || kind == 'g';
            if (const auto record = pax.find("size"); record != pax.end() && !is_extra) {
                size = std::strtoll(record->second.c_str(), nullptr, 10);
            }
            const std::int64_t start = at + kBlock;
            if (size < 0 || size > file_.size() - start) {
                damaged("is truncated: it ends within '" + header.name() + "'");
            }
            at = start + (size + kBlock - 1) / kBlock * kBlock;
            if (kind == 'L') {
                long_name = text(start, size).c_str();  // up to its zero
            } else if (kind == 'x') {
                pax = pax_records(text(start, size));
            } else if (!is_extra) {
                const auto path = pax.find("path");
                if (kind == '0' || kind == '\0' || kind == '7') {
                    add(path != pax.end() ? path->second : !long_name.empty() ? long_name : header.name(), start, size);
                }
                long_name.clear();
                pax.clear();
            }
        }
        if (file_.size() % kBlock != 0) {
            damaged("is truncated: it ends within a header");
        }
    }

    void add(std::string_view name, std::int64_t offset, std::int64_t size) {
        while (name.starts_with("./")) {
            name.remove_prefix(2);
        }
        const std::string_view file = name.substr(name.rfind('/') + 1);  // the whole name when there is no '/'
        if (file.starts_with('.') || !has_picture_extension(std::filesystem::path(file))) {
            return;
        }
        names_.add(name);
        offsets_.push_back(offset);
        bytes_.push_back(size);
    }

    /// By name; of equal names the last one counts, as it would after unpacking.
    void keep_last_of_each() {
        const std::vector<std::int64_t> order = names_.sort();
        Names names;
        std::vector<std::int64_t> offsets;
        std::vector<std::int64_t> sizes;
        for (std::int64_t i = 0; i < names_.count(); ++i) {
            if (i + 1 < names_.count() && names_[i] == names_[i + 1]) {
                continue;
            }
            const auto place = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
            names.add(names_[i]);
            offsets.push_back(offsets_[place]);
            sizes.push_back(bytes_[place]);
        }
        names_ = std::move(names);
        offsets_ = std::move(offsets);
        bytes_ = std::move(sizes);
        times_.assign(bytes_.size(), file_.time());
    }

    /// A folder of classes is often packed with its own name in front.
    void find_class_start() {
        if (count() == 0) {
            return;
        }
        const std::size_t top = names_[0].find('/') + 1;
        bool more_below = top > 0;
        for (std::int64_t i = 0; i < count() && more_below; ++i) {
            more_below =
                names_[i].starts_with(names_[0].substr(0, top)) && names_[i].find('/', top) != std::string_view::npos;
        }
        class_start_ = more_below ? top : 0;
    }

    RandomFile file_;
    std::vector<std::int64_t> offsets_;
};

}  // namespace

std::unique_ptr<Source> open_tar(const std::filesystem::path& file) { return std::make_unique<TarSource>(file); }

}  // namespace reverie::data
