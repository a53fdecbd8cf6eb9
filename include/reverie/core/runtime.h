// Device, threads, seed and determinism: chosen once per program.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace reverie {

struct RuntimeOptions {
    std::string device = "auto";  ///< auto | cpu | cuda | cuda:N; auto takes a CUDA device when one works, else the CPU
    int threads = 0;              ///< CPU threads; 0: as many as cores this process may use
    std::uint64_t seed = 0;       ///< the same seed gives the same bytes on the same machine
    bool deterministic = false;   ///< also on CUDA, at the price of speed; on the CPU results always are
    bool tf32 = false;            ///< float32 on CUDA with 10 bits of mantissa: faster, and other digits; see device.h
};

struct Runtime {
    c10::Device device = c10::Device(c10::kCPU);
    int threads = 1;
    std::uint64_t seed = 0;
    bool deterministic = false;
    std::string note;  ///< a sentence when fewer threads can be had than there are cores; else empty
};

/// Applies the options to LibTorch: called once, by a program. Throws Usage for a malformed device or a thread count
/// out of range and Device, with the reason, when CUDA was asked for by name and cannot be used, or the system does not
/// let this process have as many threads as asked for. On CUDA, `deterministic` wants
/// CUBLAS_WORKSPACE_CONFIG=:4096:8 in the environment before CUDA is first used: the programs set it, who links the
/// library does so.
Runtime setup_runtime(const RuntimeOptions& options);

/// For programs that work for long: memory that was freed stays with the process, for the next step. Feature maps come
/// and go with every step; given back to the system each time, they have to be zeroed page by page when they are taken
/// again, which is a fifth of a dream's time. It holds for the whole process and cannot be undone, so it is the
/// program's to call (ours do), before its first work; glibc alone knows it, elsewhere it does nothing. Beside it,
/// LibTorch's threads wait for one another without spinning when GOMP_SPINCOUNT=100 is in the environment that a
/// program is started with, which is worth as much on cores that are shared.
void keep_freed_memory();

/// Why CUDA cannot be used here, in a few words; empty when it can. Registers LibTorch's CUDA backend on the first call
/// when its libraries lie beside LibTorch's own (`tools/setup --cuda` puts them there).
std::string cuda_unavailable_reason();

/// "libtorch 2.15.0, 2 threads, AVX2": one line about the engine, for logs.
std::string describe(const Runtime& runtime);

/// Memory that can still be taken on the CPU, in bytes: what the system has available, within the limits of the control
/// groups this process runs in and of its address space. 0 when the system does not tell.
std::int64_t available_memory();

/// The same of a device: a GPU's free memory, or the CPU's.
std::int64_t available_memory(c10::Device device);

/// The library's version, e.g. "0.1.0".
std::string version();

}  // namespace reverie
