#include "reverie/output/grid.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>

#include <algorithm>

#include "core/ceil_div.h"
#include "output/canvas.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/size.h"

namespace reverie {
namespace {

constexpr std::int64_t kCaption = 16;  // pixels of a line of text

void check_channels(const Tensor& images, std::int64_t dimensions) {
    const bool fits = images.defined() && images.dim() == dimensions && images.numel() > 0;
    const std::int64_t channels = fits ? images.size(-3) : 0;
    if (channels != 1 && channels != 3 && channels != 4) {
        throw Error(ErrorKind::Usage, "images of shape " + (images.defined() ? shape_text(images.sizes()) : "[]") +
                                          " cannot be shown; at least one with 1, 3 or 4 channels is wanted");
    }
}

/// The columns whose sheet has the shortest longest side; of equals the ones that leave fewer places empty, then more.
std::int64_t squarest_columns(std::int64_t count, Size cell) {
    std::int64_t best = 1;
    auto best_cost = std::pair(count * std::max(cell.height, cell.width) + 1, std::int64_t{0});
    for (std::int64_t columns = 1; columns <= count; ++columns) {
        const std::int64_t rows = ceil_div(count, columns);
        const auto cost = std::pair(std::max(rows * cell.height, columns * cell.width), rows * columns);
        if (cost <= best_cost) {
            best_cost = cost;
            best = columns;
        }
    }
    return best;
}

/// How cells lie in a sheet.
struct Layout {
    std::int64_t factor = 1;  ///< by which images are enlarged
    std::int64_t columns = 1;
    std::int64_t rows = 1;
    Size cell;  ///< with one gap
    Size sheet;
};

Layout layout_of(std::int64_t count, Size image, const GridOptions& options) {
    Layout layout;
    layout.factor = std::max<std::int64_t>(1, ceil_div(options.min_side, std::max(image.height, image.width)));
    layout.cell = {image.height * layout.factor + options.gap, image.width * layout.factor + options.gap};
    layout.columns = options.columns > 0 ? std::min(options.columns, count) : squarest_columns(count, layout.cell);
    layout.rows = ceil_div(count, layout.columns);
    layout.sheet = {layout.rows * layout.cell.height + options.gap, layout.columns * layout.cell.width + options.gap};
    return layout;
}

}  // namespace

Size grid_size(std::int64_t count, Size image, const GridOptions& options) {
    return layout_of(count, image, options).sheet;
}

Tensor image_grid(const Tensor& images, const GridOptions& options) {
    check_channels(images, 4);
    if (options.columns < 0 || options.gap < 0 || options.min_side < 0 ||
        !(options.background >= 0 && options.background <= 1)) {
        throw Error(ErrorKind::Usage,
                    "a sheet of images wants columns, a gap and a least side of 0 or more and a background in 0 to 1");
    }
    Tensor cells = images.detach().to(at::kCPU, at::kFloat).clamp(0, 1);
    const std::int64_t count = cells.size(0);
    const auto [factor, columns, rows, cell, size] = layout_of(count, size_of(cells), options);
    if (factor > 1) {
        cells = cells.repeat_interleave(factor, 2).repeat_interleave(factor, 3);
    }
    const bool has_alpha = cells.size(1) == 4;
    Tensor sheet = at::full({has_alpha ? 4 : 3, size.height, size.width}, options.background, at::kFloat);
    if (has_alpha) {
        sheet[3].fill_(1);
    }
    for (std::int64_t i = 0; i < count; ++i) {
        sheet.narrow(1, i / columns * cell.height + options.gap, cells.size(2))
            .narrow(2, i % columns * cell.width + options.gap, cells.size(3))
            .copy_(cells[i]);  // grey is spread over the three channels
    }
    return sheet;
}

Tensor captioned(const Tensor& image, const std::string& caption) {
    const Tensor rgb = to_rgb(image.detach().to(at::kCPU, at::kFloat).clamp(0, 1));
    output::RasterCanvas line({kCaption, rgb.size(2)});
    output::TextStyle style{.size = kCaption * 0.75};
    const auto fits = [&](const std::string& said) {
        return line.text_width(said, style) <= static_cast<double>(rgb.size(2));
    };
    constexpr double kLeast = 7.0;  // that can be read
    while (!fits(caption) && style.size > kLeast) {
        style.size -= 1.0;
    }
    std::string text = caption;
    while (!text.empty() && !fits(text == caption ? text : text + "...")) {
        text.pop_back();
    }
    line.text({0, kCaption * 0.75}, text == caption ? text : text + "...", style);
    return at::cat({line.image(), rgb}, 1);
}

Size captioned_size(Size image) { return {image.height + kCaption, image.width}; }

Tensor to_rgb(const Tensor& image) {
    check_channels(image, 3);
    return images_to_rgb(image.unsqueeze(0)).squeeze(0);
}

Tensor images_to_rgb(const Tensor& images) {
    check_channels(images, 4);
    if (images.size(1) == 4) {
        const Tensor alpha = images.narrow(1, 3, 1);
        return images.narrow(1, 0, 3) * alpha + (1 - alpha);
    }
    return images.expand({-1, 3, -1, -1}).contiguous();
}

Tensor interleave_rows(const std::vector<Tensor>& sets, std::int64_t columns) {
    if (columns < 1 || sets.empty()) {
        throw Error(ErrorKind::Usage, "rows of images want at least one set and one column");
    }
    for (const Tensor& set : sets) {
        check_channels(set, 4);
        if (set.sizes() != sets.front().sizes()) {
            throw Error(ErrorKind::Usage, "sets of images of shapes " + shape_text(sets.front().sizes()) + " and " +
                                              shape_text(set.sizes()) + " cannot share a sheet; one shape is wanted");
        }
    }
    const std::int64_t count = sets.front().size(0);
    std::vector<Tensor> rows;
    for (std::int64_t start = 0; start < count; start += columns) {
        const std::int64_t length = std::min(columns, count - start);
        for (const Tensor& set : sets) {
            rows.push_back(set.detach().narrow(0, start, length).to(at::kCPU, at::kFloat));
            if (length < columns) {
                rows.push_back(at::ones({columns - length, set.size(1), set.size(2), set.size(3)}, at::kFloat));
            }
        }
    }
    return at::cat(rows);
}

}  // namespace reverie
