// Private: what a block of a style net's layer sees, brought together.
#pragma once

#include "models/style_layers.h"

namespace reverie {

enum class PatchBorder { Mirrored, Repeated };

/// Rows and columns of a map, beyond its border too, through the norm: [rows][columns][channels]. Cells further beyond
/// the border than a window reaches are those of a cell nearby.
void gather(const MapRows& from, const MapNorm* norm, PatchBorder border, Span rows, Span columns, float* patch,
            const kernels::Kernels& kernels);

}  // namespace reverie
