// test_gpu [PART OF A NAME...]: checks the device that REVERIE_TEST_DEVICE names against the CPU, and prints a table.
// Ends with 0 when all is well, 1 when something is not, 77 when there is nothing to check on.
#include <ATen/Context.h>
#include <ATen/record_function.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>

#include "check.h"
#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/runtime.h"

namespace reverie::test {
namespace {

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in CMakeLists.txt

/// Operators that have no deterministic form on CUDA and throw there; on the CPU nothing else tells of them. Not those
/// on float64: what is measured at the end is, by habit, and on the CPU.
class Forbidden {
  public:
    Forbidden() {
        found().clear();
        handle_ = at::addGlobalCallback(
            at::RecordFunctionCallback([](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
                static const std::set<std::string> names = {"aten::median.dim",
                                                            "aten::nanmedian.dim",
                                                            "aten::kthvalue",
                                                            "aten::cumsum",
                                                            "aten::put_",
                                                            "aten::histc",
                                                            "aten::_adaptive_avg_pool2d_backward",
                                                            "aten::adaptive_max_pool2d_backward",
                                                            "aten::avg_pool3d_backward",
                                                            "aten::max_pool3d_with_indices_backward",
                                                            "aten::reflection_pad1d_backward",
                                                            "aten::reflection_pad2d_backward",
                                                            "aten::replication_pad1d_backward",
                                                            "aten::replication_pad2d_backward",
                                                            "aten::upsample_linear1d_backward",
                                                            "aten::upsample_bilinear2d_backward",
                                                            "aten::_upsample_bilinear2d_aa_backward",
                                                            "aten::upsample_bicubic2d_backward",
                                                            "aten::_upsample_bicubic2d_aa_backward",
                                                            "aten::upsample_trilinear3d_backward",
                                                            "aten::grid_sampler_2d_backward",
                                                            "aten::grid_sampler_3d_backward",
                                                            "aten::nll_loss_forward",
                                                            "aten::nll_loss2d_forward",
                                                            "aten::_ctc_loss_backward",
                                                            "aten::max_unpool2d",
                                                            "aten::_embedding_bag_backward"};
                const auto name = function.operator_name();
                if (!name) {
                    return nullptr;
                }
                std::string full = name->name + (name->overload_name.empty() ? "" : "." + name->overload_name);
                const auto inputs = function.inputs();
                const bool doubles =
                    !inputs.empty() && inputs[0].isTensor() && inputs[0].toTensor().scalar_type() == at::kDouble;
                if (names.contains(full) && !doubles) {
                    found().insert(std::move(full));
                }
                return nullptr;
            }).needsInputs(true));
    }
    ~Forbidden() { at::removeCallback(handle_); }
    Forbidden(const Forbidden&) = delete;
    Forbidden& operator=(const Forbidden&) = delete;

    static std::set<std::string>& found() {
        static std::set<std::string> names;
        return names;
    }

  private:
    at::CallbackHandle handle_;
};

/// LibTorch throws where an operator is not deterministic, while this lives.
class Deterministic {
  public:
    Deterministic() { set(true); }
    ~Deterministic() { set(false); }
    Deterministic(const Deterministic&) = delete;
    Deterministic& operator=(const Deterministic&) = delete;

  private:
    static void set(bool on) {
        at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/false);
        at::globalContext().setDeterministicFillUninitializedMemory(false);
        at::globalContext().setDeterministicCuDNN(on);
    }
};

struct Difference {
    double largest = 0.0;  ///< of two values, as a share of the largest value there is
    double norm = 0.0;     ///< of all, as a share of the norm
};

struct Outcome {
    double seconds = 0.0;
    Difference difference;
    std::string fault;  ///< empty: none
};

Tensor on_host(const Tensor& tensor) { return tensor.detach().to(at::kCPU, at::kDouble); }

/// The worst of the results.
Difference difference_of(const std::vector<Tensor>& found, const std::vector<Tensor>& wanted) {
    Difference worst;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const Tensor b = on_host(wanted[i]);
        const Tensor a = i < found.size() ? on_host(found[i]) : Tensor();
        if (!a.defined() || a.sizes() != b.sizes() || !a.isfinite().all().item<bool>() ||
            !b.isfinite().all().item<bool>()) {
            return {INFINITY, INFINITY};
        }
        const Tensor difference = a - b;
        const auto share = [](const Tensor& part, const Tensor& whole) {
            constexpr double kTiny = 1e-6;
            return part.item<double>() / std::max(whole.item<double>(), kTiny);
        };
        worst.largest = std::max(worst.largest, share(difference.abs().max(), b.abs().max()));
        worst.norm = std::max(worst.norm, share(difference.norm(), b.norm()));
    }
    return worst;
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!at::equal(a[i].cpu(), b[i].cpu())) {
            return false;
        }
    }
    return true;
}

Outcome outcome_of(const Check& check, const Place& place) {
    Outcome outcome;
    try {
        const std::vector<Tensor> wanted = check.results({});
        const auto begin = std::chrono::steady_clock::now();
        const std::vector<Tensor> found = check.results(place);
        synchronize(place.device);
        outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        outcome.difference = difference_of(found, wanted);
        if (!(outcome.difference.norm <= check.tolerance)) {
            char text[64];
            std::snprintf(text, sizeof text, "differs by more than %.0e", check.tolerance);
            outcome.fault = text;
            return outcome;
        }
        const Deterministic deterministic;
        const Forbidden forbidden;
        const std::vector<Tensor> once = check.results(place);
        if (place.device.is_cpu() ? !same_bits(once, found) : !same_bits(check.results(place), once)) {
            outcome.fault = "other bits the second time with deterministic algorithms";
        }
        for (const std::string& name : Forbidden::found()) {
            outcome.fault += (outcome.fault.empty() ? "" : "; ") + name + " has no deterministic form on CUDA";
        }
    } catch (const c10::Error& error) {
        outcome.fault = error.what_without_backtrace();
    } catch (const std::exception& error) {
        outcome.fault = error.what();
    }
    outcome.fault = outcome.fault.substr(0, outcome.fault.find('\n'));
    return outcome;
}

int skip(const std::string& reason) {
    std::printf("nothing is checked: %s\n", reason.c_str());
    return kSkipped;
}

bool wanted(const std::string& name, int argc, char** argv) {
    bool any = argc < 2;
    for (int i = 1; i < argc; ++i) {
        any = any || name.find(argv[i]) != std::string::npos;
    }
    return any;
}

int check_all(int argc, char** argv) {
    const char* name = std::getenv("REVERIE_TEST_DEVICE");
    if (name == nullptr || *name == '\0') {
        return skip("REVERIE_TEST_DEVICE names no device (cuda, cuda:N, or cpu to try the checks themselves)");
    }
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*replace=*/0);  // before CUDA starts
    const Runtime runtime = [&] {
        try {
            return setup_runtime({.device = name});
        } catch (const Error& error) {
            std::printf("%s\n", error.what());
            std::exit(error.kind() == ErrorKind::Device ? kSkipped : 1);
        }
    }();
    const Place place{.device = runtime.device, .engine = Engine::Libtorch};
    std::printf("%s\n%-34s%9s%12s%10s%10s  %s\n", describe(runtime).c_str(), "what", "seconds", "largest", "norm",
                "allowed", "ok");
    int failed = 0;
    int done = 0;
    for (const auto& checks : {net_checks(), picture_checks(), training_checks(), run_checks()}) {
        for (const Check& check : checks) {
            if (!wanted(check.name, argc, argv)) {
                continue;
            }
            const Outcome outcome = outcome_of(check, place);
            std::printf("%-34s%9.3f%12.1e%10.1e%10.0e  %s\n", check.name.c_str(), outcome.seconds,
                        outcome.difference.largest, outcome.difference.norm, check.tolerance,
                        outcome.fault.empty() ? "ok" : ("NO: " + outcome.fault).c_str());
            std::fflush(stdout);
            ++done;
            failed += outcome.fault.empty() ? 0 : 1;
        }
    }
    std::printf("%d checks, %d failed\n", done, failed);
    return failed == 0 && done > 0 ? 0 : 1;
}

}  // namespace
}  // namespace reverie::test

int main(int argc, char** argv) { return reverie::test::check_all(argc, argv); }
