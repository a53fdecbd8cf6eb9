// Event files, taken apart by a reader of the test's own.
#include <ATen/ops/arange.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "reverie/core/files.h"
#include "reverie/image/picture.h"
#include "reverie/output/records.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::TemporaryFolder;

/// Bit by bit, as the polynomial division is defined.
std::uint32_t crc32c(std::string_view bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
        }
    }
    return ~crc;
}

std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8; }

template <typename T>
T take(std::string_view& bytes) {
    T value;
    std::memcpy(&value, bytes.substr(0, sizeof value).data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
}

/// The messages of a file whose lengths and checksums all agree.
std::vector<std::string> messages_of(const std::filesystem::path& path) {
    const std::vector<std::byte> content = read_file(path);
    std::string_view rest(reinterpret_cast<const char*>(content.data()), content.size());
    std::vector<std::string> messages;
    while (rest.size() >= 16) {
        const std::string_view length_bytes = rest.substr(0, 8);
        const auto length = take<std::uint64_t>(rest);
        EXPECT_EQ(take<std::uint32_t>(rest), masked(crc32c(length_bytes)));
        messages.emplace_back(rest.substr(0, length));
        rest.remove_prefix(length);
        EXPECT_EQ(take<std::uint32_t>(rest), masked(crc32c(messages.back())));
    }
    EXPECT_TRUE(rest.empty());
    return messages;
}

std::uint64_t take_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const auto byte = take<std::uint8_t>(bytes);
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

/// A protobuf message's fields; every value as its bytes, a varint as eight.
std::multimap<std::uint64_t, std::string> fields_of(std::string_view bytes) {
    std::multimap<std::uint64_t, std::string> fields;
    while (!bytes.empty()) {
        const std::uint64_t key = take_varint(bytes);
        std::uint64_t length = 0;
        switch (key & 7) {
            case 0: {
                const std::uint64_t value = take_varint(bytes);
                fields.emplace(key >> 3, std::string(reinterpret_cast<const char*>(&value), 8));
                continue;
            }
            case 1:
                length = 8;
                break;
            case 2:
                length = take_varint(bytes);
                break;
            case 5:
                length = 4;
                break;
            default:
                ADD_FAILURE() << "wire type " << (key & 7);
                return fields;
        }
        fields.emplace(key >> 3, std::string(bytes.substr(0, length)));
        bytes.remove_prefix(length);
    }
    return fields;
}

std::string field(std::string_view message, std::uint64_t number) {
    const auto fields = fields_of(message);
    EXPECT_EQ(fields.count(number), 1) << "field " << number;
    return fields.count(number) == 1 ? fields.find(number)->second : "";
}

template <typename T>
T as(std::string_view bytes) {
    return take<T>(bytes);
}

std::filesystem::path only_file(const std::filesystem::path& folder) {
    const std::filesystem::directory_iterator first(folder);
    EXPECT_EQ(std::distance(begin(first), end(first)), 1);
    return std::filesystem::directory_iterator(folder)->path();
}

TEST(EventFile, ItsReaderHereKnowsThePublishedChecksum) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283);            // RFC 3720's polynomial, the usual check value
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aa);  // RFC 3720, appendix B.4
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43);
}

TEST(EventFile, HoldsItsVersionThenScalarsWithTheirSteps) {
    const TemporaryFolder folder;
    {
        EventFile file(folder / "events");
        file.add(300, {{"loss", 0.5}, {"kl/total", -2.0}});
        file.add(1LL << 40, {{"loss", 0.25}});
    }
    const std::filesystem::path path = only_file(folder / "events");
    EXPECT_THAT(path.filename().string(), testing::MatchesRegex("events\\.out\\.tfevents\\.[0-9]+\\.reverie"));
    const std::vector<std::string> messages = messages_of(path);
    ASSERT_EQ(messages.size(), 3);
    EXPECT_EQ(field(messages[0], 3), "brain.Event:2");
    EXPECT_GT(as<double>(field(messages[0], 1)), 1.6e9);  // seconds since 1970

    EXPECT_EQ(as<std::int64_t>(field(messages[1], 2)), 300);
    std::map<std::string, float> values;
    for (const auto& [number, value] : fields_of(field(messages[1], 5))) {
        EXPECT_EQ(number, 1);
        values[field(value, 1)] = as<float>(field(value, 2));
    }
    EXPECT_EQ(values, (std::map<std::string, float>{{"loss", 0.5F}, {"kl/total", -2.0F}}));
    EXPECT_EQ(as<std::int64_t>(field(messages[2], 2)), 1LL << 40);
}

TEST(EventFile, HoldsAnImageAsPng) {
    const TemporaryFolder folder;
    const Tensor image = at::arange(5 * 7, at::kFloat).reshape({1, 5, 7}) / 255;
    EventFile(folder / "e").add_image(4, "samples", image);
    const std::vector<std::string> messages = messages_of(only_file(folder / "e"));
    ASSERT_EQ(messages.size(), 2);
    const std::string value = field(field(messages[1], 5), 1);
    EXPECT_EQ(field(value, 1), "samples");
    const std::string encoded = field(value, 4);
    EXPECT_EQ(as<std::int64_t>(field(encoded, 1)), 5);
    EXPECT_EQ(as<std::int64_t>(field(encoded, 2)), 7);
    EXPECT_EQ(as<std::int64_t>(field(encoded, 3)), 3);
    const std::string png = field(encoded, 4);
    const Tensor decoded = decode_picture(std::as_bytes(std::span(png.data(), png.size())), "png").color;
    EXPECT_TRUE(decoded.allclose(image.expand({3, 5, 7}), 0, 1e-6));  // whole 255ths
}

TEST(EventFile, TwoOfOneSecondDoNotShareAName) {
    const TemporaryFolder folder;
    const EventFile first(folder / "e");
    const EventFile second(folder / "e");
    const std::filesystem::directory_iterator files(folder / "e");
    EXPECT_EQ(std::distance(begin(files), end(files)), 2);
}

TEST(EventFile, RefusesAFolderThatCannotBeMade) {
    const TemporaryFolder folder;
    write_file(folder / "file", std::string_view("x"));
    test::expect_error(ErrorKind::Output, [&] { EventFile(folder / "file/below"); });
}

}  // namespace
}  // namespace reverie
