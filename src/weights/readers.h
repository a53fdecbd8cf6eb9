// The readers of the containers: each fills Contents from its mapped file.
#pragma once

#include "contents.h"

namespace reverie::weights {

/// PyTorch >= 1.6: a zip archive of stored records. CRCs are not compared: that would touch every byte; whole files are
/// checked by their SHA-256 when they arrive.
void read_torch_zip(Contents& contents);

/// PyTorch < 1.6: a row of pickles, then the raw storages.
void read_torch_legacy(Contents& contents);

void read_safetensors(Contents& contents);

}  // namespace reverie::weights
