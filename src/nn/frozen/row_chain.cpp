#include "nn/frozen/row_chain.h"

#include <algorithm>

#include "core/ceil_div.h"

namespace reverie::frozen {
namespace {

// Of the last stage's output. Each tile computes again what its neighbours' windows see too, so it should be large; the
// rows it holds in between should stay in the second cache.
constexpr std::int64_t kRows = 32;
constexpr std::int64_t kColumns = 64;

struct Area {
    Range rows, columns;
};

/// One tile on its way through the stages.
class TilePass {
  public:
    TilePass(const std::vector<RowStage>& stages, const Map& from, std::int64_t image, Range rows, Range columns,
             Scratch& scratch);
    void run();

  private:
    /// What a stage has written for this tile.
    struct Written {
        Area area;  // of the stage's map that the tile needs
        Area own;   // the part of it that tiles before did not need
        HeldRows held;
        std::int64_t next = 0;  // row to come
    };

    std::vector<Area> areas(Range rows, Range columns) const;
    /// Most rows of a stage's output that a row of the next one sees.
    std::int64_t held_rows(std::size_t stage) const;
    void hold_rows(Scratch& scratch);
    void write_until(std::size_t stage, std::int64_t end);
    void write_row(std::size_t stage, std::int64_t y);
    void hand_over_bits(std::size_t stage, std::int64_t y);

    const std::vector<RowStage>& stages_;
    HeldRows source_;
    std::int64_t image_;
    Scratch& scratch_;
    std::vector<Written> written_;  // by stage
};

TilePass::TilePass(const std::vector<RowStage>& stages, const Map& from, std::int64_t image, Range rows, Range columns,
                   Scratch& scratch)
    : stages_(stages), source_(rows_of(from, image)), image_(image), scratch_(scratch) {
    const std::vector<Area> here = areas(rows, columns);
    const std::vector<Area> before = areas({rows.begin - kRows, rows.begin}, {columns.begin - kColumns, columns.begin});
    for (std::size_t s = 0; s < stages.size(); ++s) {
        Area own = here[s];
        if (rows.begin > 0) {
            own.rows.begin = std::max(own.rows.begin, before[s].rows.end);
        }
        if (columns.begin > 0) {
            own.columns.begin = std::max(own.columns.begin, before[s].columns.end);
        }
        written_.push_back({.area = here[s], .own = own, .held = {}, .next = here[s].rows.begin});
    }
    hold_rows(scratch);
}

/// By stage: what is needed of its output for that much of the last one's.
std::vector<Area> TilePass::areas(Range rows, Range columns) const {
    std::vector<Area> found(stages_.size());
    found.back() = {rows, columns};
    for (std::size_t s = stages_.size() - 1; s > 0; --s) {
        const RowWindows& windows = *stages_[s].windows;
        found[s - 1] = {windows.rows_seen(found[s].rows), windows.columns_seen(found[s].columns)};
    }
    return found;
}

std::int64_t TilePass::held_rows(std::size_t stage) const {
    const Range& rows = written_[stage + 1].area.rows;
    std::int64_t most = 0;
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
        most = std::max(most, stages_[stage + 1].windows->rows_seen({y, y + 1}).count());
    }
    return most;
}

void TilePass::hold_rows(Scratch& scratch) {
    std::int64_t floats = 0;
    std::int64_t bytes = 0;
    for (std::size_t s = 0; s + 1 < stages_.size(); ++s) {
        const Area& area = written_[s].area;
        const std::int64_t channels = stages_[s].windows->channels();
        written_[s].held = {.row_stride = area.columns.count() * channels,
                            .stride = channels,
                            .held = held_rows(s),
                            .column = area.columns.begin};
        floats += written_[s].held.held * written_[s].held.row_stride;
        bytes = std::max(bytes, area.columns.count() * stages_[s].finish.bits_stride);
    }
    float* memory = scratch.floats(floats);
    for (std::size_t s = 0; s + 1 < stages_.size(); ++s) {
        written_[s].held.first = memory;
        memory += written_[s].held.held * written_[s].held.row_stride;
    }
    scratch.places.resize(static_cast<std::size_t>(bytes));
}

void TilePass::run() { write_until(stages_.size() - 1, written_.back().area.rows.end); }

void TilePass::write_until(std::size_t stage, std::int64_t end) {
    while (written_[stage].next < end) {
        write_row(stage, written_[stage].next++);
    }
}

void TilePass::write_row(std::size_t stage, std::int64_t y) {
    const RowStage& of = stages_[stage];
    if (stage > 0) {
        write_until(stage - 1, of.windows->rows_seen({y, y + 1}).end);
    }
    const HeldRows& from = stage > 0 ? written_[stage - 1].held : source_;
    const Range columns = written_[stage].area.columns;
    Finish finish = from_pixel(of.finish, (image_ * of.size.height + y) * of.size.width + columns.begin);
    if (stage + 1 == stages_.size()) {
        of.windows->run(from, y, columns, finish, scratch_);
        return;
    }
    finish.out = written_[stage].held.at(y, columns.begin);
    finish.out_stride = written_[stage].held.stride;
    if (of.finish.bits != nullptr) {
        finish.bits = scratch_.places.data();
    }
    of.windows->run(from, y, columns, finish, scratch_);
    if (of.finish.bits != nullptr) {
        hand_over_bits(stage, y);
    }
}

/// Only one tile writes a bit where several compute it.
void TilePass::hand_over_bits(std::size_t stage, std::int64_t y) {
    const RowStage& of = stages_[stage];
    const Area& own = written_[stage].own;
    if (y < own.rows.begin || own.columns.count() <= 0) {
        return;
    }
    const std::int64_t stride = of.finish.bits_stride;
    const std::int64_t pixel = (image_ * of.size.height + y) * of.size.width + own.columns.begin;
    const std::uint8_t* const first =
        scratch_.places.data() + (own.columns.begin - written_[stage].area.columns.begin) * stride;
    std::copy_n(first, own.columns.count() * stride, of.finish.bits + pixel * stride);
}

}  // namespace

HeldRows rows_of(const Map& map, std::int64_t image) {
    return {.first = map.at(image * map.height * map.width),
            .row_stride = map.width * map.stride,
            .stride = map.stride,
            .held = map.height,
            .column = 0};
}

void run_chain(const std::vector<RowStage>& stages, const Map& from, Workspace& work) {
    const Size size = stages.back().size;
    const std::int64_t across = ceil_div(size.width, kColumns);
    const std::int64_t down = ceil_div(size.height, kRows);
    work.for_each(from.batch * down * across, [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t top = item / across % down * kRows;
        const std::int64_t left = item % across * kColumns;
        TilePass(stages, from, item / across / down, {top, std::min(top + kRows, size.height)},
                 {left, std::min(left + kColumns, size.width)}, scratch)
            .run();
    });
}

std::int64_t chain_bytes(std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
    const std::int64_t seen = (kColumns - 1) * stride + kernel;
    return 4 * channels * (kernel * seen + kColumns);
}

}  // namespace reverie::frozen
