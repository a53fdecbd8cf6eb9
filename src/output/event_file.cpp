// TensorBoard's event files: https://github.com/tensorflow/tensorboard, event.proto and summary.proto. A record is its
// length, the length's checksum, the message, the message's checksum; a message is a serialized protobuf.
#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "output/append_file.h"
#include "reverie/core/error.h"
#include "reverie/image/picture.h"
#include "reverie/output/grid.h"
#include "reverie/output/records.h"

namespace reverie {
namespace {

using output::AppendFile;

static_assert(std::endian::native == std::endian::little);  // fixed-width fields are little-endian

template <typename T>
std::string bytes_of(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

constexpr std::array<std::uint32_t, 256> crc_table() {
    constexpr std::uint32_t kCastagnoliReversed = 0x82f63b78;
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        table[i] = i;
        for (int bit = 0; bit < 8; ++bit) {
            table[i] = (table[i] >> 1) ^ (table[i] % 2 == 1 ? kCastagnoliReversed : 0);
        }
    }
    return table;
}

/// CRC-32C, then rotated and shifted as the format wants it, so that a checksum of bytes that hold checksums is no
/// special case.
std::uint32_t masked_crc(std::string_view bytes) {
    static constexpr auto kTable = crc_table();
    constexpr std::uint32_t kMask = 0xa282ead8;
    std::uint32_t crc = ~std::uint32_t{0};
    for (const char byte : bytes) {
        crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ (crc >> 8);
    }
    return std::rotr(~crc, 15) + kMask;
}

/// A protobuf message under construction, field by field.
class Message {
  public:
    Message& number(int field, std::int64_t value) {
        key(field, 0);
        varint(static_cast<std::uint64_t>(value));
        return *this;
    }
    Message& real64(int field, double value) {
        key(field, 1);
        bytes_ += bytes_of(value);
        return *this;
    }
    Message& real32(int field, float value) {
        key(field, 5);
        bytes_ += bytes_of(value);
        return *this;
    }
    Message& text(int field, std::string_view value) {
        key(field, 2);
        varint(value.size());
        bytes_ += value;
        return *this;
    }
    Message& message(int field, const Message& value) { return text(field, value.bytes_); }
    const std::string& bytes() const noexcept { return bytes_; }

  private:
    void key(int field, unsigned wire) { varint(static_cast<unsigned>(field) << 3 | wire); }
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) {
            bytes_ += static_cast<char>(value | 0x80);
        }
        bytes_ += static_cast<char>(value);
    }

    std::string bytes_;
};

// Field numbers of event.proto and summary.proto.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;
}
namespace summary {
constexpr int kValue = 1;
}
namespace value {
constexpr int kTag = 1, kSimpleValue = 2, kImage = 4;
}
namespace picture {
constexpr int kHeight = 1, kWidth = 2, kChannels = 3, kEncoded = 4;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

Message new_event(std::int64_t step) { return Message().real64(event::kWallTime, now()).number(event::kStep, step); }

}  // namespace

struct EventFile::State {
    std::unique_ptr<AppendFile> file;

    void append(const Message& message) {
        const std::string& content = message.bytes();
        const std::string length = bytes_of(static_cast<std::uint64_t>(content.size()));
        file->append(length + bytes_of(masked_crc(length)) + content + bytes_of(masked_crc(content)));
    }
};

EventFile::EventFile(const std::filesystem::path& folder) : state_(std::make_unique<State>()) {
    // The seconds sort the files of one run; of two within a second the later one goes on in the next.
    for (auto seconds = static_cast<std::int64_t>(now()); state_->file == nullptr || !state_->file->is_open();
         ++seconds) {
        state_->file = std::make_unique<AppendFile>(
            folder / ("events.out.tfevents." + std::to_string(seconds) + ".reverie"), AppendFile::Mode::New);
    }
    state_->append(Message().real64(event::kWallTime, now()).text(event::kFileVersion, "brain.Event:2"));
}

EventFile::~EventFile() = default;
EventFile::EventFile(EventFile&&) noexcept = default;
EventFile& EventFile::operator=(EventFile&&) noexcept = default;

void EventFile::add(std::int64_t step, const Scalars& values) {
    Message all;
    for (const auto& [name, number] : values) {
        all.message(summary::kValue,
                    Message().text(value::kTag, name).real32(value::kSimpleValue, static_cast<float>(number)));
    }
    state_->append(new_event(step).message(event::kSummary, all));
}

void EventFile::add_image(std::int64_t step, const std::string& name, const Tensor& image) {
    Picture content;
    content.color = to_rgb(image);
    const std::vector<std::byte> png = encode_picture(content, PictureFormat::Png);
    const Size size = size_of(image);
    const Message encoded = Message()
                                .number(picture::kHeight, size.height)
                                .number(picture::kWidth, size.width)
                                .number(picture::kChannels, 3)
                                .text(picture::kEncoded, {reinterpret_cast<const char*>(png.data()), png.size()});
    const Message entry = Message().text(value::kTag, name).message(value::kImage, encoded);
    state_->append(new_event(step).message(event::kSummary, Message().message(summary::kValue, entry)));
}

}  // namespace reverie
