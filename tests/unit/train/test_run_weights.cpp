#include "reverie/train/run_weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reverie/core/files.h"
#include "reverie/train/loop.h"
#include "reverie/train/run_folder.h"
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

TEST_F(WeightsOfARun, ARunThatIsNotThereIsSaidToBeMissing) {
    EXPECT_THAT(
        expect_error(ErrorKind::Input, [&] { run_weights_file(folder_ / "nowhere", RunWeights::Average, "gan"); }),
        testing::AllOf(testing::HasSubstr("nowhere"), testing::HasSubstr("does not exist")));
}

TEST_F(WeightsOfARun, ThatAreCutAreWrittenAgainByAResume) {
    write(kWeightsFile);
    const auto cut = [&] {
        std::filesystem::resize_file(folder_ / kWeightsFile, std::filesystem::file_size(folder_ / kWeightsFile) - 4);
    };
    cut();
    const auto fault = [&](RunWeights which) {
        return expect_error(ErrorKind::Weights, [&] { read_run_weights(folder_.path(), which, "gan"); });
    };
    EXPECT_THAT(fault(RunWeights::Last),
                AllOf(HasSubstr("is truncated"), HasSubstr("or train it again"), testing::Not(HasSubstr("download"))));
    write_file(folder_ / "checkpoint.safetensors", std::string_view("any"));
    EXPECT_THAT(fault(RunWeights::Last), HasSubstr("`gan train --resume -o " + folder_.path().string() +
                                                   "` writes it again from the run's checkpoint"));
    std::filesystem::copy_file(folder_ / kWeightsFile, folder_ / kBestFile);
    EXPECT_THAT(fault(RunWeights::Best), HasSubstr("take another state of the run with --weights"));
}

TEST_F(WeightsOfARun, ThatAreNoNumbersAreNamed) {
    export_weights(folder_ / kWeightsFile, {{"a", at::ones({2})}, {"b", at::full({2}, NAN)}}, {});
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { all_tensors(read_state_dict(folder_ / kWeightsFile)); }),
                HasSubstr("holds values that are not numbers in 'b'"));
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
