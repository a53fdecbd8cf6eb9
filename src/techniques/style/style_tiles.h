// Private: the tiles in which style statistics and their gradients are exact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

/// One axis of a tile, in pixels: what the net sees, and what the tile answers for.
struct TileSpan {
    std::int64_t begin, end;
    std::int64_t own_begin, own_end;
    bool last;  ///< reaches the picture's end
};

struct StyleTile {
    TileSpan rows, columns;
    /// The picture's or a map's part that the net sees, [C,H,W].
    Tensor patch_of(const Tensor& image) const;
};

/// A tap's cells that a tile answers for, along one axis: in the whole picture's map, and in the patch's.
struct CellSpan {
    std::int64_t begin, count, in_patch;
};

/// What tiling must know of a set of taps.
class TileGeometry {
  public:
    TileGeometry(const FrozenNet& net, const std::vector<std::string>& taps);

    /// Tiles begin at multiples of the deepest stride and see as far as the widest receptive field, clipped at the
    /// picture's own borders, so that every cell a tile answers for is what it is in the whole picture.
    std::vector<StyleTile> tiles(Size picture, std::int64_t tile) const;
    std::int64_t align() const noexcept { return align_; }
    std::int64_t halo() const noexcept { return halo_; }

  private:
    std::int64_t align_ = 1;
    std::int64_t halo_ = 0;
    bool same_remainder_ = false;  // where SAME puts its zeros hangs on a side's remainder: patches keep the picture's
};

/// `cells`: the tap's cells along this axis over the whole picture.
CellSpan own_cells(const TileSpan& span, std::int64_t stride, std::int64_t cells);

/// The part of a feature map [1,C,h,w] of the patch that the tile answers for.
Tensor own_part(const Tensor& features, const CellSpan& rows, const CellSpan& columns);

}  // namespace reverie
