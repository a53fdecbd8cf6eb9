#include "train/copy_tensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace reverie {
namespace {

TEST(KeptValues, TakeTheMemoryThatIsThere) {
    NamedTensors kept = {{"weight", at::zeros({2})}, {"gone", at::zeros({1})}};
    const void* memory = kept.at("weight").const_data_ptr();
    keep_values(kept, {{"weight", at::ones({2})}});
    EXPECT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept.at("weight").const_data_ptr(), memory);
    EXPECT_TRUE(at::equal(kept.at("weight"), at::ones({2})));
}

TEST(KeptValues, LieOnTheDeviceOfTheirTensors) {
    NamedTensors kept = {{"weight", at::zeros({2})}};  // as from a checkpoint
    keep_values(kept, {{"weight", at::ones({2}, at::TensorOptions(at::kMeta))}});
    EXPECT_TRUE(kept.at("weight").is_meta()) << "a copy on the host would cross the bus with every log line";
}

TEST(KeptValues, AreApartFromTheirTensors) {
    NamedTensors kept;
    const Tensor weight = at::ones({2}).requires_grad_();
    keep_values(kept, {{"weight", weight}});
    EXPECT_FALSE(kept.at("weight").requires_grad());
    weight.detach().zero_();
    EXPECT_TRUE(at::equal(kept.at("weight"), at::ones({2})));
}

}  // namespace
}  // namespace reverie
