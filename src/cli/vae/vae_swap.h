// edit --swap: what a mask or a part of the latent numbers holds of one image, put into another.
#pragma once

#include <string>
#include <vector>

#include "cli/runs/show.h"
#include "cli/vae/vae_run.h"
#include "reverie/cli/flags.h"
#include "reverie/techniques/face_swap.h"

namespace reverie {

struct SwapFlags {
    std::vector<std::string> swap;  ///< A and B; empty: no swap is asked for
    std::string mask;               ///< empty: an oval over the inner face
    SwapBlend blend = SwapBlend::Poisson;
    std::string latents;  ///< "0-15,40"; empty: A's own pixels are moved
};

void add_flags(CLI::App& app, SwapFlags& flags);

/// Whether anything of it was given.
bool wanted(const SwapFlags& flags);

/// A's inner face (or what --mask shows of it) on B; with --latents what B becomes with those numbers of A's, within
/// the mask when one is given. B may be many images; A one, or as many. Throws Usage and what reading images throws.
void run_swap(Session& session, const SwapFlags& flags, const RunFlags& run_flags, const ShowFlags& show_flags);

}  // namespace reverie
