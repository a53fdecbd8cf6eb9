// Private: what a dream's targets say of the net's features, and with which gradient. No term knows of tiles: it is
// shown patches, of which it counts those cells that are the patch's own, and means are over the cells of the whole
// canvas.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/dream.h"
#include "techniques/dream/dream_canvas.h"

namespace reverie {

/// A patch with what the net says of it.
struct SeenPatch {
    const DreamPatch& patch;
    const Features& features;
    const Features& photo;  ///< of the photo at the same place: for terms that look at it
};

class DreamTerm {
  public:
    virtual ~DreamTerm() = default;

    /// Layers it wants to see.
    virtual const std::vector<std::string>& taps() const = 0;
    /// Its value over the patch's own cells: they add up to the whole's. What it would like to change goes, times
    /// `factor`, into `seeds`: the derivative of the value.
    virtual Tensor seed(const SeenPatch& seen, const Tensor& factor, Features& seeds) = 0;

    /// What must be known of the whole canvas first: `look` is called for all patches, then `looked`; at every step
    /// only where a patch is not the whole canvas.
    enum class Looks { Never, AsOctaveBegins, EveryStep };
    virtual Looks looks() const { return Looks::Never; }
    virtual std::vector<std::string> look_taps() const { return taps(); }
    virtual void look(const Features& /*features*/, const DreamPatch& /*patch*/) {}
    virtual void looked() {}

    virtual bool wants_photo() const { return false; }

    /// Where the canvas has to be seen for it, if not everywhere: a term of one place.
    virtual const DreamTarget* place() const { return nullptr; }
    /// Pixels it sees on either side of that place.
    virtual std::int64_t reach() const { return 0; }
    /// The place, in pixels of the canvas, before seed().
    virtual void set_place(std::int64_t /*row*/, std::int64_t /*column*/) {}
};

/// Features of the guides, by layer: [C,m], a column per cell of all guides.
Features guide_features(FrozenNet& net, const DreamOptions& options, const std::vector<Tensor>& guides);

/// One term for each target. `guides`: from guide_features(), empty without; outlives the terms.
std::vector<std::unique_ptr<DreamTerm>> make_terms(const FrozenNet& net, const DreamOptions& options,
                                                   const Features& guides);

/// Layers that a step asks the net for: how much memory it takes.
std::vector<std::string> dream_taps(const FrozenNet& net, const DreamOptions& options);

}  // namespace reverie
