#include <limits>

#include "reverie/core/error.h"
#include "reverie/techniques/vae.h"

namespace reverie {
namespace {

constexpr const char* kProgram = "vae";

const std::string& note(const std::map<std::string, std::string>& metadata, const std::string& key) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) {
        throw Error(ErrorKind::Input,
                    "the weights' notes lack '" + key +
                        "', so they are not of `vae`; pass a run folder or weights that `vae train` wrote");
    }
    return found->second;
}

template <typename T>
OptionField<VaeOptions> field(T VaeOptions::*member) {
    return option_field<VaeOptions>(member);
}

OptionTable<VaeOptions> make_table() {
    constexpr double kMost = std::numeric_limits<double>::max();
    const OptionRange at_least_zero{0.0, kMost, "a number of at least 0"};
    return {
        {.name = "latent",
         .heading = "Model",
         .placeholder = "N",
         .help = "dimensions of the latent space; of a spatial one, channels",
         .field = option_field<VaeOptions>([](auto& o) -> auto& { return o.net.latent; })},
        {.name = "latent-grid",
         .heading = "Model",
         .placeholder = "N",
         .help = "a spatial latent: so many places along its shorter side; 0: a vector",
         .field = option_field<VaeOptions>([](auto& o) -> auto& { return o.net.latent_grid; })},
        {.name = "width",
         .heading = "Model",
         .placeholder = "N",
         .help = "channels of the first stage",
         .field = option_field<VaeOptions>([](auto& o) -> auto& { return o.net.width; })},
        {.name = "blocks",
         .heading = "Model",
         .placeholder = "N",
         .help = "residual blocks a stage",
         .field = option_field<VaeOptions>([](auto& o) -> auto& { return o.net.blocks; })},
        {.name = "likelihood",
         .heading = "Loss",
         .placeholder = "",
         .help = "how pixels are thought to vary: bernoulli (black and white, digits), gaussian with a learned scale "
                 "(photos), logistic over 256 levels, mse, perceptual (gaussian and a net's features)",
         .field = option_choice<VaeOptions>(
             [](auto& o) -> auto& { return o.likelihood.kind; }, choices_of(likelihood_kinds(), likelihood_kind))},
        {.name = "perceptual-weight",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "how much that net's features count",
         .field = option_field<VaeOptions>([](auto& o) -> auto& { return o.likelihood.perceptual_weight; }),
         .range = at_least_zero},
        {.name = "beta",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "how much the KL divergence counts: more orders the latent space, less sharpens",
         .field = field(&VaeOptions::beta),
         .range = at_least_zero},
        {.name = "kl-warmup",
         .heading = "Loss",
         .placeholder = "SHARE",
         .help = "share of the planned steps over which that weight grows from 0",
         .field = field(&VaeOptions::kl_warmup),
         .range = {0.0, 1.0, "a share of the steps from 0 to 1"}},
        {.name = "kl-cycles",
         .heading = "Loss",
         .placeholder = "N",
         .help = "so many such ramps one after the other; 0: one",
         .field = field(&VaeOptions::kl_cycles),
         .range = at_least_zero},
        {.name = "free-bits",
         .heading = "Loss",
         .placeholder = "NATS",
         .help = "how much KL in each dimension costs nothing",
         .field = field(&VaeOptions::free_bits),
         .range = at_least_zero},
        {.name = "learning-rate",
         .heading = "Training",
         .placeholder = "RATE",
         .help = "learning rate of the optimiser",
         .field = option_field<VaeOptions>([](auto& o) -> auto& { return o.optimizer.learning_rate; }),
         .range = {std::numeric_limits<double>::denorm_min(), kMost, "a number above 0"}},
        {.name = "binarize",
         .heading = "Loss",
         .placeholder = "",
         .help = "make every pixel 0 or 1 once, by its grey level as chance",
         .field = field(&VaeOptions::binarize),
         .from_recipe = false},
    };
}

}  // namespace

const OptionTable<VaeOptions>& vae_option_table() {
    static const OptionTable<VaeOptions> table = make_table();
    return table;
}

void validate(const VaeOptions& options) {
    validate(options.net);
    if (options.likelihood.kind == LikelihoodKind::Bernoulli && options.net.kind == VaeNetKind::Antixk) {
        throw Error(
            ErrorKind::Usage,
            "{--likelihood} bernoulli wants a net that gives probabilities, and {--preset} antixk ends in tanh; "
            "choose gaussian, logistic or mse");
    }
    require_in_range(vae_option_table(), options);
}

std::map<std::string, std::string> to_metadata(const VaeOptions& options) {
    std::map<std::string, std::string> metadata = to_metadata(options.net);
    metadata["program"] = kProgram;
    metadata["likelihood"] = text_of(options.likelihood.kind);
    metadata["binarize"] = options.binarize ? "true" : "false";
    return metadata;
}

VaeOptions vae_options(const std::map<std::string, std::string>& metadata) {
    if (note(metadata, "program") != kProgram) {
        throw Error(ErrorKind::Input, "the weights were written by `" + metadata.at("program") +
                                          "`; pass a run folder or weights that `vae train` wrote");
    }
    VaeOptions options;
    options.net = vae_net_options(metadata);
    options.likelihood.kind = likelihood_kind(note(metadata, "likelihood"));
    options.binarize = note(metadata, "binarize") == "true";
    return options;
}

}  // namespace reverie
