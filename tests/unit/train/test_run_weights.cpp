#include "reverie/train/run_weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reverie/train/loop.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;

class WeightsOfARun : public testing::Test {
  protected:
    void write(const char* name) { export_weights(folder_ / name, {{"a", at::ones({2})}}, {}); }
    test::TemporaryFolder folder_;
};

TEST_F(WeightsOfARun, AverageFallsBackToLast) {
    write(kWeightsFile);
    EXPECT_EQ(run_weights_file(folder_.path(), RunWeights::Average, "gan"), folder_ / kWeightsFile);
    write(kAverageFile);
    EXPECT_EQ(run_weights_file(folder_.path(), RunWeights::Average, "gan"), folder_ / kAverageFile);
    EXPECT_EQ(run_weights_file(folder_.path(), RunWeights::Last, "gan"), folder_ / kWeightsFile);
    EXPECT_EQ(run_weights_file(folder_ / kAverageFile, RunWeights::Last, "gan"), folder_ / kAverageFile)
        << "a file is itself";
}

TEST_F(WeightsOfARun, MissingBestSaysWhatToTakeInstead) {
    write(kWeightsFile);
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { run_weights_file(folder_.path(), RunWeights::Best, "gan"); }),
                AllOf(HasSubstr("best.safetensors"), HasSubstr("average")));
}

TEST_F(WeightsOfARun, AFolderWithoutWeightsIsNoRun) {
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { run_weights_file(folder_.path(), RunWeights::Average, "gan"); }),
                AllOf(HasSubstr(folder_.path().string()), HasSubstr("gan train")));
}

TEST(LoadWeights, CopiesInPlaceAndMayLackCounts) {
    const NamedTensors state = {{"weight", at::zeros({2, 3})}, {"count", at::full({}, 5, at::kLong)}};
    load_weights(state, {{"weight", at::ones({2, 3})}, {"another", at::ones({1})}});
    EXPECT_TRUE(at::equal(state.at("weight"), at::ones({2, 3})));
    EXPECT_EQ(state.at("count").item<std::int64_t>(), 5);
}

TEST(LoadWeights, NamesWhatDoesNotFit) {
    const NamedTensors state = {{"weight", at::zeros({2, 3})}};
    EXPECT_THAT(expect_error(ErrorKind::Input,
                             [&] {
                                 load_weights(state, {{"weight", at::ones({3, 2})}});
                             }),
                AllOf(HasSubstr("'weight'"), HasSubstr("3x2"), HasSubstr("2x3")));
    EXPECT_THAT(expect_error(ErrorKind::Input,
                             [&] {
                                 load_weights(state, {{"other", at::ones({2, 3})}});
                             }),
                HasSubstr("lack 'weight'"));
}

}  // namespace
}  // namespace reverie
