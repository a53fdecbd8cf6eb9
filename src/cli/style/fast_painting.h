// Paints the pictures of a batch with a net that has learnt styles.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/pictures/masks.h"
#include "cli/style/model_spec.h"
#include "cli/style/style_flags.h"
#include "cli/style/style_nets.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/pool.h"
#include "reverie/techniques/fast_painter.h"

namespace reverie {

class FastPainting {
  public:
    /// All must outlive it. Everything is judged that can be before the net is read. Throws Usage, Input and Weights.
    FastPainting(Session& session, const StyleFlags& flags, const PictureOptions& pictures,
                 const NetworkOptions& network, const WeightStore& store);

    PictureTask task();

  private:
    /// With --refine: what optimises.
    struct Refinement {
        std::vector<StyleSource> sources;
        StyleOptions options;
        std::unique_ptr<Pool<LoadedNets>> nets;
        std::optional<Stylizer> stylizer;
    };

    void prepare_refinement(Settings& settings);
    PictureResult paint(const Picture& picture, const Hooks& hooks);
    PictureResult refine(const Picture& picture, const FastPainterJob& job, const Tensor& painted, const Hooks& hooks);
    PicturePlan plan(Size size);

    Session& session_;
    const StyleFlags& flags_;
    const PictureOptions& pictures_;
    const NetworkOptions& network_;
    const WeightStore& store_;
    ModelSpec model_;
    std::filesystem::path model_file_;
    StyleOptions options_;
    std::vector<std::string> net_styles_;
    std::int64_t memory_ = 0;
    std::unique_ptr<FastPainter> painter_;
    std::vector<Mask> masks_;
    std::optional<Mask> protect_;
    std::optional<Refinement> refinement_;
    std::map<int, double> pixel_seconds_;  ///< by threads, for --dry-run
    MaskFitter masks_to_size_{session_.console()};
};

}  // namespace reverie
