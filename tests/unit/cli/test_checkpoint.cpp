#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/style/checkpoint.h"
#include "cli/style/trace_file.h"
#include "reverie/core/files.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Checkpoints : public testing::Test {
  protected:
    Checkpoints() {
        checkpoint_.output = "out/\"ä\".png";
        checkpoint_.identity.set("steps", std::int64_t{20});
        checkpoint_.identity.set_list("style", {"a.jpg=2", "b.jpg"});
        checkpoint_.identity.set(pixels_of("the input"), "1f");
        checkpoint_.state.tensors["image"] = at::rand({3, 5, 7});
        checkpoint_.state.tensors["sums"] = at::rand({4}, at::kDouble);
        checkpoint_.state.tensors["scalar"] = at::scalar_tensor(3, at::kLong);
        checkpoint_.state.notes = {{"losses", "0x1.8p+3 1\n"}, {"tile", "512"}};
        checkpoint_.max_memory = 6'000'000'000;
        checkpoint_.traced = 41;
        write_checkpoint(path_, checkpoint_);
    }

    std::string text() const {
        const std::vector<std::byte> bytes = read_file(path_);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    test::TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "work.state";
    Checkpoint checkpoint_;
};

TEST_F(Checkpoints, ComeBackToTheBit) {
    const Checkpoint read = read_checkpoint(path_);
    EXPECT_EQ(read.output, checkpoint_.output);
    EXPECT_EQ(read.identity.all(), checkpoint_.identity.all());
    EXPECT_EQ(read.state.notes, checkpoint_.state.notes);
    EXPECT_EQ(read.max_memory, checkpoint_.max_memory);
    EXPECT_EQ(read.traced, 41);
    ASSERT_EQ(read.state.tensors.size(), 3U);
    for (const auto& [name, tensor] : checkpoint_.state.tensors) {
        EXPECT_TRUE(read.state.tensors.at(name).equal(tensor)) << name;
        EXPECT_EQ(read.state.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    }
    require_same(read, checkpoint_.identity, path_);
    EXPECT_TRUE(is_of(read, checkpoint_.output));
    EXPECT_TRUE(is_of(read, "./out//" + checkpoint_.output.substr(4))) << "the same file";
    EXPECT_FALSE(is_of(read, "out/b.png"));
}

TEST_F(Checkpoints, NamesOfAnyBytesAreTheirs) {
    checkpoint_.output = "out/\xff.png";
    checkpoint_.identity.set("protect", "m\xe4sk.png");
    write_checkpoint(path_, checkpoint_);
    const Checkpoint read = read_checkpoint(path_);
    EXPECT_TRUE(is_of(read, checkpoint_.output));
    require_same(read, checkpoint_.identity, path_);
}

TEST_F(Checkpoints, AnyChangedByteIsRefused) {
    const std::string whole = text();
    for (std::size_t at = 3; at < whole.size(); at += 41) {
        std::string damaged = whole;
        damaged[at] ^= 4;
        write_file(path_, std::string_view(damaged));
        EXPECT_THAT(expect_error(ErrorKind::Input, [this] { read_checkpoint(path_); }), HasSubstr("work.state"))
            << "byte " << at;
    }
    for (const std::size_t length : {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
        write_file(path_, std::string_view(whole).substr(0, length));
        expect_error(ErrorKind::Input, [this] { read_checkpoint(path_); });
    }
}

TEST_F(Checkpoints, WhatCannotBeReadIsNotCalledDamaged) {
    std::filesystem::create_directory(folder_ / "folder");
    EXPECT_THAT(expect_error(ErrorKind::Input, [this] { read_checkpoint(folder_ / "folder"); }),
                AllOf(HasSubstr("is a folder"), Not(HasSubstr("remove"))));
}

TEST_F(Checkpoints, AreToldFromOtherFiles) {
    EXPECT_TRUE(is_checkpoint(path_));
    write_safetensors(folder_ / "net.safetensors", {{"image", at::rand({3})}});
    EXPECT_FALSE(is_checkpoint(folder_ / "net.safetensors"));
    write_file(path_, std::string_view("precious"));
    EXPECT_FALSE(is_checkpoint(path_));
}

TEST_F(Checkpoints, AFlagIsNamedBeforeThePixelsThatFollowFromIt) {
    Settings present;
    present.set(pixels_of("the input"), "2f");
    present.set(bytes_of("the weights"), "3f");
    present.set("steps", std::int64_t{20});
    const std::string said = expect_error(ErrorKind::Usage, [&] { require_same(checkpoint_, present, path_); });
    EXPECT_THAT(said, HasSubstr("with style a.jpg=2,b.jpg, but this run has no style"));
}

TEST_F(Checkpoints, TheFirstDifferenceIsNamed) {
    const auto refused = [this](const Settings& identity) {
        return expect_error(ErrorKind::Usage, [&] { require_same(checkpoint_, identity, path_); });
    };
    Settings steps;
    steps.set("steps", std::int64_t{30});
    steps.set_list("style", {"c.jpg"});
    EXPECT_THAT(refused(steps), AllOf(HasSubstr("with steps 20, but this run has steps 30"), Not(HasSubstr("style"))));
    Settings pixels;
    pixels.set("steps", std::int64_t{20});
    pixels.set_list("style", {"a.jpg=2", "b.jpg"});
    EXPECT_THAT(refused(pixels), HasSubstr("pixels of the input"));
    pixels.set(pixels_of("the input"), "0123456789abcdef");
    EXPECT_THAT(refused(pixels), AllOf(HasSubstr("other pixels of the input"), Not(HasSubstr("0123456789abcdef"))));
    Settings more = checkpoint_.identity;
    more.set("mask", "m.png");
    EXPECT_THAT(refused(more), HasSubstr("with no mask, but this run has mask m.png"));
}

class Traces : public testing::Test {
  protected:
    static StyleTrace step(std::int64_t number) {
        return {{36, 48}, 1, number, {{"total", 0.5 * static_cast<double>(number)}}};
    }
    std::string text() const {
        const std::vector<std::byte> bytes = read_file(path_);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    void trace(bool keep, const std::string& output, std::int64_t kept, std::int64_t from, std::int64_t to) const {
        TraceFile file(path_, keep);
        file.begin(output, kept);
        for (std::int64_t i = from; i < to; ++i) {
            file.add(step(i));
        }
        EXPECT_EQ(file.lines(), to);
    }

    test::TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "trace.jsonl";
};

TEST_F(Traces, GoOnAsIfNeverInterrupted) {
    trace(false, "a.png", 0, 0, 2);
    trace(true, "b.png", 0, 0, 9);
    const std::string whole = text();
    EXPECT_THAT(whole, HasSubstr(R"({"output":"b.png","scale":1,"width":48,"height":36,"step":8,"total":4.0})"));

    write_file(path_, whole.substr(0, whole.size() - 20));  // killed within a line
    trace(true, "b.png", 5, 5, 9);
    EXPECT_EQ(text(), whole);
    trace(true, "b.png", 0, 0, 9);
    EXPECT_EQ(text(), whole);
    trace(false, "b.png", 0, 0, 1);
    const std::string anew = text();
    EXPECT_EQ(std::count(anew.begin(), anew.end(), '\n'), 1);
}

TEST_F(Traces, FilesOfOtherKindsAreNotTouched) {
    write_file(path_, std::string_view("my notes\nof last year\n"));
    EXPECT_THAT(expect_error(ErrorKind::Output, [this] { trace(true, "a.png", 0, 0, 1); }), HasSubstr("--trace"));
    EXPECT_EQ(text(), "my notes\nof last year\n");
    for (const std::string_view one : {"my notes", "{\"a\":1}\n", "{\"a\":1}", "{\"output\":\n"}) {
        write_file(path_, one);
        expect_error(ErrorKind::Output, [this] { trace(true, "a.png", 0, 0, 1); });
        EXPECT_EQ(text(), one);
    }
}

}  // namespace
}  // namespace reverie
