// What a style transfer is asked for, checked before any network is loaded or picture read.
#pragma once

#include <cstdint>
#include <vector>

#include "cli/style/style_files.h"
#include "cli/style/style_flags.h"
#include "cli/style/style_inputs.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"

namespace reverie {

struct StyleRequest {
    const StyleFlags& flags;
    const PictureOptions& pictures;
    const NetworkOptions& network;
    StyleOptions options;
    std::vector<StyleInput> styles;
    std::string content_network = kNoNetwork;   ///< the one that --content-network means
    std::vector<PictureVariant> variants = {};  ///< empty: all styles blended
    std::int64_t min_side = 1;                  ///< of a style's pictures

    /// --checkpoint and --trace follow one picture at a time.
    bool follows_one() const { return !flags.checkpoint.empty() || !flags.trace.empty(); }

    /// Those that are blended in a variant.
    std::vector<StyleInput> styles_of(std::size_t variant) const {
        return variants.empty() ? styles : std::vector<StyleInput>{styles[variant]};
    }

    /// Looks at the headers of a variant's styles. Throws Input.
    void check_styles(std::size_t variant) const;
};

/// The second net by its name, and where it looks if that was not said. The publications know of none unless it is
/// named, and nothing is downloaded that was not. Throws Usage for a net that must be told where.
std::string choose_content_network(Session& session, const StyleFlags& flags, StyleOptions& options,
                                   const WeightStore& store);

/// Layers, styles, masks and flags that exclude each other; headers of files are read. Throws Usage and Input. The
/// flags must outlive the request.
StyleRequest check_request(Session& session, const StyleFlags& flags, const PictureOptions& pictures,
                           const NetworkOptions& network, const WeightStore& store);

/// Throws Usage when --checkpoint or --trace is a file that the run reads.
void refuse_what_is_read(Session& session, const StyleRequest& request, const StyleFiles& files);

}  // namespace reverie
