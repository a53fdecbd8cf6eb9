// Attributes as directions of the latent space: learnt from two sets of images, or read from files.
#pragma once

#include <string>
#include <vector>

#include "cli/vae/vae_run.h"
#include "reverie/cli/flags.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {

struct DirectionFlags {
    std::string attribute;  ///< images with it
    std::string without;    ///< images without it
    DirectionMethod method = DirectionMethod::Mean;
    std::string save;                ///< --save-direction
    std::vector<std::string> files;  ///< "FILE" or "FILE=STRENGTH"
    bool orthogonal = false;
};

void add_flags(CLI::App& app, DirectionFlags& flags);

/// Throws Usage for flags that need each other, and Output when --save-direction exists and may not be replaced.
void validate(const DirectionFlags& flags, bool overwrite);

/// What strength 1 adds to a latent, [D]: the attribute learnt (and saved where asked; its file is printed) and those
/// of files by their strengths, made orthogonal first when asked.
Tensor edit_vector(Session& session, const DirectionFlags& flags, const VaeRun& run);

/// What was given, by flag names.
void add_settings(Settings& settings, const DirectionFlags& flags);

}  // namespace reverie
