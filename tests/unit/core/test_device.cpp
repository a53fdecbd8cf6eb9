#include "reverie/core/device.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

namespace reverie {
namespace {

/// Autocast on the CPU, which shows what it does on CUDA.
class CpuAutocast {
  public:
    CpuAutocast() {
        at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
        at::autocast::set_autocast_enabled(at::kCPU, true);
    }
    ~CpuAutocast() {
        at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(at::kCPU, false);
    }
    CpuAutocast(const CpuAutocast&) = delete;
    CpuAutocast& operator=(const CpuAutocast&) = delete;
};

TEST(Device, Tf32LastsAsLongAsItsGuard) {
    set_tf32(false);
    {
        const Tf32 on(true);
        EXPECT_TRUE(at::globalContext().allowTF32CuDNN());
        EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
        {
            const FullPrecision exact;
            EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
            EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
        }
        EXPECT_TRUE(at::globalContext().allowTF32CuDNN());
    }
    EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
    EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
}

TEST(Device, FullPrecisionKeepsAutocastOut) {
    const Tensor matrix = at::ones({4, 4});
    const CpuAutocast autocast;
    ASSERT_EQ(matrix.mm(matrix).scalar_type(), at::kBFloat16);
    {
        const FullPrecision exact;
        EXPECT_EQ(matrix.mm(matrix).scalar_type(), at::kFloat);
    }
    EXPECT_EQ(matrix.mm(matrix).scalar_type(), at::kBFloat16);
}

TEST(Device, WhatIsThereAlreadyIsNotCopied) {
    const Tensor tensor = at::ones({2});
    EXPECT_TRUE(on_device(tensor, c10::Device(c10::kCPU)).is_same(tensor));
    EXPECT_TRUE(on_device(tensor, c10::Device(c10::kMeta)).is_meta());
    EXPECT_NO_THROW(synchronize(c10::Device(c10::kCPU)));
}

}  // namespace
}  // namespace reverie
