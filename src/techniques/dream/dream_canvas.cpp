#include "techniques/dream/dream_canvas.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/ceil_div.h"

namespace reverie {
namespace {

bool is_rolled(const DreamOptions& options) { return options.formula.edges == DreamFormula::Edges::Rolled; }

/// Up to the next multiple.
std::int64_t up_to(std::int64_t n, std::int64_t multiple) { return ceil_div(n, multiple) * multiple; }

std::int64_t wrapped(std::int64_t i, std::int64_t n) { return ((i % n) + n) % n; }

/// Indices before..n+after of a line of n pixels continued by mirroring without repeating the edge, however far.
Tensor mirrored(std::int64_t n, std::int64_t before, std::int64_t after, c10::Device device) {
    const std::int64_t period = std::max<std::int64_t>(2 * (n - 1), 1);
    const Tensor i = at::arange(-before, n + after, at::TensorOptions(at::kLong).device(device)).remainder(period);
    return at::where(i >= n, period - i, i);
}

/// Those of a line that is rolled onwards by so many pixels.
Tensor rolled(std::int64_t n, std::int64_t by, c10::Device device) {
    return (at::arange(n, at::TensorOptions(at::kLong).device(device)) - by).remainder(n);
}

PatchSpan with_halo(std::int64_t own_begin, std::int64_t own_end, std::int64_t side) {
    constexpr std::int64_t kLeastSeen = 2 * kTileHalo;  // deep layers need some pixels to have a cell at all
    std::int64_t begin = std::max<std::int64_t>(own_begin - kTileHalo, 0);
    const std::int64_t end = std::min(std::max(own_end + kTileHalo, begin + kLeastSeen), side);
    begin = std::min(begin, std::max<std::int64_t>(end - kLeastSeen, 0));
    return {begin, end, own_begin, own_end};
}

std::vector<PatchSpan> spans_of(std::int64_t side, std::int64_t tile, std::int64_t draw) {
    std::vector<PatchSpan> spans;
    for (std::int64_t begin = 0; begin < side;) {
        const std::int64_t end = std::min(begin == 0 && draw > 0 ? draw : begin + tile, side);
        spans.push_back(with_halo(begin, end, side));
        begin = end;
    }
    return spans;
}

std::int64_t even_tile(std::int64_t side, const PatchGrid& grid) {
    return std::min(up_to(ceil_div(side, ceil_div(side, grid.tile)), grid.stride), side);
}

}  // namespace

Size dream_canvas(Size picture, const DreamOptions& options, const PatchGrid& grid) {
    if (is_rolled(options)) {
        return picture;
    }
    const std::int64_t around = 2 * (options.margin + options.jitter);
    const Size canvas = {picture.height + around, picture.width + around};
    return grid.tile == 0 ? canvas : Size{up_to(canvas.height, grid.stride), up_to(canvas.width, grid.stride)};
}

Size tile_sides(Size canvas, const PatchGrid& grid) {
    return {even_tile(canvas.height, grid), even_tile(canvas.width, grid)};
}

std::vector<DreamPatch> patches_of(Size canvas, const PatchGrid& grid, Size draw) {
    if (grid.tile == 0) {
        return {{{0, canvas.height, 0, canvas.height}, {0, canvas.width, 0, canvas.width}, canvas}};
    }
    const Size tile = tile_sides(canvas, grid);
    std::vector<DreamPatch> patches;
    for (const PatchSpan& rows : spans_of(canvas.height, tile.height, draw.height)) {
        for (const PatchSpan& columns : spans_of(canvas.width, tile.width, draw.width)) {
            patches.push_back({rows, columns, canvas});
        }
    }
    return patches;
}

DreamPatch patch_around(Size canvas, const PatchGrid& grid, std::int64_t row, std::int64_t column, std::int64_t reach) {
    const auto span = [&](std::int64_t at, std::int64_t side) {
        const std::int64_t begin = std::max<std::int64_t>(at - reach, 0) / grid.stride * grid.stride;
        // What is cut off the end is a multiple too: with SAME padding the cells' places follow from the size.
        const std::int64_t spare = std::max<std::int64_t>(side - (at + reach + 1), 0) / grid.stride * grid.stride;
        return PatchSpan{begin, side - spare, begin, side - spare};
    };
    return {span(row, canvas.height), span(column, canvas.width), canvas};
}

DreamCanvas::DreamCanvas(Size picture, const DreamOptions& options, const PatchGrid& grid, Shift shift,
                         c10::Device device)
    : picture_(picture), size_(dream_canvas(picture, options, grid)), rolled_(is_rolled(options)) {
    if (rolled_) {
        top_ = wrapped(shift.down, picture.height);
        left_ = wrapped(shift.right, picture.width);
        rows_ = rolled(picture.height, top_, device);
        columns_ = rolled(picture.width, left_, device);
        return;
    }
    const std::int64_t middle = options.margin + options.jitter;
    top_ = middle + shift.down;
    left_ = middle + shift.right;
    rows_ = mirrored(picture.height, top_, size_.height - picture.height - top_, device);
    columns_ = mirrored(picture.width, left_, size_.width - picture.width - left_, device);
}

Tensor DreamCanvas::patch(const Tensor& image, const DreamPatch& patch) const {
    // Rows and columns at once: columns alone are gathered pixel by pixel with a long stride between them.
    const Tensor rows = rows_.narrow(0, patch.rows.begin, patch.seen().height);
    const Tensor columns = columns_.narrow(0, patch.columns.begin, patch.seen().width);
    return at::index(image, {std::nullopt, rows.unsqueeze(1), columns});
}

Tensor DreamCanvas::picture_part(const Tensor& canvas_gradient) const {
    if (rolled_) {
        return at::roll(canvas_gradient, {-top_, -left_}, {1, 2});
    }
    return canvas_gradient.narrow(1, top_, picture_.height).narrow(2, left_, picture_.width);
}

void DreamCanvas::add(Tensor& gradient, const Tensor& patch_gradient, const DreamPatch& patch, Part part) const {
    const auto pieces = [&](const PatchSpan& span, std::int64_t at, std::int64_t side) {
        struct Piece {
            std::int64_t from, to, length;  // in the patch, in the picture
        };
        std::vector<Piece> found;
        std::int64_t begin = part == Part::Own ? span.own_begin : span.begin;
        std::int64_t end = part == Part::Own ? span.own_end : span.end;
        if (!rolled_) {
            begin = std::max(begin, at);
            end = std::min(end, at + side);
        }
        while (begin < end) {
            const std::int64_t to = rolled_ ? wrapped(begin - at, side) : begin - at;
            const std::int64_t length = std::min(end - begin, side - to);
            found.push_back({begin - span.begin, to, length});
            begin += length;
        }
        return found;
    };
    for (const auto& row : pieces(patch.rows, top_, picture_.height)) {
        for (const auto& column : pieces(patch.columns, left_, picture_.width)) {
            gradient.narrow(1, row.to, row.length)
                .narrow(2, column.to, column.length)
                .add_(patch_gradient.narrow(1, row.from, row.length).narrow(2, column.from, column.length));
        }
    }
}

std::int64_t DreamCanvas::row_of(std::int64_t y) const {
    return rolled_ ? wrapped(y + top_, picture_.height) : y + top_;
}

std::int64_t DreamCanvas::column_of(std::int64_t x) const {
    return rolled_ ? wrapped(x + left_, picture_.width) : x + left_;
}

}  // namespace reverie
