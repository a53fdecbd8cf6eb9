// Private: what the frozen executor takes from the room of kernels, under its own names.
#pragma once

#include "kernels/border.h"
#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/packed_matrix.h"
#include "kernels/workspace.h"

namespace reverie::frozen {

using kernels::BorderedMap;
using kernels::Cross;
using kernels::Finish;
using kernels::finish_map;
using kernels::Finishing;
using kernels::from_pixel;
using kernels::into;
using kernels::Kernels;
using kernels::Map;
using kernels::MaximumSources;
using kernels::PackedMatrices;
using kernels::Product;
using kernels::Scratch;
using kernels::tensor_of;
using kernels::TilesIn;
using kernels::TilesOut;
using kernels::Transform;
using kernels::WindowRow;
using kernels::Windows;
using kernels::Workspace;

}  // namespace reverie::frozen
