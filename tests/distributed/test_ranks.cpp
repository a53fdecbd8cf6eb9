#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "distributed/ranks_state.h"
#include "kernels/engine.h"
#include "kernels/norm.h"
#include "kernels/shared_norms.h"
#include "rank_fixture.h"
#include "reverie/core/noise.h"
#include "support/relative_error.h"

namespace reverie {
namespace {

using test::RankTest;

class LastMeeting : public testing::Environment {
    void TearDown() override { test::job().finish(); }
};
const auto* const kLast = testing::AddGlobalTestEnvironment(new LastMeeting);

/// Other numbers on every rank, which every rank can make.
Tensor numbers(std::int64_t rank, std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const std::int64_t side : shape) {
        count *= side;
    }
    return normal_noise(11, static_cast<std::uint64_t>(rank), 0, count, {}).view(shape);
}

TEST_F(RankTest, SumsAreTakenInTheOrderOfTheRanksWhateverTheirSize) {
    for (const std::int64_t count : {1, 7, 1000, 100'003, 1'000'000}) {
        Tensor expected = numbers(0, {count});
        for (std::int64_t rank = 1; rank < ranks_.count(); ++rank) {
            expected = expected + numbers(rank, {count});
        }
        EXPECT_TRUE(at::equal(ranks_.sum(numbers(ranks_.rank(), {count})), expected)) << count;
        EXPECT_TRUE(at::equal(ranks_.mean(numbers(ranks_.rank(), {count})), expected / ranks_.count())) << count;
    }
    for (const at::ScalarType type : {at::kDouble, at::kLong, at::kInt}) {
        const Tensor sum = ranks_.sum(at::full({3, 5}, ranks_.rank() + 1, type));
        EXPECT_EQ(sum.scalar_type(), type);
        EXPECT_TRUE((sum == ranks_.count() * (ranks_.count() + 1) / 2).all().item<bool>());
    }
    EXPECT_EQ(ranks_.sum(at::zeros({0})).numel(), 0);
}

TEST_F(RankTest, SumsOfManySizesThatAreUnderWayAtOnceDoNotDisturbEachOther) {
    const std::vector<std::int64_t> counts = {700'001, 1,    15'361, 8193, 33,      1'000'000,
                                              100'003, 8192, 46'083, 300,  520'000, 7};
    std::vector<std::vector<Tensor>> sums(counts.size());
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    const auto type = [](std::size_t i) { return i % 3 == 1 ? at::kDouble : at::kFloat; };
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < counts.size(); ++i) {
            sums[i] = {numbers(ranks_.rank() + 100 * round, {counts[i]}).to(type(i))};
            works.push_back(ranks_.state()->processes->allreduce(sums[i]));
        }
        EXPECT_TRUE(ranks_.any(ranks_.rank() == round % ranks_.count()));  // asked for last, and small
        for (; !works.empty(); works.pop_back()) {
            works.back()->wait();
        }
        for (std::size_t i = 0; i < counts.size(); ++i) {
            Tensor expected = numbers(100 * round, {counts[i]}).to(type(i));
            for (std::int64_t rank = 1; rank < ranks_.count(); ++rank) {
                expected = expected + numbers(rank + 100 * round, {counts[i]}).to(type(i));
            }
            EXPECT_TRUE(at::equal(sums[i][0], expected)) << counts[i];
        }
    }
}

TEST_F(RankTest, AllGetWhatTheFirstHasAndTheRowsOfEach) {
    const Tensor own = numbers(ranks_.rank(), {2, 3});
    EXPECT_TRUE(at::equal(ranks_.of_first(own), numbers(0, {2, 3})));
    EXPECT_EQ(ranks_.of_first(static_cast<double>(ranks_.rank() + 5)), 5.0);
    const Tensor made = ranks_.made_by_first([&] {
        EXPECT_TRUE(ranks_.first());
        return numbers(0, {3, 1, 2});
    });
    EXPECT_TRUE(at::equal(made, numbers(0, {3, 1, 2})));
    const Tensor all = ranks_.gather(own);
    ASSERT_EQ(all.size(0), 2 * ranks_.count());
    for (std::int64_t rank = 0; rank < ranks_.count(); ++rank) {
        EXPECT_TRUE(at::equal(all.narrow(0, 2 * rank, 2), numbers(rank, {2, 3})));
    }
    EXPECT_TRUE(ranks_.any(ranks_.rank() == ranks_.count() - 1));
    EXPECT_FALSE(ranks_.any(false));
}

TEST_F(RankTest, SharesOfAnyNumberOfItemsComeTogetherInOrder) {
    for (const std::int64_t items : {0, 1, 5, 12, 13}) {
        const Ranks::Share share = ranks_.share_of(items);
        const Tensor own = at::arange(share.first, share.first + share.count, at::kFloat);
        const Tensor all = ranks_.gather_shares(own.unsqueeze(1).expand({share.count, 2}), items);
        EXPECT_TRUE(at::equal(all, at::arange(items, at::kFloat).unsqueeze(1).expand({items, 2}))) << items;
    }
}

TEST_F(RankTest, GradientsOfSumsAreThoseOfAllThatIsMadeOfThem) {
    const Tensor x = numbers(ranks_.rank(), {4}).set_requires_grad(true);
    // The total of all ranks' losses: d/dx of count * (sum x)^2 / 2.
    const Tensor loss = 0.5 * ranks_.sum(x).square().sum();
    const Tensor gradient = torch::autograd::grad({loss}, {x})[0];
    EXPECT_LT(test::relative_error(gradient, ranks_.count() * ranks_.sum(x.detach())), 1e-6);
}

/// What a batch norm of all ranks' images does to this rank's, and the gradients, of a loss whose gradient's gradient
/// is taken too if wanted.
std::vector<Tensor> normed(const Tensor& images, const Tensor& pull, const Tensor& weight, const Tensor& bias,
                           const RunningMoments& running, bool penalty) {
    const Tensor x = images.clone().set_requires_grad(true);
    const Tensor y = batch_norm(x, weight, bias, running, 1e-5, 0.2);
    Tensor loss = (y * pull).sum();
    if (penalty) {
        loss = loss + torch::autograd::grad({(y * pull).sum()}, {x}, {}, true, true)[0].square().sum();
    }
    std::vector<Tensor> results = torch::autograd::grad({loss}, {x, weight, bias});
    results.push_back(y.detach());
    return results;
}

TEST_F(RankTest, BatchNormOfAllRanksIsThatOfTheWholeBatch) {
    const std::int64_t part = 2;
    const std::vector<std::int64_t> shape = {part * ranks_.count(), 5, 3, 7};
    for (const bool penalty : {false, true}) {
        for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
            SCOPED_TRACE(std::string(penalty ? "penalty " : "") + c10::toString(type));
            const double most = type == at::kFloat ? 2e-5 : 1e-12;
            const Tensor images = (3.0 * numbers(100, shape) + 40.0).to(type);  // far from 0 beside their deviation
            const Tensor pull = numbers(101, shape).to(type);
            const Tensor weight = (1.0 + 0.1 * numbers(102, {5})).to(type).set_requires_grad(true);
            const Tensor bias = numbers(103, {5}).to(type).set_requires_grad(true);
            const auto moments = [&] { return RunningMoments{at::zeros({5}, type), at::ones({5}, type), 0.1}; };
            const RunningMoments whole = moments();
            const std::vector<Tensor> expected = normed(images, pull, weight, bias, whole, penalty);

            const RunningMoments shared = moments();
            const auto own = [&](const Tensor& all) { return all.narrow(0, part * ranks_.rank(), part); };
            const SharedNorms sharing(ranks_);
            const std::vector<Tensor> found = normed(own(images), own(pull), weight, bias, shared, penalty);
            EXPECT_LT(test::relative_error(found[3], own(expected[3])), most);
            EXPECT_LT(test::relative_error(found[0], own(expected[0])), 20 * most);
            EXPECT_LT(test::relative_error(ranks_.sum(found[1]), expected[1]), 20 * most);
            EXPECT_LT(test::relative_error(ranks_.sum(found[2]), expected[2]), 20 * most);
            EXPECT_LT(test::relative_error(shared.mean, whole.mean), most);
            EXPECT_LT(test::relative_error(shared.variance, whole.variance), 20 * most);
        }
    }
}

}  // namespace
}  // namespace reverie
