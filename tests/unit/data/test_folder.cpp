#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "drawn_images.h"
#include "reverie/core/hooks.h"
#include "reverie/image/picture.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::flat;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path sample(const std::string& name) {
    return std::filesystem::path(REVERIE_TEST_DATA) / "unit/image/samples" / name;
}

TEST(Folder, IsReadRecursivelyInTheOrderOfNamesWithItsFirstLevelAsLabels) {
    const TemporaryFolder folder;
    test::write_image(folder / "sad/deep/b.png", flat(30));
    test::write_image(folder / "happy/z.png", flat(10));
    test::write_image(folder / "sad/a.bmp", flat(20));
    test::write_image(folder / "loose.webp", flat(40));
    test::write_image(folder / ".hidden/c.png", flat(50));
    test::write_image(folder / "happy/.d.png", flat(60));
    test::write_text(folder / "happy/notes.txt", "no image");
    const Dataset set = open_dataset(folder.path());
    EXPECT_THAT(test::names(set), ElementsAre("happy/z.png", "loose.webp", "sad/a.bmp", "sad/deep/b.png"));
    EXPECT_THAT(set.classes(), ElementsAre("happy", "sad"));
    EXPECT_EQ(set.label(0), 0);
    EXPECT_EQ(set.label(1), -1);
    EXPECT_EQ(set.label(2), 1);
    EXPECT_EQ(set.label(3), 1);
    const auto levels = test::levels(set);
    EXPECT_NEAR(levels[1], 40, 2);  // WebP is lossy
    EXPECT_THAT(levels, ElementsAre(10, levels[1], 20, 30));
    EXPECT_TRUE(set.skipped().empty());
}

TEST(Folder, CountsAndListsWhatItLeavesOut) {
    const TemporaryFolder folder;
    test::write_image(folder / "a/1.png", flat(10));
    for (const char* name : {"a/movie.mov", "b.psd", "noname", ".DS_Store", "Thumbs.db", "a/notes.txt", "a/._1.png",
                             "labels.CSV", "README"}) {
        test::write_text(folder / name, "no image");
    }
    const Dataset set = open_dataset(folder.path(), {.strict = true});  // no fault of theirs
    EXPECT_THAT(test::names(set), ElementsAre("a/1.png"));
    std::vector<std::string> listed;
    for (const SkippedFile& file : set.skipped()) {
        listed.push_back(file.path);
        EXPECT_FALSE(file.is_fault);
        EXPECT_THAT(file.reason, HasSubstr("neither by its name nor by its content"));
    }
    EXPECT_THAT(listed, ElementsAre("a/movie.mov", "b.psd", "noname"));
    EXPECT_EQ(set.sidecars(), 6);
}

TEST(Folder, TakesWhatIsAPictureByItsContent) {
    const TemporaryFolder folder;
    test::write_image(folder / "1.png", flat(10));
    test::write_image(folder / "2.png", flat(20));
    std::filesystem::rename(folder / "2.png", folder / "2.png_large");
    test::write_text(folder / "3", "BM but no bitmap: a text of some length, longer than a header would be at least");
    test::write_text(folder / "4.cr2", std::string("II*\0\x10\0\0\0CR\2\0", 12));
    ASSERT_EQ(mkfifo((folder / "5").c_str(), 0600), 0);
    const Dataset set = open_dataset(folder.path());
    EXPECT_THAT(test::names(set), ElementsAre("1.png", "2.png_large"));
    EXPECT_EQ(set.skipped().size(), 3U);
}

TEST(List, MayBeginLikeABitmap) {
    const TemporaryFolder folder;
    test::write_image(folder / "BM/1.png", flat(10));
    test::write_text(folder / "list", "BM/1.png\n");
    EXPECT_THAT(test::names(open_dataset(folder / "list")), ElementsAre("BM/1.png"));
}

TEST(Folder, WithoutSubfoldersHasNoLabels) {
    const TemporaryFolder folder;
    test::write_image(folder / "a.png", flat(10));
    const Dataset set = open_dataset(folder.path());
    EXPECT_TRUE(set.classes().empty());
    EXPECT_EQ(set.label(0), -1);
}

TEST(Folder, FollowsLinksButNoLoopAndTakesNoFolderTwice) {
    const TemporaryFolder folder;
    const TemporaryFolder elsewhere;
    test::write_image(folder / "b/one.png", flat(10));
    test::write_image(elsewhere / "two.png", flat(20));
    std::filesystem::create_directory_symlink(folder.path(), folder / "b/loop");
    std::filesystem::create_directory_symlink(folder / "b",
                                              folder / "a");  // listed before b, and yet b is the real one
    std::filesystem::create_directory_symlink(elsewhere.path(), folder / "c");
    std::filesystem::create_symlink(folder / "b/one.png", folder / "b/same.png");
    std::filesystem::create_symlink(folder / "self.png", folder / "self.png");
    const Dataset set = open_dataset(folder.path());
    EXPECT_THAT(test::names(set), ElementsAre("b/one.png", "b/same.png", "c/two.png"));
    ASSERT_EQ(set.skipped().size(), 1U);
    EXPECT_EQ(set.skipped()[0].path, "self.png");
}

TEST(Folder, SkipsBadFilesAndSaysWhy) {
    const TemporaryFolder folder;
    test::write_image(folder / "good.png", test::drawing({40, 40}));
    test::write_image(folder / "whole.jpg", test::drawing({40, 40}));
    const std::string jpeg = test::encoded(test::drawing({90, 70}), PictureFormat::Jpeg);
    test::write_text(folder / "cut.jpg", jpeg.substr(0, jpeg.size() / 2));
    test::write_text(folder / "empty.png", "");
    test::write_text(folder / "text.jpg", "this is no image\n");
    ASSERT_EQ(mkfifo((folder / "pipe.png").c_str(), 0600), 0);
    std::filesystem::create_symlink("nowhere.png", folder / "broken.png");
    const Dataset set = open_dataset(folder.path());
    EXPECT_THAT(test::names(set), ElementsAre("good.png", "whole.jpg"));
    std::vector<std::string> skipped;
    std::string reasons;
    for (const SkippedFile& file : set.skipped()) {
        skipped.push_back(file.path);
        reasons += file.reason + "\n";
    }
    EXPECT_THAT(skipped, ElementsAre("broken.png", "cut.jpg", "empty.png", "pipe.png", "text.jpg"));
    EXPECT_THAT(reasons, HasSubstr("'cut.jpg' is truncated"));
    EXPECT_THAT(reasons, HasSubstr("'empty.png' is empty"));
    EXPECT_THAT(reasons, HasSubstr("is not a regular file"));
    EXPECT_THAT(reasons, HasSubstr("'text.jpg' is not a picture"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder.path(), {.strict = true}); }),
                HasSubstr("broken.png"));
    EXPECT_THAT(expect_error(ErrorKind::Input,
                             [&] {
                                 open_dataset(folder.path(), {.size = Size{16, 16}, .max_pixels = 100});
                             }),
                HasSubstr("broken.png"));  // all are bad then: the first fault is named
}

TEST(Folder, ReadsEveryKindOfImage) {
    const TemporaryFolder folder;
    for (const char* name : {"cmyk_adobe.jpg", "grey.jpg", "grey16.png", "rgba16.png", "palette_transparent.png",
                             "big_endian16.tif", "bilevel.tif", "premultiplied.tif", "lossy_alpha.webp", "turned.png",
                             "transparent.gif", "alpha.heic", "alpha.avif", "apple_alpha.png", "thumbnail_below.tif"}) {
        std::filesystem::copy_file(sample(name), folder / name);
    }
    std::filesystem::copy_file(sample("grey.jpg"), folder / "browser.jfif");
    for (const std::int64_t channels : {1, 3, 4}) {
        const Dataset set = open_dataset(folder.path(), {.size = Size{17, 33}, .channels = channels});
        EXPECT_EQ(set.count(), 16);
        EXPECT_TRUE(set.skipped().empty());
        EXPECT_EQ(set.read(all_indices(set)).sizes(), (std::vector<std::int64_t>{16, channels, 17, 33}));
    }
}

TEST(Folder, TakesTheSizeOfSmallImagesAndElse64) {
    const TemporaryFolder folder;
    test::write_text(folder / "0.jpg", "not the first that can be read");
    test::write_image(folder / "a.png", flat(10, {33, 128}));
    test::write_image(folder / "b.png", flat(20, {500, 17}));
    EXPECT_EQ(open_dataset(folder.path()).size(), (Size{33, 128}));
    test::write_image(folder / "a.png", flat(10, {33, 129}));
    EXPECT_EQ(open_dataset(folder.path()).size(), (Size{64, 64}));
    test::write_image(folder / "a.png", flat(10, {1, 20}));
    const Dataset tiny = open_dataset(folder.path());
    EXPECT_EQ(tiny.size(), (Size{16, 20}));
    EXPECT_THAT(test::levels(tiny), ElementsAre(10, 20));
}

TEST(Folder, OneImageIsASetOfOne) {
    const TemporaryFolder folder;
    test::write_image(folder / "only.png", test::drawing({33, 17}));
    const Dataset set = open_dataset(folder / "only.png");
    EXPECT_EQ(set.count(), 1);
    EXPECT_EQ(set.name(0), "only.png");
    EXPECT_EQ(set.size(), (Size{33, 17}));
    const std::vector<std::int64_t> twice = {0, 0};
    const Tensor expected = test::drawing({33, 17}).mul(255).add(0.5).floor();
    EXPECT_EQ((set.read(twice)[0].to(at::kFloat) - expected).abs().max().item<float>(), 0.0F);
}

TEST(Folder, WithoutAnyImageIsRefused) {
    const TemporaryFolder folder;
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder.path()); }), HasSubstr("holds no image"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder / "nowhere"); }), HasSubstr("does not exist"));
    test::write_text(folder / "zero", "");
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder / "zero"); }), HasSubstr("is empty"));
    test::write_text(folder / "binary", std::string("\x01\x02\x00 what", 8));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder / "binary"); }),
                HasSubstr("is not a set of images"));
}

TEST(List, NamesFilesRelativeToItselfInItsOwnOrder) {
    const TemporaryFolder folder;
    const TemporaryFolder elsewhere;
    test::write_image(folder / "b/x.png", flat(10));
    test::write_image(folder / "a/y.png", flat(20));
    test::write_image(elsewhere / "z.png", flat(30));
    test::write_text(folder / "list.txt", "\xef\xbb\xbf# chosen\r\n\r\n  b/x.png\r\n./a/y.png\nb/x.png\n" +
                                              (elsewhere / "z.png").string() + "\nmissing.png");
    const Dataset set = open_dataset(folder / "list.txt");
    EXPECT_THAT(test::levels(set), ElementsAre(10, 20, 10, 30));
    EXPECT_THAT(set.classes(), ElementsAre("a", "b"));
    EXPECT_EQ(set.label(0), 1);
    EXPECT_EQ(set.label(3), -1);
    ASSERT_EQ(set.skipped().size(), 1U);
    EXPECT_EQ(set.skipped()[0].path, "missing.png");
    test::write_text(folder / "list.txt", "# nothing\n");
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder / "list.txt"); }),
                HasSubstr("lists no image"));
}

TEST(DataOptions, OutOfRangeAreRefusedByTheirFlag) {
    for (const Size size : {Size{15, 16}, Size{16, 15}, Size{16, 4097}}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { validate({.size = size}); }), HasSubstr("--size"));
    }
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { validate({.channels = 2}); }), HasSubstr("--channels"));
    validate({.size = Size{16, 4096}, .channels = 4});
}

TEST(Dataset, IsGreyWhereItsImagesAreHoweverTheyAreStored) {
    const TemporaryFolder folder;
    test::write_image(folder / "three.png", test::drawing({24, 24}).mean(0).expand({3, 24, 24}));
    for (const char* name : {"grey.jpg", "grey16.png", "grey_alpha.png"}) {
        std::filesystem::copy(sample(name), folder / name);
    }
    test::write_text(folder / "damaged.png", "\x89PNG\r\n\x1a\n");
    EXPECT_EQ(open_dataset(folder.path()).channels(), 1);
    EXPECT_EQ(open_dataset(folder.path(), {.channels = 3}).channels(), 3);
    test::write_image(folder / "x.png", test::drawing({24, 24}));
    EXPECT_EQ(open_dataset(folder.path()).channels(), 3);
}

TEST(Dataset, DigestIsThatOfTheImagesAndNotOfTheirTimes) {
    const TemporaryFolder folder;
    test::write_image(folder / "a/1.png", flat(10));
    test::write_image(folder / "b/2.png", flat(20));
    const std::string digest = open_dataset(folder.path()).digest();
    EXPECT_EQ(digest.size(), 32U);
    std::filesystem::last_write_time(folder / "a/1.png", std::filesystem::file_time_type::clock::now());
    EXPECT_EQ(open_dataset(folder.path()).digest(), digest);
    EXPECT_EQ(open_dataset(folder.path(), {.size = Size{24, 24}}).digest(), digest);  // which it was anyway
    EXPECT_NE(open_dataset(folder.path(), {.size = Size{24, 25}}).digest(), digest);
    EXPECT_NE(open_dataset(folder.path(), {.channels = 3}).digest(), digest);
    EXPECT_NE(open_dataset(folder.path(), {.fit = Fit::Stretch}).digest(), digest);
    std::filesystem::rename(folder / "b", folder / "c");
    EXPECT_NE(open_dataset(folder.path()).digest(), digest);
}

TEST(Dataset, StopsWhenAsked) {
    const TemporaryFolder folder;
    test::write_image(folder / "a.png", flat(10));
    CancelToken cancel;
    cancel.request();
    Hooks hooks;
    hooks.cancel = &cancel;
    expect_error(ErrorKind::Cancelled, [&] { open_dataset(folder.path(), {.size = Size{16, 16}}, hooks); });
}

TEST(Dataset, ReportsProgressUpToTheEnd) {
    const TemporaryFolder folder;
    for (int i = 0; i < 70; ++i) {
        test::write_image(folder / (std::to_string(i) + ".bmp"), flat(i));
    }
    std::vector<double> done;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) {
        EXPECT_EQ(progress.unit, "images");
        EXPECT_EQ(progress.total, 70);
        done.push_back(progress.done);
    };
    open_dataset(folder.path(), {}, hooks);
    ASSERT_FALSE(done.empty());
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(done.back(), 70);
}

}  // namespace
}  // namespace reverie
