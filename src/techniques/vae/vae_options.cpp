#include "reverie/core/error.h"
#include "reverie/techniques/vae.h"
#include "techniques/option_checks.h"

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

}  // namespace

void validate(const VaeOptions& options) {
    validate(options.net);
    if (options.likelihood.kind == LikelihoodKind::Bernoulli && options.net.kind == VaeNetKind::Antixk) {
        throw Error(ErrorKind::Usage,
                    "--likelihood bernoulli wants a net that gives probabilities, and --preset antixk ends in tanh; "
                    "choose gaussian, logistic or mse");
    }
    require_option(at_least_zero(options.likelihood.perceptual_weight), "--perceptual-weight",
                   options.likelihood.perceptual_weight, "a number of at least 0");
    require_option(above_zero(options.optimizer.learning_rate), "--learning-rate", options.optimizer.learning_rate,
                   "a number above 0");
    require_option(at_least_zero(options.beta), "--beta", options.beta, "a number of at least 0");
    require_option(options.kl_warmup >= 0.0 && options.kl_warmup <= 1.0, "--kl-warmup", options.kl_warmup,
                   "a share of the steps from 0 to 1");
    require_option(options.kl_cycles >= 0, "--kl-cycles", static_cast<double>(options.kl_cycles),
                   "a number of at least 0");
    require_option(at_least_zero(options.free_bits), "--free-bits", options.free_bits, "a number of at least 0");
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
