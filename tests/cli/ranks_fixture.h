// A real program that mpirun starts several times; skipped where there is no MPI.
#pragma once

#include <ATen/ATen.h>

#include <iterator>

#include "cli/training_fixture.h"
#include "reverie/distributed/ranks.h"

namespace reverie::test {

/// `Runs`: a fixture of that program, with its quick().
template <typename Runs>
class ByRanks : public Runs {
  protected:
    ByRanks() { this->draw(this->path("data"), 8); }

    void SetUp() override {
        const std::vector<std::string> known = rank_transports();
        if (std::ranges::find(known, "mpi") == known.end() || std::string(REVERIE_MPIEXEC).empty()) {
            GTEST_SKIP() << "this build has no MPI";
        }
        auto& environment = this->run_.environment;
        environment["PATH"] = "/usr/bin:/bin";
        environment["TMPDIR"] = this->path("");
        // In containers too, on however few cores.
        for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                                 "OMPI_MCA_rmaps_base_oversubscribe", "OMP_NUM_THREADS"}) {
            environment[name] = "1";
        }
        environment["OMPI_MCA_hwloc_base_binding_policy"] = "none";
        environment["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none";
    }

    std::vector<std::string> by_ranks(int count, const std::vector<std::string>& words) const {
        std::vector<std::string> all = {REVERIE_MPIEXEC, "-n", std::to_string(count)};
        const std::vector<std::string> one = this->command(words);
        all.insert(all.end(), one.begin(), one.end());
        return all;
    }
    RunResult run_by_ranks(int count, const std::vector<std::string>& words) const {
        return run_program(by_ranks(count, words), this->run_);
    }

    /// The largest difference of two runs' weights.
    double distance(const std::string& a, const std::string& b) const {
        const StateDict first = read_state_dict(this->path(a + "/weights.safetensors"));
        const StateDict second = read_state_dict(this->path(b + "/weights.safetensors"));
        double most = 0.0;
        for (const std::string& name : first.names()) {
            const Tensor x = first.load(name).to(at::kDouble);
            most = std::max(most, (x - second.load(name).to(at::kDouble)).abs().max().template item<double>());
        }
        return most;
    }
};

}  // namespace reverie::test
