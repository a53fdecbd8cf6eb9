#include "data/byte_stream.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <system_error>
#include <vector>

#include "core/write_all.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie::data {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void damaged(const fs::path& path, const std::string& kind, const char* detail) {
    throw Error(ErrorKind::Input, "'" + path.string() + "' is a damaged " + kind + " file (" +
                                      (detail != nullptr ? detail : "it cannot be unpacked") +
                                      "); get an intact copy of it");
}

[[noreturn]] void truncated(const fs::path& path) {
    throw Error(ErrorKind::Input, "'" + path.string() + "' is truncated: it ends early; get a complete copy of it");
}

}  // namespace

Compression compression_of(std::string_view head) {
    if (head.starts_with("\x1f\x8b")) {
        return Compression::Gzip;
    }
    return head.starts_with("\x28\xb5\x2f\xfd") ? Compression::Zstandard : Compression::None;
}

struct ByteStream::Inflater {
    Inflater() {
        constexpr int kGzip = 16 + MAX_WBITS;
        if (inflateInit2(&stream, kGzip) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    z_stream stream = {};
};

struct ByteStream::Zstd {
    Zstd() : stream(ZSTD_createDStream()) {
        if (stream == nullptr) {
            throw std::bad_alloc();
        }
    }
    ~Zstd() { ZSTD_freeDStream(stream); }
    Zstd(const Zstd&) = delete;
    Zstd& operator=(const Zstd&) = delete;
    ZSTD_DStream* stream;
};

ByteStream::ByteStream(const fs::path& path) : file_(path), input_(1 << 16) {
    refill();
    compression_ = compression_of({reinterpret_cast<const char*>(input_.data()), held_});
    if (compression_ == Compression::Gzip) {
        inflater_ = std::make_unique<Inflater>();
    } else if (compression_ == Compression::Zstandard) {
        zstd_ = std::make_unique<Zstd>();
    }
}

ByteStream::~ByteStream() = default;

/// False at the end of the file.
bool ByteStream::refill() {
    if (next_ < held_) {
        return true;
    }
    next_ = 0;
    held_ =
        static_cast<std::size_t>(std::min<std::int64_t>(static_cast<std::int64_t>(input_.size()), file_.size() - at_));
    file_.read(at_, std::span(input_).first(held_));
    at_ += static_cast<std::int64_t>(held_);
    return held_ > 0;
}

std::size_t ByteStream::read_some(std::span<std::byte> bytes) {
    switch (compression_) {
        case Compression::Gzip:
            return read_gzip(bytes);
        case Compression::Zstandard:
            return read_zstd(bytes);
        case Compression::None:
            break;
    }
    std::size_t done = 0;
    while (done < bytes.size() && refill()) {
        const std::size_t piece = std::min(bytes.size() - done, held_ - next_);
        std::memcpy(bytes.data() + done, input_.data() + next_, piece);
        next_ += piece;
        done += piece;
    }
    return done;
}

std::size_t ByteStream::read_gzip(std::span<std::byte> bytes) {
    z_stream& stream = inflater_->stream;
    std::size_t done = 0;
    while (done < bytes.size()) {
        if (!refill()) {
            if (within_) {
                truncated(file_.path());
            }
            break;
        }
        if (!within_) {
            if (input_[next_] != std::byte{0x1f}) {  // what tapes and tools pad a file with
                next_ = held_;
                continue;
            }
            inflateReset(&stream);  // parts that were packed one by one and put behind each other are one file
            within_ = true;
        }
        const std::size_t piece = std::min<std::size_t>(bytes.size() - done, std::numeric_limits<int>::max());
        stream.next_in = reinterpret_cast<Bytef*>(input_.data() + next_);
        stream.avail_in = static_cast<uInt>(held_ - next_);
        stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + done);
        stream.avail_out = static_cast<uInt>(piece);
        const int result = inflate(&stream, Z_NO_FLUSH);
        next_ = held_ - stream.avail_in;
        done += piece - stream.avail_out;
        within_ = result != Z_STREAM_END;
        if (within_ && result != Z_OK) {
            damaged(file_.path(), "gzip", stream.msg);
        }
    }
    return done;
}

std::size_t ByteStream::read_zstd(std::span<std::byte> bytes) {
    ZSTD_outBuffer out = {bytes.data(), bytes.size(), 0};
    while (out.pos < out.size) {
        // What was read before may still hold some to give, so that the end of the file is no fault yet.
        const bool more = refill();
        ZSTD_inBuffer in = {input_.data(), held_, next_};
        const std::size_t before = out.pos;
        const std::size_t result = more || within_ ? ZSTD_decompressStream(zstd_->stream, &out, &in) : 0;
        next_ = in.pos;
        if (ZSTD_isError(result) != 0) {
            damaged(file_.path(), "Zstandard", ZSTD_getErrorName(result));
        }
        within_ = result != 0;
        if (!more && out.pos == before) {
            if (within_) {
                truncated(file_.path());
            }
            break;
        }
    }
    return out.pos;
}

namespace {

/// A file without a name.
int nameless_file(const fs::path& folder) {
    if (folder.empty()) {
        return ::memfd_create("unpacked", MFD_CLOEXEC);
    }
    std::error_code fault;
    fs::create_directories(folder, fault);
    int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) {  // not every file system can
        std::string name = (folder / "unpacked-XXXXXX").string();
        descriptor = ::mkostemp(name.data(), O_CLOEXEC);
        if (descriptor >= 0) {
            ::unlink(name.c_str());
        }
    }
    return descriptor;
}

[[noreturn]] void no_room(const fs::path& path, const fs::path& folder, const std::string& why) {
    throw Error(ErrorKind::Output, "'" + path.string() + "' could not be unpacked to " +
                                       (folder.empty() ? "memory" : "'" + folder.string() + "'") + " (" + why +
                                       "); make room there, or unpack it yourself and name the folder");
}

void write_unpacked(int descriptor, std::span<const std::byte> bytes, const fs::path& path, const fs::path& folder) {
    if (const int fault = write_all(descriptor, bytes); fault != 0) {
        no_room(path, folder, std::strerror(fault));
    }
}

}  // namespace

std::shared_ptr<RandomFile> unpacked(const fs::path& path, const fs::path& folder, const Hooks& hooks) {
    // Pictures are compressed already; what unpacks to more than this was made to fill a disk.
    constexpr std::int64_t kAlwaysFine = 1'000'000'000;
    constexpr std::int64_t kMostTimes = 200;
    ByteStream stream(path);
    const int descriptor = nameless_file(folder);
    if (descriptor < 0) {
        no_room(path, folder, std::strerror(errno));
    }
    auto file = std::make_shared<RandomFile>(descriptor, path, stream.file().time());
    const std::int64_t most = std::max(kAlwaysFine, kMostTimes * stream.file().size());
    std::vector<std::byte> buffer(1 << 20);
    std::int64_t total = 0;
    for (;;) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        const std::size_t count = stream.read_some(buffer);
        total += static_cast<std::int64_t>(count);
        if (total > most) {
            throw Error(ErrorKind::Input,
                        "'" + path.string() + "' has " + human_bytes(static_cast<std::uint64_t>(stream.file().size())) +
                            " and unpacks to more than " + human_bytes(static_cast<std::uint64_t>(most)) +
                            "; if it can be trusted, unpack it yourself and name the folder");
        }
        write_unpacked(descriptor, std::span(buffer).first(count), path, folder);
        if (count < buffer.size()) {
            break;
        }
        hooks.progress({.stage = "unpacking", .done = static_cast<double>(total), .total = 0.0, .unit = "bytes"});
    }
    file->set_size(total);
    return file;
}

}  // namespace reverie::data
