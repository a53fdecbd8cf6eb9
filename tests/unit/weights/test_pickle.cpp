// The restricted pickle interpreter on pickles made by hand: forms that today's PyTorch no longer writes, and bombs.
#include "weights/pickle.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "reverie/core/files.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie::weights {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = PickleValue::Kind;

const std::filesystem::path kPath = "x.pth";

Pickle run(const std::string& pickle) { return read_pickle(std::as_bytes(std::span(pickle)), kPath); }

std::string refusal(const std::string& pickle) {
    return expect_error(ErrorKind::Weights, [&] { run(pickle); });
}

std::string repeated(const std::string& piece, int times) {
    std::string text;
    for (int k = 0; k < times; ++k) {
        text += piece;
    }
    return text;
}

std::string text(const std::string& value) { return "U" + std::string(1, static_cast<char>(value.size())) + value; }

/// A tensor over storage "k" of four floats: `count` elements from element `offset` on; the storage is seen from
/// `view`.
std::string tensor(int offset, int count, const std::string& view = "N") {
    const auto integer = [](int value) { return "K" + std::string(1, static_cast<char>(value)); };
    return "ctorch._utils\n_rebuild_tensor\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("k") + text("cpu") +
           "K\x04" + view + "tQ" + integer(offset) + "(" + integer(count) + "t(K\x01ttR";
}

/// A legacy container of `object` and the storage {0, 1, 2, 3}.
std::string legacy(const std::string& object) {
    const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    const std::string system = "}" + text("little_endian") + "\x88s.";
    const float values[] = {0, 1, 2, 3};
    return "\x80\x02" + magic + "\x80\x02M\xe9\x03.\x80\x02" + system + "\x80\x02" + object + ".\x80\x02](" +
           text("k") + "e." + std::string("\x04\0\0\0\0\0\0\0", 8) +
           std::string(reinterpret_cast<const char*>(values), sizeof(values));
}

StateDict read_legacy(const TemporaryFolder& folder, const std::string& object) {
    write_file(folder / "x.pth", legacy(object));
    return read_state_dict(folder / "x.pth");
}

TEST(Pickle, ReadsIntegersOfEveryForm) {
    const Pickle pickle = run(std::string("(K\xffM\x01\x02J\xfe\xff\xff\xff\x8a\x01\x80\x8a\x00", 16) +
                              std::string("\x8b\x02\x00\x00\x00\x00\x01I-12\nL7L\nI01\nt.", 22));
    std::vector<std::int64_t> numbers;
    for (const PickleValue& value : pickle.items(pickle.root)) {
        EXPECT_EQ(value.kind, Kind::Int);
        numbers.push_back(value.number);
    }
    EXPECT_THAT(numbers, ElementsAre(255, 513, -2, -128, 0, 256, -12, 7, 1));
}

TEST(Pickle, ReadsTheOrderedDictOfPython2) {
    TemporaryFolder folder;
    const StateDict state = read_legacy(folder, "ccollections\nOrderedDict\n(](](" + text("a") + tensor(0, 2) + "e](" +
                                                    text("b") + tensor(2, 2) + "eetR");
    EXPECT_THAT(state.names(), ElementsAre("a", "b"));
    EXPECT_TRUE(at::equal(state.load("b"), at::tensor({2.F, 3.F})));
}

TEST(Pickle, ReadsViewsOfStorages) {
    TemporaryFolder folder;
    const std::string view = "(" + text("v") + "K\x01K\x03t";
    const StateDict state = read_legacy(folder, "}" + text("a") + tensor(1, 2, view) + "s");
    EXPECT_TRUE(at::equal(state.load("a"), at::tensor({2.F, 3.F})));
    expect_error(ErrorKind::Weights, [&] { read_legacy(folder, "}" + text("a") + tensor(1, 3, view) + "s"); });
    const std::string far = "(" + text("v") + "J\xff\xff\xff\x7fK\x03t";
    expect_error(ErrorKind::Weights, [&] { read_legacy(folder, "}" + text("a") + tensor(0, 1, far) + "s"); });
}

TEST(Pickle, LetsALaterKeyWin) {
    TemporaryFolder folder;
    const StateDict state = read_legacy(folder, "}(" + text("a") + tensor(0, 1) + text("a") + tensor(3, 1) + "u");
    EXPECT_TRUE(at::equal(state.load("a"), at::tensor({3.F})));
}

TEST(Pickle, KeepsTheNamesOfTwoWrappers) {
    TemporaryFolder folder;
    const StateDict state = read_legacy(folder, "}(" + text("model") + "}" + text("a") + tensor(0, 1) + "s" +
                                                    text("params") + "}" + text("a") + tensor(1, 1) + "su");
    EXPECT_THAT(state.names(), ElementsAre("model.a", "params.a"));
}

TEST(Pickle, RefusesCallsOfWhatIsNoFunction) {
    EXPECT_THAT(refusal("ctorch\nFloatStorage\n)R."), HasSubstr("calls a storage class"));
    EXPECT_THAT(refusal("ctorch\nfloat32\n)R."), HasSubstr("calls a storage class or an element type"));
    EXPECT_THAT(refusal("})R."), HasSubstr("calls something that is not a function"));
    EXPECT_THAT(refusal("ctorch.hub\nload\n."), HasSubstr("asks to run torch.hub.load"));
    EXPECT_THAT(refusal("c\x1b[2J\nrm\n."), HasSubstr("asks to run ?[2J.rm,"));
}

TEST(Pickle, KeepsDictionariesThatUnfoldWithoutEndOutOfMemory) {
    // Each of 40 dictionaries holds the one before twice: 2^40 places for one tensor.
    TemporaryFolder folder;
    std::string object = "}" + text("t") + tensor(0, 1) + "sq" + std::string(1, '\0');
    for (char level = 0; level < 40; ++level) {
        const std::string before = {'h', level};
        object += "}(" + text("a") + before + text("b") + before + "uq" + std::string(1, static_cast<char>(level + 1));
    }
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { read_legacy(folder, object); }), HasSubstr("too deep"));
}

TEST(Pickle, KeepsRepeatedCopiesOfAListOutOfMemory) {
    // 20,000 pairs, of which 200,000 dictionaries are to be made.
    const std::string pairs = "](" +
                              repeated(
                                  "](K\x01K\x02"
                                  "e",
                                  20000) +
                              "e" + "\x85q" + std::string(1, '\0') + "0";
    const std::string dictionary = "ccollections\nOrderedDict\nh" + std::string(1, '\0') + "R0";
    EXPECT_THAT(refusal(pairs + repeated(dictionary, 200000) + "N."), HasSubstr("takes more than 2097152 operations"));
}

TEST(Pickle, TakesDeepNestingWithoutRecursion) {
    const Pickle pickle = run(")" + repeated("\x85", 1000000) + ".");
    EXPECT_EQ(pickle.root.kind, Kind::Tuple);
    EXPECT_THAT(refusal(")" + repeated("\x85", 3000000) + "."), HasSubstr("takes more than"));
}

}  // namespace
}  // namespace reverie::weights
