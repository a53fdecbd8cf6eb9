#include <gtest/gtest.h>

#include "reverie/core/runtime.h"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    reverie::setup_runtime({.device = "cpu"});  // threads as the programs set them
    return RUN_ALL_TESTS();
}
