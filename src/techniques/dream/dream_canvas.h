// Private: the picture as one step's net sees it, and the pieces in which it goes through the net.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// Pixels a tile sees beyond its own part. Deep layers see further; what they miss differs from step to step, because
/// the grid moves.
inline constexpr std::int64_t kTileHalo = 96;

/// Along one axis of the canvas: what the net sees, and the part of it that the patch answers for.
struct PatchSpan {
    std::int64_t begin, end;
    std::int64_t own_begin, own_end;
    std::int64_t own() const { return own_end - own_begin; }
};

/// A piece of the canvas that goes through the net at once.
struct DreamPatch {
    PatchSpan rows, columns;
    Size canvas;
    Size seen() const { return {rows.end - rows.begin, columns.end - columns.begin}; }
    /// The part of the canvas' pixels that it answers for.
    double own_share() const {
        return static_cast<double>(rows.own() * columns.own()) / static_cast<double>(canvas.height * canvas.width);
    }
    /// The part of the canvas' pixels that it sees: above its own share.
    double seen_share() const {
        return static_cast<double>(seen().height * seen().width) / static_cast<double>(canvas.height * canvas.width);
    }
};

/// How a canvas is cut: pieces of the net's stride, so that a cell of a patch is a cell of the whole.
struct PatchGrid {
    std::int64_t tile = 0;    ///< side of a tile's own part at most; 0: the whole canvas at once
    std::int64_t stride = 1;  ///< of the net's deepest layer: canvas and cuts are multiples of it where there are tiles
};

/// The size the net sees of a picture: its surroundings included.
Size dream_canvas(Size picture, const DreamOptions& options, const PatchGrid& grid);

/// The tiles' own sides on a canvas: as many as the longest allowed needs, all about equal.
Size tile_sides(Size canvas, const PatchGrid& grid);

/// The patches of a canvas, the grid moved by a part of a tile, `draw` of it in each direction (multiples of the
/// stride, 0 to below tile_sides()).
std::vector<DreamPatch> patches_of(Size canvas, const PatchGrid& grid, Size draw);

/// The patch around so many pixels on either side of one, cut like a tile.
DreamPatch patch_around(Size canvas, const PatchGrid& grid, std::int64_t row, std::int64_t column, std::int64_t reach);

/// One step's canvas: the picture, shifted, in its mirrored surroundings or rolled round.
class DreamCanvas {
  public:
    struct Shift {
        std::int64_t down = 0, right = 0;  ///< of the picture within what the jitter allows, -jitter to jitter
    };
    DreamCanvas(Size picture, const DreamOptions& options, const PatchGrid& grid, Shift shift, c10::Device device);

    Size size() const { return size_; }
    Tensor patch(const Tensor& image, const DreamPatch& patch) const;
    /// The picture's part of a gradient over the whole canvas: what surroundings would like to change is not asked for.
    Tensor picture_part(const Tensor& canvas_gradient) const;
    /// Adds the part of a patch's gradient that is its own, or all of it, to the picture's gradient.
    enum class Part { Own, All };
    void add(Tensor& gradient, const Tensor& patch_gradient, const DreamPatch& patch, Part part) const;
    /// Where a pixel of the picture lies.
    std::int64_t row_of(std::int64_t y) const;
    std::int64_t column_of(std::int64_t x) const;

  private:
    Size picture_, size_;
    bool rolled_;
    std::int64_t top_, left_;  // of the picture in the canvas; rolled: by how much it is rolled
    Tensor rows_, columns_;    // of the picture, for every row and column of the canvas
};

}  // namespace reverie
