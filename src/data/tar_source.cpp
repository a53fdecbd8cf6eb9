// Images inside a .tar: ustar, GNU long names, the path, size and link records of pax, hard links, and sparse members
// of every GNU format. The archive stays where it is; its images are read from their places.
#include <cstdlib>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "data/pixels.h"
#include "data/random_file.h"
#include "data/source.h"
#include "data/tar_header.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

class TarSource : public FileSource {
  public:
    explicit TarSource(std::shared_ptr<RandomFile> file) : file_(std::move(file)) {
        list();
        resolve_links();
        std::move(members_).move_to(names_, bytes_, offsets_);
        times_.assign(bytes_.size(), file_->time());
        find_class_start();
        if (count() == 0) {
            throw_no_image(file_->path(), left_out_);
        }
    }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        const std::int64_t offset = offsets_[static_cast<std::size_t>(index)];
        const std::int64_t size = stored_bytes(index);
        if (offset < 0 && size > largest_file(options.max_pixels)) {  // zeros that no file's length speaks for
            throw Error(ErrorKind::Input, "'" + name(index) + "' would have " + std::to_string(size) +
                                              " bytes, most of them zeros; leave it out or unpack it yourself");
        }
        std::vector<std::byte> bytes(static_cast<std::size_t>(size));
        if (offset >= 0) {
            file_->read(offset, bytes);
        } else {
            const SparseMap& map = sparse_[static_cast<std::size_t>(-1 - offset)];
            std::int64_t at = map.stored;
            for (const SparseMap::Part& part : map.parts) {
                file_->read(at, std::span(bytes).subspan(static_cast<std::size_t>(part.offset),
                                                         static_cast<std::size_t>(part.bytes)));
                at += part.bytes;
            }
        }
        return decode_pixels(bytes, name(index), options);
    }

  private:
    /// A member as its headers describe it.
    struct Member {
        std::string name;
        std::string target;
        std::int64_t start = 0;
        std::int64_t size = 0;
        char kind = '0';
    };

    struct Link {
        std::string name;
        std::string target;
        std::int64_t earlier = 0;  ///< how many members stood before it
    };

    [[noreturn]] void damaged(const std::string& how) const {
        throw Error(ErrorKind::Input, "'" + file_->path().string() + "' " + how +
                                          "; get an intact copy of it, or unpack what it still holds");
    }

    std::string text(std::int64_t offset, std::int64_t size) const {
        constexpr std::int64_t kLongest = 1 << 20;
        if (size > kLongest) {
            damaged("is a damaged tar: the name at byte " + std::to_string(offset) + " has no end");
        }
        std::string bytes(static_cast<std::size_t>(size), '\0');
        file_->read(offset, std::as_writable_bytes(std::span(bytes)));
        return bytes;
    }

    ReadBlock block_reader() const {
        return [this](std::int64_t offset, std::span<std::byte> bytes) { file_->read(offset, bytes); };
    }

    /// Whether what lies there can be the next header: then a link has no bytes of its own, whatever its size says.
    bool is_header(std::int64_t at) const {
        TarHeader header = {};
        if (at + kTarBlock > file_->size()) {
            return true;
        }
        file_->read(at, std::as_writable_bytes(std::span(header.bytes)));
        return header.is_empty() || header.is_intact();
    }

    void list() {
        TarHeader header = {};
        std::string long_name;
        std::string long_target;
        std::map<std::string, std::string> pax;
        for (std::int64_t at = 0; at + kTarBlock <= file_->size();) {
            file_->read(at, std::as_writable_bytes(std::span(header.bytes)));
            if (header.is_empty()) {
                return;
            }
            std::int64_t size = header.size();
            if (!header.is_intact() || size < 0) {
                damaged("is a damaged tar: no valid header at byte " + std::to_string(at));
            }
            const char kind = header.kind();
            const bool is_extra = kind == 'L' || kind == 'K' || kind == 'x' || kind == 'g';
            if (const auto record = pax.find("size"); record != pax.end() && !is_extra) {
                size = std::strtoll(record->second.c_str(), nullptr, 10);
            }
            SparseMap map;
            std::int64_t start = at + kTarBlock;
            if (kind == 'S') {
                map = old_sparse_map(header, at, block_reader(), file_->size());
                start = map.stored;
            } else if ((kind == '1' || kind == '2') && size > 0 && is_header(start)) {
                size = 0;
            }
            if (size < 0 || size > file_->size() - start) {
                damaged("is truncated: it ends within '" + header.name() + "'");
            }
            at = start + (size + kTarBlock - 1) / kTarBlock * kTarBlock;
            if (kind == 'L') {
                long_name = text(start, size).c_str();  // up to its zero
            } else if (kind == 'K') {
                long_target = text(start, size).c_str();
            } else if (kind == 'x') {
                pax = pax_records(text(start, size));
            } else if (!is_extra) {
                const auto said = [&](const char* key, const std::string& otherwise) {
                    const auto record = pax.find(key);
                    return record != pax.end() ? record->second : otherwise;
                };
                Member member{.name = said("path", !long_name.empty() ? long_name : header.name()),
                              .target = said("linkpath", !long_target.empty() ? long_target : header.target()),
                              .start = start,
                              .size = size,
                              .kind = kind};
                if (kind == 'S') {
                    add_sparse(member, std::move(map));
                } else if (pax.contains("GNU.sparse.map") || pax.contains("GNU.sparse.major")) {
                    member.name = said("GNU.sparse.name", member.name);
                    add_sparse(member, pax_sparse_map(pax, start, size, block_reader()));
                } else {
                    add(member);
                }
                long_name.clear();
                long_target.clear();
                pax.clear();
            }
        }
        if (file_->size() % kTarBlock != 0) {
            damaged("is truncated: it ends within a header");
        }
    }

    void add(const Member& member) {
        const std::string_view name = member_name(member.name);
        switch (member.kind) {
            case '3':  // devices, folders, pipes, GNU's lists of a folder and names of an archive
            case '4':
            case '5':
            case '6':
            case 'D':
            case 'V':
                return;
            case '1':
                if (member.size == 0) {
                    links_.push_back({std::string(name), std::string(member_name(member.target)), members_.count()});
                    return;
                }
                break;
            case '2':
                if (left_out_.is_picture(name)) {
                    left_out_.add_fault(std::string(name), quoted(name) + " is a symbolic link to '" + member.target +
                                                               "', and only hard links are followed within a tar; "
                                                               "pack the images with tar --dereference");
                }
                return;
            case 'M':
                if (left_out_.is_picture(name)) {
                    left_out_.add_fault(std::string(name),
                                        quoted(name) + " began in another volume of this archive; unpack all volumes");
                }
                return;
            case '0':
            case '\0':
            case '7':
                break;
            default:
                if (left_out_.is_picture(name)) {
                    left_out_.add_fault(std::string(name), quoted(name) + " is a member of kind '" +
                                                               printable(member.kind) +
                                                               "', which Reverie does not read; unpack it yourself");
                }
                return;
        }
        if (name.ends_with('/')) {  // a folder, as the oldest programs wrote them
            return;
        }
        if (name_kind(name) == NameKind::Picture) {
            members_.add(name, member.size, member.start);
        } else {
            left_out_.is_picture(name);
            others_.insert_or_assign(std::string(name), std::pair(member.start, member.size));
        }
    }

    void add_sparse(const Member& member, SparseMap map) {
        const std::string_view name = member_name(member.name);
        if (!left_out_.is_picture(name)) {
            return;
        }
        if (!map.is_valid(member.size - (map.stored - member.start))) {
            left_out_.add_fault(std::string(name),
                                quoted(name) +
                                    " is a sparse member whose map is damaged; get an intact copy of the "
                                    "archive");
            return;
        }
        sparse_.push_back(std::move(map));
        members_.add(name, sparse_.back().size, -static_cast<std::int64_t>(sparse_.size()));
    }

    /// A hard link is another name of a member before it, which need not be named as a picture itself.
    void resolve_links() {
        if (links_.empty()) {
            return;
        }
        std::unordered_map<std::string, std::pair<std::int64_t, std::int64_t>> places = std::move(others_);
        std::int64_t seen = 0;
        const auto see = [&](std::int64_t end) {
            for (; seen < end; ++seen) {
                places.insert_or_assign(std::string(members_.name(seen)),
                                        std::pair(members_.place(seen), members_.bytes(seen)));
            }
        };
        Members linked;
        for (const Link& link : links_) {
            see(link.earlier);
            const auto target = places.find(link.target);
            if (target != places.end()) {
                const auto [place, bytes] = target->second;
                places.insert_or_assign(link.name, std::pair(place, bytes));
                if (left_out_.is_picture(link.name)) {
                    linked.add(link.name, bytes, place);
                }
            } else if (left_out_.is_picture(link.name)) {
                left_out_.add_fault(link.name, quoted(link.name) + " is a hard link to '" + link.target +
                                                   "', which is not before it in the archive; pack both together");
            }
        }
        for (std::int64_t i = 0; i < linked.count(); ++i) {
            members_.add(linked.name(i), linked.bytes(i), linked.place(i));
        }
        links_.clear();
    }

    static std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }
    static std::string printable(char kind) { return kind >= ' ' && kind < 127 ? std::string(1, kind) : "?"; }

    std::shared_ptr<RandomFile> file_;
    Members members_;
    std::vector<std::int64_t> offsets_;  ///< -1 - i: sparse_[i]
    std::vector<SparseMap> sparse_;
    std::vector<Link> links_;
    /// What is not named as a picture, for links that are: where, and how long.
    std::unordered_map<std::string, std::pair<std::int64_t, std::int64_t>> others_;
};

}  // namespace

std::unique_ptr<Source> open_tar(std::shared_ptr<RandomFile> file) {
    return std::make_unique<TarSource>(std::move(file));
}

}  // namespace reverie::data
