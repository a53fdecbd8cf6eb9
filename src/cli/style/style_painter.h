// Paints the pictures of a batch: the nets and styles that its pictures share, and the work on one of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/pictures/masks.h"
#include "cli/style/checkpointing.h"
#include "cli/style/style_nets.h"
#include "cli/style/style_plan.h"
#include "cli/style/style_request.h"
#include "cli/style/trace_file.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/pool.h"

namespace reverie {

class StylePainter {
  public:
    /// All must outlive it.
    StylePainter(Session& session, const StyleRequest& request, const WeightStore& store, Checkpointing& checkpointing);

    /// What is painted is a film: its state wants to know what decides its bits.
    void paints_film() { identifies_ = true; }

    /// Reads what all pictures share, where a fault ends the run: without it none would be as asked for.
    void read_shared();

    /// The task of a variant: its styles are read, and once for all the net. Throws Input, Weights, Usage.
    PictureTask task(std::size_t variant);

  private:
    /// What one picture is painted with.
    /// What the pictures of one variant share.
    struct Variant {
        std::vector<StyleSource> sources;
        std::vector<Mask> masks;
        std::optional<Stylizer> stylizer;
        Settings identity;  ///< with --checkpoint or of a film: all that decides a picture's bits, but for the input
    };

    void load_once();
    Settings identity_of(const Variant& variant, const Settings& settings) const;
    StyleJob job_for(const Variant& variant, const Picture& picture);
    PictureResult paint(Variant& variant, const StyleJob& job, const StyleHooks& hooks);
    PictureResult paint_picture(Variant& variant, const Picture& picture, const BatchItem& item, const Hooks& hooks);
    StyleCost cost_of(const Variant& variant);

    Session& session_;
    const StyleRequest& request_;
    const WeightStore& store_;
    Checkpointing& checkpointing_;

    std::optional<Mask> protect_;
    Tensor init_;

    std::unique_ptr<Pool<LoadedNets>> nets_;
    Settings net_settings_;
    bool identifies_;                           ///< Variant::identity is wanted
    std::vector<std::string> weights_digests_;  ///< then
    std::int64_t memory_ = 0;
    std::optional<TraceFile> trace_;
    std::map<int, StyleCost> costs_;  ///< by threads, for --dry-run; all styles take the same
    MaskFitter masks_to_size_{session_.console()};
};

}  // namespace reverie
