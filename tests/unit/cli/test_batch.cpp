#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "reverie/cli/batch.h"
#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;

class Batch : public testing::Test {
  protected:
    std::string file(const std::string& name) const {
        write_file(folder_ / name, std::string_view("x"));
        return folder_ / name;
    }
    std::string path(const std::string& name) const { return folder_ / name; }

    static std::vector<std::string> outputs(const std::vector<BatchItem>& items) {
        std::vector<std::string> all;
        for (const BatchItem& item : items) {
            all.push_back(item.fault ? item.fault->what() : item.output);
        }
        return all;
    }

    test::TemporaryFolder folder_;
};

TEST_F(Batch, OneInputAndAPictureNameIsThatFile) {
    EXPECT_THAT(outputs(plan_batch({{"a.jpg"}, "b.png"})), ElementsAre("b.png"));
    EXPECT_THAT(outputs(plan_batch({{"-"}, "-"})), ElementsAre("-"));
}

TEST_F(Batch, OneInputAndANameWithoutExtensionIsAFolder) {
    EXPECT_THAT(outputs(plan_batch({{"x/a.jpg"}, "out"})), ElementsAre("out/a.jpg"));
    EXPECT_THAT(outputs(plan_batch({{"x/a.jpg"}, "out.png/"})), ElementsAre("out.png/a.jpg"));
    EXPECT_THAT(outputs(plan_batch({{"a.jpg"}, path("")})), ElementsAre(path("a.jpg")));
    EXPECT_THAT(outputs(plan_batch({{"-"}, "out"})), ElementsAre("out/stdin.png"));
}

TEST_F(Batch, NamesThatCannotBeWrittenGetPngAppended) {
    EXPECT_THAT(outputs(plan_batch({{"scan.pnm", "noext"}, "out"})), ElementsAre("out/scan.pnm.png", "out/noext.png"));
}

TEST_F(Batch, FoldersGiveTheirPicturesSortedAndNothingHidden) {
    file("in/b.PNG");
    file("in/a.jpg");
    file("in/.hidden.jpg");
    file("in/notes.txt");
    file("in/sub/c.webp");
    EXPECT_THAT(outputs(plan_batch({{path("in")}, "out"})), ElementsAre("out/a.jpg", "out/b.PNG"));
    EXPECT_THAT(outputs(plan_batch({{path("in")}, "out", true})),
                ElementsAre("out/a.jpg", "out/b.PNG", "out/sub/c.webp"));
}

TEST_F(Batch, FoldersTakeWhatIsAPictureByItsContentAndNameTheRestOnce) {
    file("in/a.jpg");
    save_image(path("in/b.png"), at::rand({3, 8, 8}));
    std::filesystem::rename(path("in/b.png"), path("in/b"));
    for (const char* name : {"in/c.psd", "in/d.mov", "in/sub/e", "in/f.nef", "in/.hidden", "in/notes.txt",
                             "in/trace.jsonl", "in/work.state", "other/g.xcf"}) {
        file(name);
    }
    file("other/h.png");
    ASSERT_EQ(mkfifo(path("in/pipe").c_str(), 0600), 0);
    std::vector<std::string> said;
    const auto warn = [&said](const std::string& sentence) { said.push_back(sentence); };
    EXPECT_THAT(outputs(plan_batch({{path("in"), path("other")}, "out", true, {}, {}, warn})),
                ElementsAre("out/a.jpg", "out/b.png", "out/h.png"));
    EXPECT_THAT(
        said, ElementsAre("5 files left out (" + path("in/c.psd") + ", " + path("in/d.mov") + ", " + path("in/f.nef") +
                          ", ...), which are not pictures that can be read, neither by name nor by content"));
    said.clear();
    EXPECT_THAT(pictures_in(path("in"), warn), ElementsAre(path("in/a.jpg"), path("in/b")));
    EXPECT_THAT(said, ElementsAre(HasSubstr("3 files left out")));
}

TEST_F(Batch, ALinkToNothingIsAPictureThatCannotBeRead) {
    file("in/a.jpg");
    std::filesystem::create_symlink("nowhere.jpg", path("in/b.jpg"));
    std::filesystem::create_symlink("nowhere", path("in/c"));
    EXPECT_THAT(outputs(plan_batch({{path("in")}, "out"})), ElementsAre("out/a.jpg", "out/b.jpg"));
}

TEST_F(Batch, ADeviceIsAnOutputAndNeverInTheWay) {
    std::vector<BatchItem> items = plan_batch({{"a.jpg"}, "/dev/null"});
    EXPECT_THAT(outputs(items), ElementsAre("/dev/null"));
    check_outputs(items, Existing::Refuse);
    EXPECT_THAT(outputs(items), ElementsAre("/dev/null"));
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 plan_batch({{"a.jpg", "b.jpg"}, "/dev/null"});
                             }),
                HasSubstr("is one file"));
}

TEST_F(Batch, WhatIsReadAndNotWrittenBecomesPng) {
    for (const char* name : {"in/a.heic", "in/b.jfif", "in/c.GIF", "in/d.avif"}) {
        file(name);
    }
    EXPECT_THAT(outputs(plan_batch({{path("in")}, "out"})),
                ElementsAre("out/a.heic.png", "out/b.jfif", "out/c.GIF.png", "out/d.avif.png"));
}

TEST_F(Batch, FoldersWithoutPicturesAndPatternsWithoutFilesAreFaults) {
    file("in/notes.txt");
    EXPECT_THAT(outputs(plan_batch({{path("in"), path("*.jpg")}, "out"})),
                ElementsAre(HasSubstr("holds no pictures"), HasSubstr("no file matches")));
}

TEST_F(Batch, FoldersThatCannotBeReadAreFaultsAndTheRestIsDone) {
    file("in/a.jpg");
    file("in/closed/b.jpg");
    file("in/open/c.jpg");
    std::filesystem::permissions(path("in/closed"), std::filesystem::perms::none);
    if (access(path("in/closed").c_str(), R_OK) == 0) {
        std::filesystem::permissions(path("in/closed"), std::filesystem::perms::owner_all);
        GTEST_SKIP() << "this user may read everything";
    }
    EXPECT_THAT(outputs(plan_batch({{path("in")}, "out", true})),
                ElementsAre("out/a.jpg", HasSubstr("in/closed' cannot be read"), "out/open/c.jpg"));
    EXPECT_THAT(outputs(plan_batch({{path("in/closed")}, "out"})), ElementsAre(HasSubstr("cannot be read")));
    std::filesystem::permissions(path("in/closed"), std::filesystem::perms::owner_all);
}

TEST_F(Batch, PatternsAreExpandedUnlessTheFileExists) {
    file("a1.jpg");
    file("a2.jpg");
    EXPECT_THAT(outputs(plan_batch({{path("a?.jpg")}, "out"})), ElementsAre("out/a1.jpg", "out/a2.jpg"));
    file("a?.jpg");
    EXPECT_THAT(outputs(plan_batch({{path("a?.jpg")}, "out"})), ElementsAre("out/a?.jpg"));
}

TEST_F(Batch, PartsOfAPatternThatAreThereByTheirNameAreNoPatterns) {
    file("[2024] pics/a1.png");
    file("[2024] pics/a[1].png");
    EXPECT_THAT(outputs(plan_batch({{path("[2024] pics/*1.png")}, "out"})), ElementsAre("out/a1.png"));
    EXPECT_THAT(outputs(plan_batch({{path("[2024] pics/a[1-9].png")}, "out"})), ElementsAre("out/a1.png"));
    EXPECT_THAT(outputs(plan_batch({{path("*pics/a[1].png")}, "out"})), ElementsAre("out/a[1].png"));
    EXPECT_THAT(outputs(plan_batch({{path("*/a?.png")}, "out"})), ElementsAre("out/a1.png"));
    EXPECT_THAT(outputs(plan_batch({{path("[2025] pics/*.png")}, "out"})), ElementsAre(HasSubstr("[[]")));
    file(".hidden/a.png");
    EXPECT_THAT(outputs(plan_batch({{path("*/a.png")}, "out"})), ElementsAre(HasSubstr("no file matches")));
}

TEST_F(Batch, TheOutputFolderIsNoInputOfItsOwnBatch) {
    namespace fs = std::filesystem;
    file("in/a.jpg");
    file("in/sub/b.jpg");
    file("in/dreams/a.jpg");
    file("in/dreams/sub/b.jpg");
    fs::create_directory_symlink(path("in/dreams"), path("link"));
    for (const std::string& output : {path("in/dreams"), path("link"), path("in/sub/../dreams/")}) {
        std::vector<std::string> notes;
        const auto note = [&](const std::string& sentence) { notes.push_back(sentence); };
        const auto items = plan_batch({{path("in")}, output, true, {}, note});
        EXPECT_THAT(items, testing::SizeIs(2)) << output;
        EXPECT_THAT(notes, ElementsAre(HasSubstr("left out 2 pictures")));
    }
    EXPECT_THAT(plan_batch({{path("in/*/*.jpg")}, path("in/dreams")}), testing::SizeIs(1));
    // What is named is done.
    EXPECT_THAT(plan_batch({{path("in/dreams")}, path("in/dreams"), true}), testing::SizeIs(2));
    EXPECT_THAT(plan_batch({{path("in/dreams/*.jpg")}, path("in/dreams")}), testing::SizeIs(1));
    EXPECT_THAT(plan_batch({{path("in/sub")}, path("in"), true}), testing::SizeIs(1));
    fs::remove_all(path("in/a.jpg"));
    fs::remove_all(path("in/sub"));
    EXPECT_THAT(outputs(plan_batch({{path("in")}, path("in/dreams"), true})),
                ElementsAre(HasSubstr("no pictures but those of the --output folder")));
}

TEST_F(Batch, ANameWithADotIsAFolderForSeveralInputsUnlessItIsAPicturesName) {
    EXPECT_THAT(outputs(plan_batch({{"a.jpg", "b.jpg"}, "v2.5"})), ElementsAre("v2.5/a.jpg", "v2.5/b.jpg"));
    for (const char* name : {"out.png", "out.JPG", "out.gif", "out.heic"}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage,
                                 [&] {
                                     plan_batch({{"a.jpg", "b.jpg"}, name});
                                 }),
                    HasSubstr("end the name in /"));
    }
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { plan_batch({{"a.jpg"}, "v2.5"}); }), HasSubstr("in / to name a"));
}

TEST_F(Batch, TheSameFileIsDoneOnceAndTwoForOneNameAreRefused) {
    EXPECT_THAT(outputs(plan_batch({{"a.jpg", "./a.jpg"}, "out"})), ElementsAre("out/a.jpg"));
    EXPECT_THAT(outputs(plan_batch({{"a.jpg", "a.png"}, "out"})), ElementsAre("out/a.jpg", "out/a.png"));
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 plan_batch({{"x/a.jpg", "y/a.jpg"}, "out"});
                             }),
                HasSubstr("'x/a.jpg' and 'y/a.jpg'"));
}

TEST_F(Batch, SeveralInputsNeedAFolder) {
    expect_error(ErrorKind::Usage, [] { plan_batch({{"a.jpg", "b.jpg"}, "out.png"}); });
    expect_error(ErrorKind::Usage, [] { plan_batch({{"a.jpg", "b.jpg"}, "-"}); });
    expect_error(ErrorKind::Usage, [] { plan_batch({{"a.jpg"}, ""}); });
    expect_error(ErrorKind::Usage, [] { plan_batch({{}, "out"}); });
    expect_error(ErrorKind::Usage, [] { plan_batch({{"a.jpg"}, "out.gif"}); });
}

TEST_F(Batch, VariantsMakeAProductInFoldersOfTheirOwn) {
    file("in/a.jpg");
    file("in/sub/b.jpg");
    const auto items = plan_batch({{path("in")}, "out", true, {"wave", "night"}});
    EXPECT_THAT(outputs(items),
                ElementsAre("out/wave/a.jpg", "out/wave/sub/b.jpg", "out/night/a.jpg", "out/night/sub/b.jpg"));
    EXPECT_EQ(items[1].variant, 0U);
    EXPECT_EQ(items[2].variant, 1U);
    EXPECT_THAT(outputs(plan_batch({{"a.jpg"}, "out", false, {"wave"}})), ElementsAre("out/wave/a.jpg"));
    expect_error(ErrorKind::Usage, [] { plan_batch({{"a.jpg"}, "out.png", false, {"wave"}}); });
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 plan_batch({{"-"}, "out", false, {"wave", "night"}});
                             }),
                HasSubstr("read only once"));
}

TEST_F(Batch, ShardsShareAllItemsInAFixedOrder) {
    const std::vector<std::string> inputs = {"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"};
    const auto share = [&](const std::string& text) {
        std::vector<BatchItem> items = plan_batch({inputs, "out"});
        take_shard(items, parse_shard(text, Environment()));
        return outputs(items);
    };
    EXPECT_THAT(share("1/2"), ElementsAre("out/a.jpg", "out/c.jpg", "out/e.jpg"));
    EXPECT_THAT(share("2/2"), ElementsAre("out/b.jpg", "out/d.jpg"));
    EXPECT_THAT(share("9/9"), ElementsAre());
    EXPECT_EQ(share("").size(), 5U);
    for (const char* text : {"0/2", "3/2", "1", "1/", "/2", "1/2/3", "a/b", "-1/2", "1/2 "}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [text] { parse_shard(text, Environment()); }), HasSubstr(text));
    }
}

TEST_F(Batch, SharesFollowLaunchersAndWhenAskedToJobArrays) {
    const auto share = [](const std::string& text, const Environment& environment) {
        const Shard shard = parse_shard(text, environment);
        return std::to_string(shard.index) + "/" + std::to_string(shard.count);
    };
    Environment environment;
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { parse_shard("auto", environment); }), HasSubstr("--shard I/N"));
    environment.array_task = Place{.index = 2, .count = 5, .told_by = "SLURM_ARRAY_TASK_ID"};
    EXPECT_EQ(share("", environment), "1/1") << "its tasks may have other work each";
    EXPECT_EQ(share("auto", environment), "3/5");
    environment.rank = Place{.index = 1, .count = 4, .told_by = "SLURM_PROCID"};
    EXPECT_EQ(share("", environment), "2/4");
    EXPECT_EQ(share("2/8", environment), "2/8");
    std::set<std::int64_t> all;
    for (environment.array_task->index = 0; environment.array_task->index < 5; ++environment.array_task->index) {
        for (environment.rank->index = 0; environment.rank->index < 4; ++environment.rank->index) {
            const Shard shard = parse_shard("auto", environment);
            EXPECT_EQ(shard.count, 20);
            all.insert(shard.index);
        }
    }
    EXPECT_EQ(all.size(), 20U);
    EXPECT_EQ(*all.begin(), 1);
    EXPECT_EQ(*all.rbegin(), 20);
}

TEST_F(Batch, ExistingOutputsAreFaultsOrSkippedOrReplaced) {
    const std::vector<BatchItem> planned = {{"a.jpg", file("a.png"), {}}, {"b.jpg", path("b.png"), {}}};
    std::vector<BatchItem> items = planned;
    EXPECT_TRUE(check_outputs(items, Existing::Refuse).empty());
    EXPECT_THAT(outputs(items), ElementsAre(HasSubstr("--overwrite"), path("b.png")));

    items = planned;
    EXPECT_THAT(outputs(check_outputs(items, Existing::Skip)), ElementsAre(path("a.png")));
    EXPECT_THAT(outputs(items), ElementsAre(path("b.png")));

    items = {{"a.jpg", path("a.png"), {}}, {"a.jpg", path("c.png"), {}}};  // one input, two pictures
    check_outputs(items, Existing::Skip);
    EXPECT_THAT(outputs(items), ElementsAre(path("c.png")));

    items = planned;
    check_outputs(items, Existing::Overwrite);
    EXPECT_THAT(outputs(items), ElementsAre(path("a.png"), path("b.png")));
}

TEST_F(Batch, OutputFoldersAreMadeOrRefused) {
    std::vector<BatchItem> items = {{"a.jpg", path("new/deep/a.png"), {}},
                                    {"b.jpg", file("plain") + "/b.png", {}},
                                    {"c.jpg", "/proc/reverie/c.png", {}}};
    check_outputs(items, Existing::Refuse);
    EXPECT_TRUE(std::filesystem::is_directory(path("new/deep")));
    EXPECT_THAT(outputs(items), ElementsAre(path("new/deep/a.png"), HasSubstr("plain"), HasSubstr("/proc/reverie")));
    EXPECT_EQ(items[1].fault->kind(), ErrorKind::Output);
}

TEST_F(Batch, OutputsAreCheckedWhereTheirLinksLead) {
    std::filesystem::create_directories(path("store"));
    std::filesystem::create_symlink(path("store/a.png"), path("a.png"));  // dangling
    std::filesystem::create_symlink(path("unmounted/d.png"), path("d.png"));
    std::filesystem::create_symlink("circle.png", path("circle.png"));
    std::filesystem::create_symlink("/proc/reverie/b.png", path("b.png"));
    std::vector<BatchItem> items = {{"a.jpg", path("a.png"), {}},
                                    {"b.jpg", path("b.png"), {}},
                                    {"c.jpg", path("circle.png"), {}},
                                    {"d.jpg", path("d.png"), {}}};
    check_outputs(items, Existing::Refuse);
    EXPECT_THAT(outputs(items),
                ElementsAre(path("a.png"), HasSubstr("/proc/reverie"), HasSubstr("circle"), HasSubstr("unmounted")));
    EXPECT_FALSE(std::filesystem::exists(path("unmounted")));
}

TEST_F(Batch, WhatAKilledRunLeftIsRemovedWhereItsLinkLeads) {
    const pid_t dead = fork();
    if (dead == 0) {
        _exit(0);
    }
    waitpid(dead, nullptr, 0);
    const std::string name = AtomicFile(path("a.png")).temporary().filename();  // ends in "-<this machine>.partial"
    const std::string left = file("store/.a.png." + std::to_string(dead) + "-0" + name.substr(name.rfind('-')));
    std::filesystem::create_symlink(path("store/a.png"), path("link.png"));
    std::vector<BatchItem> items = {{"a.jpg", path("link.png"), {}}};
    check_outputs(items, Existing::Skip);
    EXPECT_FALSE(std::filesystem::exists(left));
}

TEST_F(Batch, TagsGoBeforeTheExtension) {
    EXPECT_EQ(with_tag("dir.d/photo.tar.png", "partial"), "dir.d/photo.tar.partial.png");
    EXPECT_EQ(with_tag("d/" + std::string(251, 'n') + ".png", "partial"),
              "d/" + std::string(243, 'n') + ".partial.png");
    std::string umlauts;
    while (umlauts.size() < 250) {
        umlauts += "\u00e4";
    }
    EXPECT_EQ(with_tag(umlauts + ".png", "partial"), umlauts.substr(0, 242) + ".partial.png");
}

}  // namespace
}  // namespace reverie
