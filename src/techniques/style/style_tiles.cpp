#include "techniques/style/style_tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace reverie {
namespace {

std::int64_t round_up(std::int64_t n, std::int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

std::vector<TileSpan> spans(std::int64_t side, std::int64_t tile, std::int64_t halo, std::int64_t align,
                            bool same_remainder) {
    if (tile == 0 || tile >= side) {
        return {{0, side, 0, side, true}};
    }
    // All patches but the last have one size, so that memory is used again from tile to tile.
    std::int64_t patch = std::min(tile + 2 * halo, side);
    if (same_remainder) {
        patch += ((side - patch) % align);
    }
    const std::int64_t last_begin = (side - patch) / align * align;
    std::vector<TileSpan> all;
    for (std::int64_t own = 0; own < side; own += tile) {
        const std::int64_t begin = std::clamp<std::int64_t>(own - halo, 0, last_begin);
        all.push_back(
            {begin, begin == last_begin ? side : begin + patch, own, std::min(own + tile, side), own + tile >= side});
    }
    return all;
}

}  // namespace

Tensor StyleTile::patch_of(const Tensor& image) const {
    return image.narrow(1, rows.begin, rows.end - rows.begin)
        .narrow(2, columns.begin, columns.end - columns.begin)
        .contiguous();
}

TileGeometry::TileGeometry(const FrozenNet& net, const std::vector<std::string>& taps) {
    double reach = 0.0;
    for (const std::string& name : taps) {
        const Tap tap = tap_of(net, name);
        align_ = std::max(align_, tap.stride);
        const double half = static_cast<double>(tap.field - 1) / 2.0;
        reach = std::max({reach, half - tap.offset, half + tap.offset - static_cast<double>(tap.stride - 1)});
    }
    same_remainder_ = std::ranges::any_of(net.graph().nodes, [](const Node& node) {
        return node.window.padding == Padding::Same && node.window.stride > 1;
    });
    halo_ = round_up(static_cast<std::int64_t>(std::ceil(reach)), align_);
}

std::vector<StyleTile> TileGeometry::tiles(Size picture, std::int64_t tile) const {
    std::vector<StyleTile> all;
    for (const TileSpan& rows : spans(picture.height, tile, halo_, align_, same_remainder_)) {
        for (const TileSpan& columns : spans(picture.width, tile, halo_, align_, same_remainder_)) {
            all.push_back({rows, columns});
        }
    }
    return all;
}

CellSpan own_cells(const TileSpan& span, std::int64_t stride, std::int64_t cells) {
    const std::int64_t begin = std::min(span.own_begin / stride, cells);
    const std::int64_t end = span.last ? cells : std::min(span.own_end / stride, cells);
    return {begin, std::max<std::int64_t>(end - begin, 0), begin - span.begin / stride};
}

Tensor own_part(const Tensor& features, const CellSpan& rows, const CellSpan& columns) {
    return features.narrow(2, rows.in_patch, rows.count).narrow(3, columns.in_patch, columns.count);
}

}  // namespace reverie
