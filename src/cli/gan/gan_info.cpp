// gan info
#include <nlohmann/json.hpp>

#include "cli/gan/gan_commands.h"
#include "cli/runs/run_info.h"
#include "reverie/models/gan.h"
#include "reverie/models/parameters.h"

namespace reverie {
namespace {

nlohmann::ordered_json net_of(const std::map<std::string, std::string>& notes) {
    const GanNetOptions options = gan_net_options(notes);
    const GanNets nets = make_gan(options, 0);
    return {{"net", notes.at("net")},
            {"generator_parameters", parameter_count(*nets.generator)},
            {"discriminator_parameters", parameter_count(*nets.discriminator)},
            {"width", options.size.width},
            {"height", options.size.height},
            {"channels", options.channels},
            {"latent", options.latent},
            {"generator_width", options.generator_width},
            {"discriminator_width", options.discriminator_width},
            {"classes", options.classes},
            {"spectral_norm", options.spectral_norm},
            {"attention", options.attention},
            {"minibatch_std", options.minibatch_deviation},
            {"generator", text_of(options.generator)},
            {"projected_size", options.projected_side}};
}

}  // namespace

std::unique_ptr<Program> gan_info_command() {
    return info_command({.program = "gan",
                         .net = net_of,
                         .watched = {"generator/loss", "discriminator/loss", "validation/kernel",
                                     "validation/precision", "validation/recall", "validation/diversity"},
                         .metric = "validation/frechet"});
}

}  // namespace reverie
