// Lists of paths as people and programs write them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawn_images.h"

namespace reverie {
namespace {

using test::flat;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::IsEmpty;

class Lists : public testing::Test {
  protected:
    Lists() {
        test::write_image(folder_ / "shapes/disc/1.png", flat(10));
        test::write_image(folder_ / "shapes/bar/2.png", flat(20));
        test::write_image(folder_ / "shapes/bar/with blank, comma.png", flat(30));
    }
    Dataset open(const std::string& text) const {
        test::write_text(folder_ / "list.csv", text);
        return open_dataset(folder_ / "list.csv");
    }
    static std::vector<std::string> labels(const Dataset& set) {
        std::vector<std::string> all;
        for (std::int64_t i = 0; i < set.count(); ++i) {
            all.push_back(set.label(i) < 0 ? "" : set.classes()[static_cast<std::size_t>(set.label(i))]);
        }
        return all;
    }
    TemporaryFolder folder_;
};

TEST_F(Lists, LabelsAreTheFirstFoldersThatDiffer) {
    EXPECT_THAT(labels(open("shapes/disc/1.png\nshapes/bar/2.png\n")), ElementsAre("disc", "bar"));
    const std::string whole = folder_.path().string() + "/";
    EXPECT_THAT(labels(open(whole + "shapes/disc/1.png\n" + whole + "shapes/bar/2.png\n")), ElementsAre("disc", "bar"));
    // All in one place: nothing to tell apart by.
    EXPECT_THAT(open(whole + "shapes/bar/2.png\n").classes(), IsEmpty());
    EXPECT_THAT(open("shapes/bar/2.png\n").classes(), ElementsAre("bar"));
}

TEST_F(Lists, MayBeTablesWithLabels) {
    for (const std::string text :
         {"shapes/disc/1.png,cat\nshapes/bar/2.png,dog\n\"shapes/bar/with blank, comma.png\",cat\n",
          "file,kind\r\n\"shapes/disc/1.png\",\"cat\"\r\nshapes/bar/2.png,dog,9\r\nshapes/bar/with blank, "
          "comma.png,cat",
          "# tabs\nshapes/disc/1.png\tcat\nshapes/bar/2.png\tdog\nshapes/bar/with blank, comma.png\tcat\n",
          "shapes\\disc\\1.png cat\rshapes\\bar\\2.png dog\r\"shapes\\bar\\with blank, comma.png\";cat\r"}) {
        const Dataset set = open(text);
        EXPECT_THAT(test::levels(set), ElementsAre(10, 20, 30)) << text;
        EXPECT_THAT(labels(set), ElementsAre("cat", "dog", "cat")) << text;
        EXPECT_THAT(set.skipped(), IsEmpty()) << text;
    }
}

TEST_F(Lists, PathsWithCommasBlanksAndQuotesAreTakenWhole) {
    const Dataset set = open("shapes/bar/with blank, comma.png\n\"shapes/bar/2.png\"\n");
    EXPECT_THAT(test::levels(set), ElementsAre(30, 20));
    EXPECT_THAT(set.classes(), ElementsAre("bar"));
}

TEST_F(Lists, MayBeUtf16AsPowerShellWritesThem) {
    for (const bool big_endian : {false, true}) {
        std::string text = big_endian ? "\xfe\xff" : "\xff\xfe";
        for (const char c : std::string("shapes/disc/1.png\r\nshapes/bar/2.png\r\n")) {
            text += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
        }
        EXPECT_THAT(test::levels(open(text)), ElementsAre(10, 20));
    }
}

TEST_F(Lists, WhatIsMissingIsListed) {
    const Dataset set = open("shapes/disc/1.png\nnowhere.png,cat\n");
    ASSERT_EQ(set.skipped().size(), 1U);
    EXPECT_EQ(set.skipped()[0].path, "nowhere.png");
}

}  // namespace
}  // namespace reverie
