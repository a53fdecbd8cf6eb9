#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "reverie/core/pieces.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

TEST(Pieces, ComeInTurnWithProgressAfterEach) {
    std::vector<std::pair<std::int64_t, std::int64_t>> pieces;
    std::vector<double> done;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) {
        EXPECT_EQ(progress.total, 600.0);
        EXPECT_EQ(progress.stage, "latents");
        EXPECT_EQ(progress.unit, "images");
        done.push_back(progress.done);
    };
    in_pieces(600, "latents", "images", hooks,
              [&](std::int64_t first, std::int64_t count) { pieces.emplace_back(first, count); });
    EXPECT_EQ(pieces, (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 256}, {256, 256}, {512, 88}}));
    EXPECT_EQ(done, (std::vector<double>{256.0, 512.0, 600.0}));
}

TEST(Pieces, StopBetweenTwo) {
    CancelToken token;
    Hooks hooks;
    hooks.cancel = &token;
    std::int64_t seen = 0;
    test::expect_error(ErrorKind::Cancelled, [&] {
        in_pieces(600, "", "", hooks, [&](std::int64_t, std::int64_t count) {
            seen += count;
            token.request();
        });
    });
    EXPECT_EQ(seen, 256);
}

TEST(Pieces, PartsAreOneProgress) {
    std::vector<double> fractions;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) { fractions.push_back(progress.done / progress.total); };
    for (int part = 0; part < 2; ++part) {
        in_pieces(512, "", "", hooks_of_part(hooks, part, 2), [](std::int64_t, std::int64_t) {});
    }
    EXPECT_EQ(fractions, (std::vector<double>{0.25, 0.5, 0.75, 1.0}));
}

}  // namespace
}  // namespace reverie
