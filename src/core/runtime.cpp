#include "reverie/core/runtime.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/version.h>

#include <algorithm>
#include <mutex>
#include <sstream>

#include "core/machine.h"
#include "reverie/core/device.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

/// The folder LibTorch itself was loaded from: the first place to look for its CUDA half.
std::string libtorch_folder() {
    Dl_info info{};
    // Any function that lives in libtorch_cpu.so will do.
    if (dladdr(reinterpret_cast<void*>(&at::get_num_threads), &info) == 0 || info.dli_fname == nullptr) {
        return "";
    }
    const std::string file = info.dli_fname;
    const auto slash = file.rfind('/');
    return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

/// Opens libtorch_cuda.so, whose static initialisers register CUDA with ATen. It must come before anything asks ATen
/// about CUDA, because the answer is cached.
std::string open_cuda_backend() {
    const std::string beside = libtorch_folder() + "libtorch_cuda.so";
    if (dlopen(beside.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) {
        return "";
    }
    std::string reason = dlerror();
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) {
        return "";
    }
    if (reason.find("No such file") != std::string::npos && reason.find("libtorch_cuda.so") != std::string::npos) {
        return "this LibTorch has no CUDA libraries beside it; run tools/setup --cuda";
    }
    return "LibTorch's CUDA libraries cannot be loaded: " + reason;
}

std::string probe_cuda() {
    if (std::string reason = open_cuda_backend(); !reason.empty()) {
        return reason;
    }
    try {
        if (!at::hasCUDA()) {
            return "no NVIDIA driver or GPU was found";
        }
        at::zeros({1}, at::TensorOptions().device(at::kCUDA));
        return "";
    } catch (const c10::Error& error) {
        return error.what_without_backtrace();
    } catch (const std::exception& error) {
        return error.what();
    }
}

constexpr int kMostThreads = 1024;

struct DeviceRequest {
    bool automatic = false;
    c10::Device device = c10::Device(c10::kCPU);
};

DeviceRequest parse_device(const std::string& text) {
    if (text == "auto") {
        return {.automatic = true};
    }
    if (text == "cpu") {
        return {};
    }
    if (text == "cuda") {
        return {.device = c10::Device(c10::kCUDA, 0)};
    }
    if (text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() <= 7 &&
        text.find_first_not_of("0123456789", 5) == std::string::npos) {
        return {.device = c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(std::stoi(text.substr(5))))};
    }
    throw Error(ErrorKind::Usage, "{--device} '" + text + "' is not a device; wanted auto, cpu, cuda or cuda:N");
}

/// Of how many threads a team can be when the process can have `most`: LibTorch keeps a second pool of its own beside
/// OpenMP's, which sleeps.
int team_within(int most) { return std::max(1, (most + 1) / 2); }
int needed_for(int team) { return 2 * team - 1; }

/// A process that cannot start its threads is ended by OpenMP: better found out before.
void choose_threads(Runtime& runtime, int asked) {
    const std::string limits = " (a limit of this user or process; see ulimit -u, ulimit -v and pids.max)";
    if (asked > 0) {
        if (const int most = team_within(startable_threads(needed_for(asked))); most < asked) {
            throw Error(ErrorKind::Device, "{--threads} " + std::to_string(asked) + " are more than the system lets " +
                                               "this process start" + limits + "; pass {--threads} " +
                                               std::to_string(most) + ", or raise that limit");
        }
        runtime.threads = asked;
        return;
    }
    constexpr int kHelpers = 2;  // what reads ahead, or fetches a file, needs a thread too
    const int cores = std::min(usable_cores(), kMostThreads);
    runtime.threads = std::min(cores, team_within(startable_threads(needed_for(cores) + kHelpers) - kHelpers));
    if (runtime.threads < cores) {
        runtime.note = "the system does not let this process start a thread for each of its " + std::to_string(cores) +
                       " cores" + limits + "; it goes on with " + std::to_string(runtime.threads);
    }
}

}  // namespace

std::string cuda_unavailable_reason() {
    static std::once_flag once;
    static std::string reason;
    std::call_once(once, [] { reason = probe_cuda(); });
    return reason;
}

Runtime setup_runtime(const RuntimeOptions& options) {
    if (options.threads < 0 || options.threads > kMostThreads) {
        throw Error(ErrorKind::Usage, "{--threads} " + std::to_string(options.threads) +
                                          " is out of range; wanted 0 (all cores) to " + std::to_string(kMostThreads));
    }
    const DeviceRequest request = parse_device(options.device);
    Runtime runtime;
    runtime.seed = options.seed;
    runtime.deterministic = options.deterministic;
    choose_threads(runtime, options.threads);
    at::set_num_threads(runtime.threads);

    if (request.automatic) {
        if (cuda_unavailable_reason().empty()) {
            runtime.device = c10::Device(c10::kCUDA, 0);
        }
    } else if (request.device.is_cuda()) {
        if (const std::string reason = cuda_unavailable_reason(); !reason.empty()) {
            throw Error(ErrorKind::Device, "{--device} " + options.device + " cannot be used (" + reason +
                                               "); leave {--device} out or pass {--device} cpu to work without a GPU");
        }
        const auto count = at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount();
        if (request.device.index() >= count) {
            throw Error(ErrorKind::Device, "{--device} " + options.device + " does not exist; this machine has " +
                                               std::to_string(count) + " CUDA device(s), counted from 0");
        }
        runtime.device = request.device;
    }
    if (runtime.deterministic) {
        at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
        at::globalContext().setDeterministicFillUninitializedMemory(false);  // what is never read costs no time
        at::globalContext().setDeterministicCuDNN(true);
    }
    if (options.tf32 && !runtime.device.is_cuda()) {
        throw Error(
            ErrorKind::Usage,
            "{--tf32} is about CUDA devices and this run is on the CPU; leave {--tf32} out or pass {--device} cuda");
    }
    set_tf32(options.tf32);
    return runtime;
}

void keep_freed_memory() {
#ifdef __GLIBC__
    // One arena for all threads: those that threads get for themselves are given back in pieces all the same.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
    mallopt(M_ARENA_MAX, 1);
#endif
}

std::string describe(const Runtime& runtime) {
    std::ostringstream text;
    text << runtime.device << ", " << runtime.threads << (runtime.threads == 1 ? " thread" : " threads") << ", "
         << at::get_cpu_capability();
    return text.str();
}

std::int64_t available_memory() { return free_memory(); }

std::int64_t available_memory(c10::Device device) {
    if (device.is_cpu()) {
        return available_memory();
    }
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 10
    try {
        return static_cast<std::int64_t>(at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
    } catch (const c10::Error&) {
        return 0;
    }
#else
    return 0;
#endif
}

std::string version() { return REVERIE_VERSION; }

}  // namespace reverie
