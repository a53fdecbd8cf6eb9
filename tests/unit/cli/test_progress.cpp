#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/frame/progress.h"

namespace reverie {
namespace {

using testing::HasSubstr;
using testing::Not;

Progress at(double done, double total = 100.0) {
    return {.stage = "octave 2/4 640x480 step 5/16",
            .done = done,
            .total = total,
            .unit = "",
            .value = 0.25,
            .value_name = "activation"};
}

TEST(ProgressMeter, EstimatesWhatIsLeft) {
    ProgressMeter meter;
    meter.report(at(0), 50.0);
    EXPECT_FALSE(meter.remaining().has_value());
    for (int second = 1; second <= 25; ++second) {
        meter.report(at(second * 2.0), 50.0 + second);
    }
    EXPECT_DOUBLE_EQ(meter.elapsed(), 25.0);
    EXPECT_DOUBLE_EQ(meter.fraction(), 0.5);
    EXPECT_NEAR(meter.remaining().value(), 25.0, 1e-6);
}

TEST(ProgressMeter, FollowsANewPaceWithoutJumping) {
    ProgressMeter meter;
    for (int second = 0; second <= 30; ++second) {
        meter.report(at(second, 1000.0), second);
    }
    meter.report(at(40, 1000.0), 31);  // one fast second
    EXPECT_GT(meter.remaining().value(), 960.0 / 2.5);
    for (int second = 32; second <= 80; ++second) {
        meter.report(at(40 + (second - 31) * 10.0, 1000.0), second);
    }
    EXPECT_NEAR(meter.remaining().value(), 470.0 / 10.0, 2.0);
}

TEST(ProgressMeter, APauseIsNoSlowStep) {
    ProgressMeter meter;
    double now = 0.0;
    for (int step = 0; step <= 120; ++step, now += 1.0) {
        meter.report(at(step, 1000.0), now);
    }
    Progress measured = at(121, 1000.0);
    measured.aside = 60.0;
    meter.report(measured, now + 60.0);
    EXPECT_NEAR(meter.remaining().value(), 879.0 * 181.0 / 121.0, 1e-6);  // pauses will come again
    EXPECT_DOUBLE_EQ(meter.elapsed(), 181.0);
}

TEST(ProgressMeter, StartsAnewWithOtherWork) {
    ProgressMeter meter;
    meter.report({.stage = "downloading", .done = 5e6, .total = 1e7, .unit = "bytes"}, 0.0);
    meter.report({.stage = "downloading", .done = 1e7, .total = 1e7, .unit = "bytes"}, 60.0);
    meter.report(at(1), 61.0);
    EXPECT_DOUBLE_EQ(meter.elapsed(), 0.0);
    EXPECT_FALSE(meter.remaining().has_value());
}

ProgressMeter halfway() {
    ProgressMeter meter;
    meter.report(at(0), 0.0);
    meter.report(at(50), 65.0);
    return meter;
}

TEST(ProgressBar, ShowsStagePercentageAndTimes) {
    EXPECT_EQ(
        render_bar(halfway(), "photo.jpg", 120, false),
        "photo.jpg  [==========----------]   50%  octave 2/4 640x480 step 5/16  activation 0.25  1:05, 1:05 left");
    EXPECT_THAT(render_bar(halfway(), "", 120, true), HasSubstr("━━━━━━━━━━──────────   50%"));
}

TEST(ProgressBar, NeverPassesItsWidthAndDropsTheLeastFirst) {
    for (int columns = 1; columns <= 120; ++columns) {
        const std::string line = render_bar(halfway(), "a rather long name of a file.jpg", columns, false);
        EXPECT_LE(line.size(), static_cast<std::size_t>(columns));
    }
    const std::string narrow = render_bar(halfway(), "photo.jpg", 40, false);
    EXPECT_THAT(narrow, HasSubstr("50%"));
    EXPECT_THAT(narrow, HasSubstr("1:05 left"));
    EXPECT_THAT(narrow, Not(HasSubstr("activation")));
}

TEST(ProgressPlain, IsASentenceForALog) {
    EXPECT_EQ(render_plain(halfway(), "photo.jpg"),
              "photo.jpg: octave 2/4 640x480 step 5/16, activation 0.25, 50%, 1 min 5 s, about 1 min 5 s left");
    ProgressMeter meter;
    meter.report({.stage = "downloading vgg19", .done = 5e6, .total = 0.0, .unit = "bytes"}, 0.0);
    EXPECT_EQ(render_plain(meter, ""), "downloading vgg19, 5.0 MB, 0.0 s");
}

TEST(ProgressJson, CarriesEveryNumber) {
    const nlohmann::json object = nlohmann::json::parse(render_json(halfway(), "photo.jpg"));
    EXPECT_EQ(object["label"], "photo.jpg");
    EXPECT_EQ(object["fraction"], 0.5);
    EXPECT_EQ(object["activation"], 0.25);
    EXPECT_EQ(object["remaining"], 65.0);
    EXPECT_TRUE(nlohmann::json::parse(render_json(ProgressMeter(), ""))["remaining"].is_null());
}

}  // namespace
}  // namespace reverie
