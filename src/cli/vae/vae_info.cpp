// vae info
#include <nlohmann/json.hpp>

#include "cli/runs/run_info.h"
#include "cli/vae/vae_commands.h"
#include "reverie/models/parameters.h"
#include "reverie/techniques/vae.h"

namespace reverie {
namespace {

nlohmann::ordered_json net_of(const std::map<std::string, std::string>& notes) {
    const VaeOptions options = vae_options(notes);
    return {{"net", notes.at("net")},
            {"parameters", parameter_count(*make_vae(options.net, 0))},
            {"width", options.net.size.width},
            {"height", options.net.size.height},
            {"channels", options.net.channels},
            {"latent", options.net.latent},
            {"latent_grid", options.net.latent_grid},
            {"classes", options.net.classes},
            {"likelihood", text_of(options.likelihood.kind)},
            {"binarize", options.binarize}};
}

}  // namespace

std::unique_ptr<Program> vae_info_command() {
    return info_command({.program = "vae", .net = net_of, .watched = {"loss"}, .metric = "validation/loss"});
}

}  // namespace reverie
