#include <gtest/gtest.h>

#include "reverie/core/runtime.h"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    reverie::keep_freed_memory();  // memory and threads as the programs set them
    reverie::setup_runtime({.device = "cpu"});
    return RUN_ALL_TESTS();
}
