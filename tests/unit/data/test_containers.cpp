#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawn_images.h"
#include "reverie/image/picture.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::flat;
using test::TarText;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string png(int level) { return test::encoded(flat(level), PictureFormat::Png); }

TEST(Tar, IsReadLikeTheFolderItHolds) {
    const TemporaryFolder folder;
    TarText tar;
    tar.add("sad/", "", '5').add("sad/b.png", png(20)).add("./happy/a.png", png(10)).add("sad/read.me", "text");
    tar.add("sad/._b.png", "a Macintosh's shadow").add("happy/link.png", "", '2').add("loose.png", png(30));
    test::write_text(folder / "set.tar", tar.finished());
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set), ElementsAre("happy/a.png", "loose.png", "sad/b.png"));
    EXPECT_THAT(test::levels(set), ElementsAre(10, 30, 20));
    EXPECT_THAT(set.classes(), ElementsAre("happy", "sad"));
    EXPECT_EQ(set.label(1), -1);
}

TEST(Tar, KnowsTheLongNamesOfAllThreeDialects) {
    const TemporaryFolder folder;
    const std::string long_name = "set/" + std::string(150, 'g') + "/a.png";
    const std::string pax_name = "set/" + std::string(150, 'p') + "/a.png";
    TarText tar;
    tar.add("././@LongLink", long_name + '\0', 'L').add(long_name, png(10));
    tar.add("PaxHeaders/a", test::pax_record("mtime", "1.5") + test::pax_record("path", pax_name), 'x')
        .add("short.png", png(20));
    tar.add("a.png", png(30), '0', "set/" + std::string(150, 'u'));
    test::write_text(folder / "set.tar", tar.finished());
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set), ElementsAre(long_name, pax_name, "set/" + std::string(150, 'u') + "/a.png"));
    EXPECT_THAT(test::levels(set), ElementsAre(10, 20, 30));
    // All lie in "set": what is below it tells the classes.
    EXPECT_THAT(set.classes(), ElementsAre(std::string(150, 'g'), std::string(150, 'p'), std::string(150, 'u')));
}

TEST(Tar, OfEqualNamesTheLastCounts) {
    const TemporaryFolder folder;
    test::write_text(folder / "set.tar",
                     TarText().add("a.png", png(10)).add("b.png", png(20)).add("a.png", png(30)).finished());
    EXPECT_THAT(test::levels(open_dataset(folder / "set.tar")), ElementsAre(30, 20));
}

TEST(Tar, ThatIsDamagedIsRefused) {
    const TemporaryFolder folder;
    const std::string whole = TarText().add("a.png", png(10)).add("b.png", png(20)).finished();
    const auto open = [&](const std::string& text) {
        test::write_text(folder / "set.tar", text);
        return expect_error(ErrorKind::Input, [&] { open_dataset(folder / "set.tar"); });
    };
    EXPECT_THAT(open(whole.substr(0, 540)), HasSubstr("it ends within 'a.png'"));
    EXPECT_THAT(open(TarText().add("a.png", png(10)).blocks + whole.substr(0, 100)),
                HasSubstr("it ends within a header"));
    std::string broken = whole;
    broken[124 + 10] = '7';
    EXPECT_THAT(open(broken), HasSubstr("no valid header at byte 0"));
    EXPECT_THAT(open(TarText().add("read.me", "text").finished()), HasSubstr("holds no image"));
    // Every cut is a sentence or a whole set, never a crash.
    for (std::size_t length = 1; length < whole.size(); length += 37) {
        test::expect_set_or_sentence(folder / "set.tar", whole.substr(0, length));
    }
}

TEST(Tar, SkipsADamagedImage) {
    const TemporaryFolder folder;
    test::write_text(folder / "set.tar",
                     TarText().add("a.png", png(10).substr(0, 60)).add("b.png", png(20)).finished());
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set), ElementsAre("b.png"));
    ASSERT_EQ(set.skipped().size(), 1U);
    EXPECT_EQ(set.skipped()[0].path, "a.png");
}

/// Three images of 18 x 20 whose pixels count up, and labels 12, 3, 12.
struct Digits {
    Digits() {
        for (int i = 0; i < 3 * 18 * 20; ++i) {
            values += static_cast<char>(i % 251);
        }
    }
    void write(const TemporaryFolder& folder, const std::string& part) const {
        test::write_text(folder / (part + "-images-idx3-ubyte"), test::idx_text({3, 18, 20}, values));
        test::write_text(folder / (part + "-labels-idx1-ubyte"), test::idx_text({3}, "\x0c\x03\x0c"));
    }
    std::string values;
};

TEST(Idx, FileIsReadWithTheLabelsBesideIt) {
    const TemporaryFolder folder;
    const Digits digits;
    digits.write(folder, "train");
    const Dataset set = open_dataset(folder / "train-images-idx3-ubyte");
    EXPECT_EQ(set.count(), 3);
    EXPECT_EQ(set.size(), (Size{18, 20}));
    EXPECT_EQ(set.channels(), 1);
    EXPECT_EQ(set.name(2), "#2");
    EXPECT_THAT(set.classes(), ElementsAre("3", "12"));  // as numbers
    EXPECT_EQ(set.label(0), 1);
    EXPECT_EQ(set.label(1), 0);
    const Tensor images = set.read(all_indices(set));
    EXPECT_EQ(std::memcmp(images.data_ptr<std::uint8_t>(), digits.values.data(), digits.values.size()), 0);
}

TEST(Idx, FolderHasATrainingAndATestPartPlainOrZipped) {
    const TemporaryFolder folder;
    const Digits digits;
    digits.write(folder, "train");
    test::write_text(folder / "t10k-images-idx3-ubyte.gz",
                     test::gzipped(test::idx_text({2, 18, 20}, digits.values.substr(0, 720))));
    test::write_text(folder / "t10k-labels-idx1-ubyte.gz", test::gzipped(test::idx_text({2}, "\x01\x02")));
    EXPECT_EQ(open_dataset(folder.path()).count(), 3);
    const Dataset tests = open_dataset(folder.path(), {.part = DataPart::Test});
    EXPECT_EQ(tests.count(), 2);
    EXPECT_THAT(tests.classes(), ElementsAre("1", "2"));
    EXPECT_EQ(std::memcmp(tests.read(all_indices(tests)).data_ptr<std::uint8_t>(), digits.values.data(), 720), 0);
    std::filesystem::remove(folder / "t10k-images-idx3-ubyte.gz");
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder.path(), {.part = DataPart::Test}); }),
                HasSubstr("t10k-images"));
}

TEST(Idx, WithoutLabelsIsUnlabelledAndResizedWhenAskedTo) {
    const TemporaryFolder folder;
    test::write_text(folder / "my.idx",
                     test::idx_text({2, 20, 20}, std::string(400, '\x64') + std::string(400, '\x32')));
    const Dataset set = open_dataset(folder / "my.idx", {.size = Size{32, 48}, .channels = 3});
    EXPECT_TRUE(set.classes().empty());
    EXPECT_EQ(set.size(), (Size{32, 48}));
    EXPECT_THAT(test::levels(set), ElementsAre(0x64, 0x32));
}

TEST(Idx, DigestTellsSetsOfEqualShapeApart) {
    const TemporaryFolder folder;
    test::write_text(folder / "my.idx", test::idx_text({1, 20, 20}, std::string(400, '\x64')));
    const std::string digest = open_dataset(folder / "my.idx").digest();
    test::write_text(folder / "my.idx", test::idx_text({1, 20, 20}, std::string(399, '\x64') + "\x65"));
    EXPECT_NE(open_dataset(folder / "my.idx").digest(), digest);
}

TEST(Idx, ThatIsDamagedIsRefused) {
    const TemporaryFolder folder;
    const Digits digits;
    digits.write(folder, "train");
    const auto open = [&](const std::string& text) {
        test::write_text(folder / "train-images-idx3-ubyte", text);
        return expect_error(ErrorKind::Input, [&] { open_dataset(folder.path()); });
    };
    const std::string whole = test::idx_text({3, 18, 20}, digits.values);
    const std::string zipped = test::gzipped(whole);
    EXPECT_THAT(open(whole.substr(0, whole.size() - 1)), HasSubstr("is truncated"));
    EXPECT_THAT(open(whole.substr(0, 9)), HasSubstr("is truncated"));
    EXPECT_THAT(open(zipped.substr(0, zipped.size() - 9)), HasSubstr("is truncated"));
    EXPECT_THAT(open(zipped.substr(0, zipped.size() - 3)), HasSubstr("is truncated"));
    std::string wrong_sum = zipped;
    wrong_sum[zipped.size() - 6] = static_cast<char>(wrong_sum[zipped.size() - 6] ^ 1);
    EXPECT_THAT(open(wrong_sum), HasSubstr("is a damaged gzip file"));
    EXPECT_THAT(open(test::idx_text({4'000'000'000, 4'000'000'000, 4'000'000'000}, "few")), HasSubstr("is truncated"));
    EXPECT_THAT(open(test::gzipped(test::idx_text({4'000'000'000, 28, 28}, "few"))), HasSubstr("is truncated"));
    EXPECT_THAT(open(test::idx_text({0, 28, 28}, "")), HasSubstr("holds no value"));
    EXPECT_THAT(open(test::idx_text({3, 18, 20}, digits.values, 13)), HasSubstr("of type 13 in 3 dimensions"));
    EXPECT_THAT(open(test::idx_text({1080}, digits.values)), HasSubstr("in 1 dimensions"));
    EXPECT_THAT(open(test::gzipped("a text")), HasSubstr("something other than IDX"));
    EXPECT_THAT(open(test::idx_text({1, 54, 20}, digits.values)), HasSubstr("as many of both were wanted"));
}

}  // namespace
}  // namespace reverie
