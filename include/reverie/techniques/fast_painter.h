// Painting with a net that has learnt styles: one pass through it, without optimising anything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/models/style_net_weights.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/style.h"

namespace reverie {

/// One of a net's styles, and how much of it.
struct StyleShare {
    std::string style;
    double weight = 1.0;  ///< relative to the others'; > 0
};

struct FastPainterOptions {
    std::vector<StyleShare> styles;        ///< empty: the net's first
    double strength = 1.0;                 ///< 0..1: from the photo to the painting
    StyleColor color = StyleColor::Style;  ///< Style, Content or Luma: the others need the style's picture
    std::int64_t max_memory = 0;           ///< bytes of the process; 0: no limit
    Engine engine = Engine::Auto;          ///< Auto: our own kernels on the CPU, LibTorch elsewhere
};

/// All maps are [1,H,W] in [0,1] and of the photo's size; undefined: none.
struct FastPainterJob {
    Tensor photo;               ///< [3,H,W] in [0,1], sides of at least 8
    Tensor alpha;               ///< where it is 0 the photo stays, and its colour there changes nothing
    Tensor protect;             ///< where it is 1 the photo stays to the bit
    std::vector<Tensor> masks;  ///< one for each of the styles: where it applies; empty: all blended everywhere
};

struct FastPainterPlan {
    bool strips = false;  ///< large maps are made anew in strips, to save memory; the picture is the same to the bit
    std::int64_t peak_bytes = 0;  ///< estimate of the whole process
};

/// For several threads at once. By our own kernels the bits are the same with any number of threads.
class FastPainter {
  public:
    /// Throws Usage for options that are out of range, styles that the net does not know, colours that it cannot give,
    /// and our own kernels on another device than the CPU.
    FastPainter(const StyleNetWeights& net, FastPainterOptions options, c10::Device device = c10::kCPU);
    ~FastPainter();
    FastPainter(const FastPainter&) = delete;
    FastPainter& operator=(const FastPainter&) = delete;

    const FastPainterOptions& options() const;
    /// The engine that paints: Frozen or Libtorch.
    Engine engine() const;

    /// Throws Input for a side below 8 pixels, Device when `max_memory` is too small, naming the smallest that works.
    /// `alpha`: the photo has some.
    FastPainterPlan plan(Size photo, bool alpha = false) const;

    /// [3,H,W] in [0,1], on the CPU; undefined when the hooks' token stopped it. Throws like plan; Usage for other
    /// kinds of tensors, values that are not finite, maps of another size, or masks that are not one per style.
    Tensor paint(const FastPainterJob& job, const Hooks& hooks = {}) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace reverie
