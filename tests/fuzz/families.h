// What is fuzzed: one function per family of files that people hand in. Each takes the bytes of one file, hands them to
// every reader that may meet them, and throws Finding when a reader does anything but read or refuse in good order.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace reverie::fuzz {

using Bytes = std::span<const std::byte>;

struct Finding : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void pictures(Bytes bytes);  ///< every picture format
void films(Bytes bytes);     ///< Y4M, animated WebP and GIF, and what tells kinds of films
void sets(Bytes bytes);      ///< archives, IDX files and lists of images
void weights(Bytes bytes);   ///< .pth of both containers, safetensors
void runs(Bytes bytes);      ///< what a program reads of an earlier run: settings, checkpoints, metrics, the catalogue

struct Family {
    const char* name;
    void (*run)(Bytes);
};
inline constexpr Family kFamilies[] = {
    {"pictures", pictures}, {"films", films}, {"sets", sets}, {"weights", weights}, {"runs", runs}};

}  // namespace reverie::fuzz
