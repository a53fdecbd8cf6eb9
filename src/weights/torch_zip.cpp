#include <algorithm>
#include <map>
#include <string>

#include "byte_reader.h"
#include "pickle.h"
#include "readers.h"
#include "torch_objects.h"

namespace reverie::weights {
namespace {

// Signatures and sizes as PKWARE's APPNOTE 6.3.10 gives them, section 4.3.
constexpr std::uint64_t kLocalHeader = 0x04034b50;
constexpr std::uint64_t kCentralHeader = 0x02014b50;
constexpr std::uint64_t kEnd = 0x06054b50;
constexpr std::uint64_t kEnd64 = 0x06064b50;
constexpr std::uint64_t kEnd64Locator = 0x07064b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint64_t kIn64 = 0xffffffff;  // "see the zip64 field"
constexpr std::uint64_t kZip64Field = 1;

struct Record {
    std::uint64_t header = 0;  // where its local header lies
    std::uint64_t stored_bytes = 0;
    std::uint64_t bytes = 0;
    std::uint64_t method = 0;
    std::uint64_t flags = 0;
};

/// The directory of a zip archive and the bytes of its uncompressed records.
class Archive {
  public:
    explicit Archive(const MappedFile& file) : file_(file), path_(file.path()) { read_directory(); }

    bool contains(std::string_view name) const { return records_.contains(name); }

    /// The shortest name that is `ending` or ends in "/" + `ending`; empty when there is none.
    std::string_view find_ending(const std::string& ending) const {
        std::string_view found;
        for (const auto& [name, record] : records_) {
            if ((name == ending || name.ends_with("/" + ending)) && (found.empty() || name.size() < found.size())) {
                found = name;
            }
        }
        return found;
    }

    std::span<const std::byte> bytes(std::string_view name) const {
        const auto found = records_.find(name);
        if (found == records_.end()) {
            damaged("lacks the record '" + printable(name) + "'");
        }
        const Record& record = found->second;
        if (record.method != 0 || record.stored_bytes != record.bytes || (record.flags & 1) != 0) {
            refuse(path_, "has a compressed or encrypted record ('" + printable(name) +
                              "'), which PyTorch never writes; load it and save it again with PyTorch");
        }
        ByteReader reader(file_.bytes(), path_, "a record of its archive");
        reader.seek(record.header);
        if (reader.number(4) != kLocalHeader) {
            damaged("has no record where its directory says");
        }
        reader.take(22);
        const std::uint64_t name_bytes = reader.number(2);
        const std::uint64_t extra_bytes = reader.number(2);
        reader.take(name_bytes + extra_bytes);
        return reader.take(record.bytes);
    }

  private:
    [[noreturn]] void damaged(const std::string& what) const {
        refuse(path_, "is damaged: its archive " + what + "; download it again");
    }

    void read_directory() {
        ByteReader reader(file_.bytes(), path_, "its archive's directory");
        const std::size_t end = find_end();
        reader.seek(end + 10);
        std::uint64_t count = reader.number(2);
        std::uint64_t size = reader.number(4);
        std::uint64_t offset = reader.number(4);
        if (end >= kLocatorBytes) {
            reader.seek(end - kLocatorBytes);
            if (reader.number(4) == kEnd64Locator) {
                reader.take(4);
                reader.seek(reader.number(8));
                if (reader.number(4) != kEnd64) {
                    damaged("has no directory where its end says");
                }
                reader.take(28);
                count = reader.number(8);
                size = reader.number(8);
                offset = reader.number(8);
            }
        }
        reader.seek(offset);
        ByteReader directory(reader.take(size), path_, "its archive's directory");
        while (directory.remaining() > 0) {
            read_entry(directory);
        }
        if (records_.size() != count) {
            damaged("announces " + std::to_string(count) + " records and lists " + std::to_string(records_.size()));
        }
    }

    std::size_t find_end() const {
        const std::size_t size = file_.bytes().size();
        ByteReader reader(file_.bytes(), path_, "its archive");
        for (std::size_t comment = 0; comment <= kMaxComment && kEndBytes + comment <= size; ++comment) {
            const std::size_t at = size - kEndBytes - comment;
            reader.seek(at);
            if (reader.number(4) == kEnd) {
                reader.take(16);
                if (reader.number(2) == comment) {
                    return at;
                }
            }
        }
        refuse(path_, "is truncated: its archive's directory is missing; download it again");
    }

    void read_entry(ByteReader& directory) {
        if (directory.number(4) != kCentralHeader) {
            damaged("has a damaged directory");
        }
        Record record;
        directory.take(4);
        record.flags = directory.number(2);
        record.method = directory.number(2);
        directory.take(8);  // time, date, CRC
        record.stored_bytes = directory.number(4);
        record.bytes = directory.number(4);
        const std::uint64_t name_bytes = directory.number(2);
        const std::uint64_t extra_bytes = directory.number(2);
        const std::uint64_t comment_bytes = directory.number(2);
        directory.take(8);  // disk, attributes
        record.header = directory.number(4);
        const std::string_view name = as_text(directory.take(name_bytes));
        read_zip64(directory.take(extra_bytes), record);
        directory.take(comment_bytes);
        if (!records_.emplace(name, record).second) {
            damaged("has the record '" + printable(name) + "' twice");
        }
    }

    /// Sizes and places beyond 4 GiB, given in this order where the plain fields are full.
    void read_zip64(std::span<const std::byte> extra, Record& record) const {
        ByteReader fields(extra, path_, "its archive's directory");
        while (fields.remaining() >= 4) {
            const std::uint64_t id = fields.number(2);
            const std::uint64_t bytes = fields.number(2);
            ByteReader field(fields.take(bytes), path_, "its archive's directory");
            if (id != kZip64Field) {
                continue;
            }
            for (std::uint64_t* value : {&record.bytes, &record.stored_bytes, &record.header}) {
                if (*value == kIn64) {
                    *value = field.number(8);
                }
            }
        }
    }

    const MappedFile& file_;
    const std::filesystem::path& path_;
    std::map<std::string_view, Record> records_;
};

}  // namespace

void read_torch_zip(Contents& contents) {
    const std::filesystem::path& path = contents.file.path();
    const Archive archive(contents.file);
    const std::string_view pickle_name = archive.find_ending("data.pkl");
    if (pickle_name.empty()) {
        refuse(path, "is a zip archive, but not PyTorch's (it lacks data.pkl); pass a .pth or .safetensors file");
    }
    const std::string prefix(pickle_name.substr(0, pickle_name.size() - std::string_view("data.pkl").size()));
    if (archive.contains(prefix + "constants.pkl")) {
        refuse(path, "is a TorchScript program, not a file of weights; save its state_dict() with PyTorch instead");
    }
    if (archive.contains(prefix + "byteorder") && as_text(archive.bytes(prefix + "byteorder")) != "little") {
        refuse(path, "was written on a big-endian machine; load it and save it again with PyTorch on this one");
    }
    const Pickle pickle = read_pickle(archive.bytes(pickle_name), path);
    const auto find_storage = [&](const PickleStorage& storage) {
        const std::span<const std::byte> bytes = archive.bytes(prefix + "data/" + std::string(storage.key));
        if (storage.count > static_cast<std::int64_t>(bytes.size()) / storage.type->bytes) {
            refuse(path, "is damaged: its record 'data/" + printable(storage.key) + "' is shorter than announced (" +
                             std::to_string(bytes.size()) + " bytes); download it again");
        }
        return bytes;
    };
    collect_arrays(pickle, find_storage, contents);
}

}  // namespace reverie::weights
