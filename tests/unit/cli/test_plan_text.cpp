#include "cli/pictures/plan_text.h"

#include <gtest/gtest.h>

namespace reverie {
namespace {

TEST(PlanText, TimeIsThatOfAllPicturesAndOfWhatIsDoneOnce) {
    const PicturePlan plan{.said = {}, .how_surely = "at most about", .seconds = 3.0, .once = 2.0};
    EXPECT_EQ(time_text(plan), "at most about 5.0 s");
    EXPECT_EQ(time_text(plan, 6), "at most about 20 s");
}

TEST(PlanText, MemoryTilesAndTimeComeLast) {
    PicturePlan plan{.said = {}, .how_surely = "about", .seconds = 3.0};
    plan.said.set("octaves", std::int64_t{4});
    add_cost(plan, 1 << 30, 512);
    ASSERT_EQ(plan.said.all().size(), 4U);
    EXPECT_EQ(plan.said.all().back(), (Setting{"time", {"about 3.0 s"}}));
    EXPECT_EQ(plan.said.value("tiles"), "512 pixels");
}

}  // namespace
}  // namespace reverie
