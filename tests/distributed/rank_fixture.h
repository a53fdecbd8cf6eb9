// The ranks of this job, joined once.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "reverie/distributed/ranks.h"

namespace reverie::test {

/// Ends with finish(), so that a rank that fails tells the others nothing worse than its exit code.
inline Ranks& job() {
    static Ranks ranks = std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr
                             ? Ranks()
                             : Ranks::join({.transport = RankTransport::Mpi, .timeout = 20.0});
    return ranks;
}

/// Every rank runs the same tests in the same order.
class RankTest : public testing::Test {
  protected:
    void SetUp() override {
        if (ranks_.alone()) {
            GTEST_SKIP()
                << "one process: started by mpirun these run as test_ranks_2 to test_ranks_4, where MPI is there";
        }
    }

    const Ranks& ranks_ = job();
};

}  // namespace reverie::test
