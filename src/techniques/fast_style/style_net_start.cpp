#include "techniques/fast_style/style_net_start.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>

#include "reverie/core/error.h"
#include "reverie/train/run_weights.h"

namespace reverie {
namespace {

std::string form_of(const StyleNetOptions& options) {
    return std::to_string(options.channels[0]) + "-" + std::to_string(options.channels[1]) + "-" +
           std::to_string(options.channels[2]) + " channels, " + std::to_string(options.blocks) +
           " blocks and ends of " + std::to_string(options.ends) +
           (options.adds_input ? "" : ", without the photo added");
}

}  // namespace

void begin_as(StyleNet& net, const StyleNetWeights& start) {
    const StyleNetOptions& options = net.options();
    if (form_of(options) != form_of(start.options)) {
        throw Error(ErrorKind::Input, "the net to begin from has " + form_of(start.options) + ", and the new one " +
                                          form_of(options) + "; choose the same {--net}, or begin without it");
    }
    const auto own = make_style_net(start.options, 0);
    NamedTensors theirs;
    for (const auto& item : own->named_parameters()) {
        theirs[item.key()] = item.value();
    }
    load_weights(theirs, start.tensors);
    const c10::NoGradGuard no_grad;
    const std::vector<std::string>& known = start.options.styles;
    for (const auto& item : net.named_parameters()) {
        const Tensor& from = theirs.at(item.key());
        if (!item.key().ends_with(".scale") && !item.key().ends_with(".shift")) {
            item.value().copy_(from);
            continue;
        }
        for (std::size_t row = 0; row < options.styles.size(); ++row) {
            const auto found = std::ranges::find(known, options.styles[row]);
            item.value()[static_cast<std::int64_t>(row)].copy_(found == known.end() ? from.mean(0)
                                                                                    : from[found - known.begin()]);
        }
    }
}

}  // namespace reverie
