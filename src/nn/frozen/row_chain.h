// Private: several convolutions one after another, of which only the last one's output is a map in memory: tile by tile
// of that, the rows in between stay in a cache for as long as later ones see them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/frozen/kernel_names.h"
#include "nn/frozen/row_windows.h"

namespace reverie::frozen {

struct RowStage {
    std::unique_ptr<RowWindows> windows;
    Size size;      ///< of what it writes
    Finish finish;  ///< of whole maps of that size; only the last stage's has an `out`
};

/// `from` goes through all stages. What neighbouring tiles both need is computed twice.
void run_chain(const std::vector<RowStage>& stages, const Map& from, Workspace& work);

/// What a thread wants for the rows in between, for stages of so many channels: windows of `kernel` cells, `stride`
/// apart.
std::int64_t chain_bytes(std::int64_t channels, std::int64_t kernel, std::int64_t stride);

}  // namespace reverie::frozen
