// The readers against files written by real PyTorch and safetensors, and against hostile ones
// (tests/parity/make_container_samples.py makes both).
#include "reverie/weights/state_dict.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path& containers() {
    static const std::filesystem::path folder = std::filesystem::path(REVERIE_TEST_DATA) / "parity" / "containers";
    return folder;
}

const nlohmann::json& expected() {
    static const nlohmann::json document =
        nlohmann::json::parse(std::ifstream(containers() / "expected.json"), nullptr, false);
    return document;
}

std::string refusal(const std::filesystem::path& path) {
    return expect_error(ErrorKind::Weights, [&] { read_state_dict(path); });
}

/// A number as expected.json writes it.
double number(const nlohmann::json& value) {
    return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

void expect_floats(const nlohmann::json& values, const Tensor& loaded, const std::string& what) {
    ASSERT_EQ(static_cast<std::int64_t>(values.size()), loaded.numel()) << what;
    const Tensor flat = loaded.reshape(-1);
    for (std::int64_t k = 0; k < flat.numel(); ++k) {
        const double wanted = number(values[static_cast<std::size_t>(k)]);
        const bool is_double = flat.scalar_type() == at::kDouble;
        const double found = is_double ? flat.const_data_ptr<double>()[k] : flat.const_data_ptr<float>()[k];
        if (std::isnan(wanted)) {
            EXPECT_TRUE(std::isnan(found)) << what << " " << k;
        } else {
            EXPECT_EQ(found, is_double ? wanted : static_cast<float>(wanted)) << what << " " << k;
            EXPECT_EQ(std::signbit(found), std::signbit(wanted)) << what << " " << k;
        }
    }
}

void expect_entry(const StateDict& state, const std::string& name, const nlohmann::json& entry) {
    const std::string what = state.path().filename().string() + ": " + name;
    ASSERT_TRUE(state.contains(name)) << what;
    EXPECT_EQ(state.info(name).type, entry.at("dtype").get<std::string>()) << what;
    EXPECT_EQ(state.info(name).shape, entry.at("shape").get<std::vector<std::int64_t>>()) << what;
    const Tensor loaded = state.load(name);
    EXPECT_EQ(loaded.sizes().vec(), state.info(name).shape) << what;
    EXPECT_TRUE(loaded.is_contiguous()) << what;
    const std::string type = state.info(name).type;
    if (type.find("float") != std::string::npos) {
        EXPECT_EQ(loaded.scalar_type(), at::kFloat) << what;
        expect_floats(entry.at("values"), loaded, what);
        const Tensor kept = state.load(name, true);
        EXPECT_EQ(kept.scalar_type(), type == "float64" ? at::kDouble : at::kFloat) << what;
        expect_floats(entry.at("values"), kept, what);
        return;
    }
    EXPECT_EQ(loaded.scalar_type(), type == "bool" ? at::kBool : at::kLong) << what;
    const Tensor integers = loaded.to(at::kLong).reshape(-1);
    ASSERT_EQ(integers.numel(), static_cast<std::int64_t>(entry.at("values").size())) << what;
    for (std::int64_t k = 0; k < integers.numel(); ++k) {
        const nlohmann::json& value = entry.at("values")[static_cast<std::size_t>(k)];
        const std::int64_t wanted = value.is_boolean() ? value.get<bool>() : value.get<std::int64_t>();
        EXPECT_EQ(integers.const_data_ptr<std::int64_t>()[k], wanted) << what << " " << k;
    }
}

TEST(StateDict, EqualsWhatPyTorchAndSafetensorsWrote) {
    ASSERT_TRUE(expected().contains("valid")) << "tests/parity/containers/expected.json is missing or damaged";
    int files = 0;
    for (const auto& [file, description] : expected().at("valid").items()) {
        const StateDict state = read_state_dict(containers() / file);
        EXPECT_EQ(state.names().size(), description.at("entries").size()) << file;
        for (const auto& [name, entry] : description.at("entries").items()) {
            expect_entry(state, name, entry);
        }
        ++files;
    }
    EXPECT_GT(files, 20);
}

TEST(StateDict, RefusesEveryHostileFileAndRunsNothing) {
    // The odd ones could be read too; these readers refuse all but one.
    int files = 0;
    for (const char* kind : {"hostile", "odd"}) {
        ASSERT_TRUE(expected().contains(kind));
        for (const auto& [file, why] : expected().at(kind).items()) {
            SCOPED_TRACE(file + ": " + why.get<std::string>());
            const std::filesystem::path path = containers() / file;
            if (file == "odd_memo_bomb.zip.pth") {  // lists hold no named arrays and are never unfolded
                EXPECT_THAT(read_state_dict(path).names(), IsEmpty());
                continue;
            }
            const std::string message = refusal(path);
            EXPECT_EQ(message.find(path.string()), 1U) << message;
            EXPECT_EQ(message.find("does not exist"), std::string::npos) << message;
            ++files;
        }
    }
    EXPECT_GT(files, 80);
    EXPECT_FALSE(std::filesystem::exists("reverie_was_here"));
}

TEST(StateDict, NamesWhatAHostilePickleAsksFor) {
    for (const char* file :
         {"hostile_os_system.zip.pth", "hostile_os_system.legacy.pth", "hostile_stack_global.zip.pth",
          "hostile_inst.zip.pth", "hostile_obj.zip.pth", "hostile_hidden.legacy.pth"}) {
        EXPECT_THAT(refusal(containers() / file),
                    HasSubstr("asks to run os.system, which a weights file has no business "
                              "with; it was refused, nothing was executed"));
    }
    EXPECT_THAT(refusal(containers() / "hostile_newobj.zip.pth"), HasSubstr("subprocess.Popen"));
}

TEST(StateDict, SaysWhichContainersItDoesNotRead) {
    EXPECT_THAT(refusal(containers() / "odd_deflated.zip.pth"), HasSubstr("compressed or encrypted record"));
    EXPECT_THAT(refusal(containers() / "odd_big_endian.zip.pth"), HasSubstr("written on a big-endian machine"));
    EXPECT_THAT(refusal(containers() / "hostile_zip_no_pickle.pth"), HasSubstr("a zip archive, but not PyTorch's"));
}

TEST(StateDict, LooksThroughOneWrappingDictionaryOnly) {
    const StateDict wrapped = read_state_dict(containers() / "wrapped.zip.pth");
    EXPECT_TRUE(wrapped.contains("conv.weight"));
    EXPECT_FALSE(wrapped.contains("optimizer.state.0.momentum"));
    const StateDict nested = read_state_dict(containers() / "nested.zip.pth");
    EXPECT_THAT(nested.names(), ElementsAre("encoder.conv.bias", "encoder.conv.weight", "scale"));
}

TEST(StateDict, GivesSafetensorsNotesAndNoneForPyTorch) {
    const StateDict notes = read_state_dict(containers() / "module.safetensors");
    EXPECT_EQ(notes.metadata().at("format"), "pt");
    EXPECT_EQ(notes.metadata().at("origin"), "reverie");
    EXPECT_THAT(read_state_dict(containers() / "module.zip.pth").metadata(), IsEmpty());
}

TEST(StateDict, SuggestsNamesNearToAMissingOne) {
    const StateDict state = read_state_dict(containers() / "module.zip.pth");
    const std::string message = expect_error(ErrorKind::Weights, [&] { state.load("conv.wieght"); });
    EXPECT_THAT(message, HasSubstr("has no array 'conv.wieght'; did you mean 'conv.weight'"));
}

TEST(StateDict, LoadsCopiesThatOutliveTheFile) {
    Tensor bias;
    {
        const StateDict state = read_state_dict(containers() / "module.legacy.pth");
        bias = state.load("conv.bias");
        bias.fill_(7);
        EXPECT_NE(state.load("conv.bias")[0].item<float>(), 7);
    }
    EXPECT_EQ(bias[2].item<float>(), 7);
}

TEST(StateDict, SaysWhatATruncatedFileLacks) {
    TemporaryFolder folder;
    for (const char* file : {"module.zip.pth", "module.legacy.pth", "module.safetensors"}) {
        auto bytes = read_file(containers() / file);
        bytes.resize(bytes.size() - 10);
        write_file(folder / file, bytes);
        EXPECT_THAT(refusal(folder / file), HasSubstr("truncated"));
        EXPECT_THAT(refusal(folder / file), HasSubstr("download it again"));
    }
    EXPECT_THAT(refusal(folder / "module.zip.pth"), HasSubstr("its archive's directory is missing"));
}

TEST(StateDict, SaysWhatAFileIsInsteadOfWeights) {
    TemporaryFolder folder;
    const auto message = [&](std::string_view content) {
        write_file(folder / "x.pth", content);
        return refusal(folder / "x.pth");
    };
    EXPECT_THAT(message(""), HasSubstr("is empty"));
    EXPECT_THAT(message("<!DOCTYPE html><html>"), HasSubstr("(it begins with '<!DOCTYPE html>"));
    EXPECT_THAT(message("<!DOCTYPE html><html>"), HasSubstr("web page"));
    EXPECT_THAT(message("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("Git LFS pointer"));
    EXPECT_THAT(message("\x89HDF\r\n\x1a\n"), HasSubstr("Keras HDF5"));
    EXPECT_THAT(message("\x80\x02}q\x01."), HasSubstr("is a Python pickle, but not one of PyTorch's"));
    EXPECT_THAT(message("abc\x01\xff"), HasSubstr("begins with 'abc?\?'"));
    EXPECT_THAT(refusal(folder / "absent.pth"), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace reverie
