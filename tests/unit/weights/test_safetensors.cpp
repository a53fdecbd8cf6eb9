// What write_safetensors writes, byte for byte and read back.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "reverie/core/files.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using ::testing::HasSubstr;

std::map<std::string, Tensor> arrays() {
    return {{"bool", at::tensor({1, 0, 1}).to(at::kBool)},
            {"half", at::arange(4).to(at::kHalf) / 3},
            {"scalar", at::scalar_tensor(2.5, at::kDouble)},
            {"empty", at::empty({0, 3}, at::kFloat)},
            {"transposed", at::arange(6).to(at::kFloat).view({2, 3}).t()},
            {"long", at::tensor({std::numeric_limits<std::int64_t>::min(), std::int64_t{5}}, at::kLong)}};
}

nlohmann::json header_of(const std::vector<std::byte>& bytes) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    return nlohmann::json::parse(reinterpret_cast<const char*>(bytes.data()) + 8,
                                 reinterpret_cast<const char*>(bytes.data()) + 8 + length);
}

TEST(WriteSafetensors, IsReadBackUnchanged) {
    TemporaryFolder folder;
    write_safetensors(folder / "x.safetensors", arrays(), {{"origin", "reverie"}});
    const StateDict state = read_state_dict(folder / "x.safetensors");
    ASSERT_EQ(state.names().size(), arrays().size());
    for (const auto& [name, tensor] : arrays()) {
        const Tensor loaded = state.load(name, true);
        EXPECT_TRUE(at::equal(loaded, tensor.to(loaded.scalar_type()))) << name;
        EXPECT_EQ(loaded.sizes(), tensor.sizes()) << name;
    }
    EXPECT_EQ(state.info("half").type, "float16");
    EXPECT_EQ(state.metadata().at("origin"), "reverie");
}

TEST(WriteSafetensors, WritesTheSameBytesTwiceAndAlignsThem) {
    TemporaryFolder folder;
    write_safetensors(folder / "a.safetensors", arrays(), {{"b", "2"}, {"a", "1"}});
    write_safetensors(folder / "b.safetensors", arrays(), {{"a", "1"}, {"b", "2"}});
    const auto bytes = read_file(folder / "a.safetensors");
    EXPECT_EQ(bytes, read_file(folder / "b.safetensors"));
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    EXPECT_EQ(length % 8, 0);
    const std::map<std::string, std::uint64_t> widths = {{"F64", 8}, {"I64", 8}, {"F32", 4}, {"F16", 2}, {"BOOL", 1}};
    const nlohmann::json header = header_of(bytes);
    for (const auto& [name, entry] : header.items()) {
        if (name != "__metadata__") {
            const auto width = widths.at(entry.at("dtype").get<std::string>());
            EXPECT_EQ(entry.at("data_offsets").at(0).get<std::uint64_t>() % width, 0) << name;
        }
    }
}

TEST(WriteSafetensors, AHeaderOfAnyLengthIsNotTakenForAPickle) {
    const TemporaryFolder folder;
    bool begins_as_pickle = false;
    for (std::size_t length = 0; length < 160; length += 8) {  // headers are multiples of 8; 128 begins with 0x80
        write_safetensors(folder / "a.safetensors", {{"a", at::ones({1})}}, {{"note", std::string(length, 'x')}});
        begins_as_pickle = begins_as_pickle || read_file(folder / "a.safetensors")[0] == std::byte{0x80};
        EXPECT_TRUE(at::equal(read_state_dict(folder / "a.safetensors").load("a"), at::ones({1}))) << length;
    }
    EXPECT_TRUE(begins_as_pickle);
}

TEST(WriteSafetensors, RefusesWhatTheFormatCannotHold) {
    TemporaryFolder folder;
    const auto path = folder / "x.safetensors";
    EXPECT_THAT(expect_error(ErrorKind::Output,
                             [&] {
                                 write_safetensors(path, {{"w", at::zeros({2}, at::kComplexFloat)}});
                             }),
                HasSubstr("'w' of type ComplexFloat"));
    expect_error(ErrorKind::Output, [&] { write_safetensors(path, {{"__metadata__", at::zeros({2})}}); });
    expect_error(ErrorKind::Output, [&] { write_safetensors(path, {{"\xff", at::zeros({2})}}); });
    expect_error(ErrorKind::Output, [&] { write_safetensors(path, {}, {{"note", "\xff"}}); });
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ReadSafetensors, RefusesWhatTheFormatForbids) {
    TemporaryFolder folder;
    const auto message = [&](const std::string& header, std::size_t values) {
        std::string file(8, '\0');
        file[0] = static_cast<char>(header.size() & 0xff);
        file[1] = static_cast<char>(header.size() >> 8);
        write_file(folder / "x.safetensors", file + header + std::string(values, 'v'));
        return expect_error(ErrorKind::Weights, [&] { read_state_dict(folder / "x.safetensors"); });
    };
    const std::string w = R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
    EXPECT_THAT(message("{" + w + "}", 7), HasSubstr("8 bytes of values were announced, 7 are there"));
    EXPECT_THAT(message("{" + w + "}", 9), HasSubstr("1 bytes at its end belong to no array"));
    EXPECT_THAT(message("{" + w + "," + w + "}", 8), HasSubstr("names 'w' twice"));
    EXPECT_THAT(message(R"({"w":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}})", 8),
                HasSubstr("'shape' of one array twice"));
    EXPECT_THAT(message(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12), HasSubstr("hole"));
    EXPECT_THAT(message(R"({"w":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", 2),
                HasSubstr("unknown element type 'F8_E4M3'"));
    EXPECT_THAT(message(R"({"w":{"dtype":"F32","shape":[0,4611686018427387904,8],"data_offsets":[0,0]}})", 0),
                HasSubstr("'w'"));
    EXPECT_THAT(message(R"({"__metadata__":{"epoch":3}})", 0), HasSubstr("unexpected at 'epoch'"));
    EXPECT_THAT(message("{" + w + "} x", 8), HasSubstr("no JSON"));
}

}  // namespace
}  // namespace reverie
