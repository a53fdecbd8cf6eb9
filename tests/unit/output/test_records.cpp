// JSON lines, CSV and curves.
#include "reverie/output/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string text_of_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(JsonLines, WritesTheShortestNumbersThatReadBackTheSame) {
    const TemporaryFolder folder;
    JsonLines lines(folder / "deep/metrics.jsonl", 0);
    lines.add(100, {{"loss", 1.5}, {"kl", 0.1 + 0.2}, {"rate", 1e-4}, {"images", 12800}});
    lines.add(-1, {});
    EXPECT_EQ(text_of_file(folder / "deep/metrics.jsonl"),
              "{\"step\":100,\"loss\":1.5,\"kl\":0.30000000000000004,\"rate\":1e-04,\"images\":12800}\n"
              "{\"step\":-1}\n");
    EXPECT_EQ(lines.bytes(), 89);
}

TEST(JsonLines, WritesWhatIsNoNumberAsNull) {
    const TemporaryFolder folder;
    JsonLines(folder / "m.jsonl", 0).add(7, {{"a", kNan}, {"b", std::numeric_limits<double>::infinity()}, {"c", 2.0}});
    EXPECT_EQ(text_of_file(folder / "m.jsonl"), "{\"step\":7,\"a\":null,\"b\":null,\"c\":2}\n");
    const std::vector<Record> records = read_json_lines(folder / "m.jsonl");
    ASSERT_EQ(records.size(), 1);
    EXPECT_TRUE(std::isnan(records[0].values[0].second));
    EXPECT_TRUE(std::isnan(records[0].values[1].second));
    EXPECT_EQ(records[0].values[2].second, 2.0);
}

TEST(JsonLines, ReadsBackEveryBitAndTheOrderOfNames) {
    const TemporaryFolder folder;
    const Scalars values = {{"z \"quoted\"\n", 1.0 / 3.0},
                            {"a", -std::numeric_limits<double>::denorm_min()},
                            {"M\xc3\xbchle", std::numeric_limits<double>::max()},
                            {"zero", -0.0}};
    JsonLines(folder / "m.jsonl", 0).add(std::numeric_limits<std::int64_t>::max(), values);
    const std::vector<Record> records = read_json_lines(folder / "m.jsonl");
    ASSERT_EQ(records.size(), 1);
    EXPECT_EQ(records[0].step, std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(records[0].values, values);
    EXPECT_TRUE(std::signbit(records[0].values[3].second));
}

TEST(JsonLines, GoesOnBehindWhatIsKeptAndCutsTheRest) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "m.jsonl";
    std::int64_t kept = 0;
    {
        JsonLines lines(path, 0);
        lines.add(1, {{"loss", 3}});
        kept = lines.bytes();
        lines.add(2, {{"loss", 2}});
        lines.add(3, {{"loss", 1}});
    }
    const std::string straight = text_of_file(path);
    {
        JsonLines lines(path, kept);
        EXPECT_EQ(lines.bytes(), kept);
        lines.add(2, {{"loss", 2}});
        lines.add(3, {{"loss", 1}});
    }
    EXPECT_EQ(text_of_file(path), straight);
    JsonLines(path, 0).add(9, {});
    EXPECT_EQ(text_of_file(path), "{\"step\":9}\n");
}

TEST(JsonLines, RefusesAFileThatIsNotTheRunsOwn) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "m.jsonl";
    JsonLines(path, 0).add(1, {});
    const std::string content = text_of_file(path);
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { JsonLines(path, 1000); }), HasSubstr("m.jsonl"));
    expect_error(ErrorKind::Output, [&] { JsonLines(path, 3); });  // within a line
    expect_error(ErrorKind::Output, [&] { JsonLines(folder / "missing.jsonl", 10); });
    EXPECT_EQ(text_of_file(path), content);
    expect_error(ErrorKind::Output, [&] { JsonLines(path / "below a file", 0); });
}

TEST(JsonLines, LeavesNoHalfLineOnAFullDisk) {
    if (!std::filesystem::exists("/dev/full")) {
        GTEST_SKIP() << "this machine has no /dev/full";
    }
    const TemporaryFolder folder;
    std::filesystem::create_symlink("/dev/full", folder / "m.jsonl");
    // A device cannot be cut to a length; a run on a full disk meets the same fault in add().
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { JsonLines(folder / "m.jsonl", 0).add(1, {}); }),
                HasSubstr("m.jsonl"));
}

TEST(ReadJsonLines, LeavesOutALastLineWithoutItsEnd) {
    const TemporaryFolder folder;
    write_file(folder / "m.jsonl", std::string_view("{\"step\":1,\"a\":2}\n{\"step\":2,\"a\""));
    EXPECT_EQ(read_json_lines(folder / "m.jsonl").size(), 1);
    write_file(folder / "empty.jsonl", std::string_view(""));
    EXPECT_TRUE(read_json_lines(folder / "empty.jsonl").empty());
}

TEST(ReadJsonLines, NamesTheLineThatIsNoRecord) {
    const TemporaryFolder folder;
    for (const char* line : {"[1]", "{\"a\":1}", "{\"step\":1.5}", "{\"step\":1,\"a\":\"text\"}", "nonsense", ""}) {
        write_file(folder / "m.jsonl", "{\"step\":1}\n" + std::string(line) + "\n{\"step\":3}\n");
        EXPECT_THAT(expect_error(ErrorKind::Input, [&] { read_json_lines(folder / "m.jsonl"); }), HasSubstr("line 2"))
            << line;
    }
    expect_error(ErrorKind::Input, [&] { read_json_lines(folder / "missing.jsonl"); });
}

TEST(WriteCsv, HasAColumnForEveryNameAndARowForEveryStep) {
    const TemporaryFolder folder;
    write_csv(folder / "m.csv", {{10, {{"loss", 0.5}, {"a,b", 1}}},
                                 {20, {{"loss", kNan}}},
                                 {20, {{"say \"hi\"", 3}}},
                                 {30, {{"a,b", 1e300}, {"loss", 4}}}});
    EXPECT_EQ(text_of_file(folder / "m.csv"),
              "step,loss,\"a,b\",\"say \"\"hi\"\"\"\n10,0.5,1,\n20,nan,,3\n30,4,1e+300,\n");
    write_csv(folder / "none.csv", {});
    EXPECT_EQ(text_of_file(folder / "none.csv"), "step\n");
}

TEST(CurvesOf, GivesOneCurvePerNameWithItsOwnSteps) {
    const std::vector<Curve> curves = curves_of({{1, {{"loss", 4}}}, {2, {{"loss", 3}, {"kl", 9}}}, {5, {{"kl", 8}}}});
    ASSERT_EQ(curves.size(), 2);
    EXPECT_EQ(curves[0].name, "loss");
    EXPECT_THAT(curves[0].x, ElementsAre(1, 2));
    EXPECT_THAT(curves[0].y, ElementsAre(4, 3));
    EXPECT_EQ(curves[1].name, "kl");
    EXPECT_THAT(curves[1].x, ElementsAre(2, 5));
    EXPECT_THAT(curves[1].y, ElementsAre(9, 8));
}

}  // namespace
}  // namespace reverie
