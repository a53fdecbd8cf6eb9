// Private: one picture on its way through the scales.
#pragma once

#include <memory>

#include "reverie/nn/frozen_net.h"
#include "reverie/optimize/step_rules.h"
#include "reverie/techniques/style.h"
#include "techniques/style/style_progress.h"
#include "techniques/style/style_targets.h"

namespace reverie {

/// A number that a state says of itself. Throws Input where it does not: the state is of another program.
std::int64_t number_in(const StyleState& state, const std::string& name);

class StyleRun {
  public:
    StyleRun(const StyleJob& job, StyleNets nets, StyleTargets& targets, const StyleOptions& options, StylePlan plan,
             const StyleHooks& hooks);
    StyleResult run();

  private:
    /// Where the run stands between two steps.
    struct Position {
        std::size_t scale = 0;
        std::int64_t step = 0;  ///< done in this scale
    };
    Position restore(const StyleState& state);
    StyleState state(const Position& at, const Tensor& image);
    StyleScene scene_at(Size size) const;
    Tensor start(const StyleScene& scene) const;
    /// The steps of one scale; false when cancelled. Leaves its result in `image_`.
    bool run_scale(const Position& from);
    Tensor finish(const Tensor& image) const;

    StyleNets nets_;
    StyleTargets& targets_;
    const StyleOptions& options_;
    StylePlan plan_;
    const StyleHooks& hooks_;
    Tensor original_;  // [3,H,W]: the content with its colours
    Tensor keep_;      // [1,H,W]: 1 where the content stays as it is; undefined: nowhere
    Tensor init_;      // [3,h,w]: what to begin with; undefined: as the options say
    StyleScene full_;

    std::unique_ptr<StatefulStep> rule_;
    RunningMean mean_;
    Plateau plateau_;
    Tensor image_;  // before a scale: what it begins with; after it: its result
    std::int64_t steps_ = 0;
    double done_ = 0.0;
};

}  // namespace reverie
