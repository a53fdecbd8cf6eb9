#include "reverie/techniques/style.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "nn/layer_weights.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "techniques/style/job_maps.h"
#include "techniques/style/style_plan.h"
#include "techniques/style/style_run.h"
#include "techniques/style/style_targets.h"

namespace reverie {

void prepare_graph(Graph& graph, const StyleOptions& options) {
    if (graph.architecture.rfind("vgg", 0) != 0) {
        throw Error(ErrorKind::Usage, "style transfer works on VGG nets, not on " + graph.architecture +
                                          "; choose vgg19, vgg16 or vgg16_hed with {--network}");
    }
    if (options.pooling != Pooling::Max || options.pooling_gain != 1.0) {
        use_pooling(graph, options.pooling, options.pooling_gain);
    }
    if (options.padding == StylePadding::ReplicateFirst) {
        replicate_first_padding(graph);
    } else if (options.padding == StylePadding::ReplicateAll) {
        replicate_all_padding(graph);
    }
}

namespace {

/// That the net's graph is what prepare_graph makes of its architecture's own. A Stylizer of another would follow other
/// layers than its options say.
void require_prepared(const Graph& graph, const StyleOptions& options) {
    Graph wanted = graph;
    use_pooling(wanted, Pooling::Max);
    for (Node& node : wanted.nodes) {
        if (node.window.padding == Padding::Replicate) {
            node.window.padding = Padding::Zero;
        }
    }
    prepare_graph(wanted, options);
    const auto what_is_prepared = [](const Node& node) {
        return std::tuple(node.pooling, node.gain, node.window.padding);
    };
    if (!std::ranges::equal(graph.nodes, wanted.nodes, {}, what_is_prepared, what_is_prepared)) {
        throw Error(ErrorKind::Usage, "the graph of " + graph.architecture +
                                          " has another pooling or padding than the options of the style; call "
                                          "prepare_graph with these options while the net is loaded");
    }
}

}  // namespace

struct Stylizer::State {
    StyleNets nets;
    StyleOptions options;
    std::int64_t max_memory;
    StyleTargets targets;

    State(StyleNets all, std::vector<StyleSource> styles, StyleOptions chosen, std::int64_t memory)
        : nets(all), options(std::move(chosen)), max_memory(memory), targets(nets.style, std::move(styles), options) {}
};

Stylizer::Stylizer(StyleNets nets, std::vector<StyleSource> styles, StyleOptions options, std::int64_t max_memory) {
    validate(options);
    require_prepared(nets.style.graph(), options);
    if (nets.content != nullptr) {
        require_layers("content-network-layers", options.content_network_layers);
        require_distinct(nets.content->graph(), options.content_network_layers, "{--content-network-layers}");
    }
    state_ = std::make_unique<State>(nets, std::move(styles), std::move(options), max_memory);
}

Stylizer::~Stylizer() = default;

StylePlan Stylizer::plan(Size content) const {
    return plan_style(content, state_->nets, state_->options, state_->max_memory);
}

StyleResult Stylizer::stylize(const StyleJob& job, const StyleHooks& hooks) {
    return stylize(job, state_->nets, hooks);
}

StyleResult Stylizer::stylize(const StyleJob& job, StyleNets nets, const StyleHooks& hooks) {
    const c10::NoGradGuard no_grad;
    require_prepared(nets.style.graph(), state_->options);
    require_image(job.content, "the content");
    require_finite(job.content, "the content");
    if (job.init.defined()) {
        require_image(job.init, "{--init}");
        require_finite(job.init, "{--init}");
    }
    const Size size = size_of(job.content);
    require_map(job.alpha, size, "alpha");
    require_map(job.protect, size, "{--protect}");
    for (const Tensor& mask : job.masks) {
        require_map(mask, size, "{--mask}");
    }
    const std::size_t styles = state_->targets.styles().size();
    if (!job.masks.empty() && job.masks.size() != styles) {
        throw Error(ErrorKind::Usage, "{--mask} is given " + std::to_string(job.masks.size()) +
                                          " times and {--style} " + std::to_string(styles) +
                                          "; wanted one mask for every style");
    }
    for (const StyleSource& style : state_->targets.styles()) {
        if (!job.masks.empty() && style.band != StyleBand::All) {
            throw Error(
                ErrorKind::Usage,
                "{--mask} is given together with {--style-coarse} or {--style-fine}; give masks to whole styles only");
        }
    }
    // A resumed run keeps its tiles, whatever memory is free now.
    const std::int64_t tile = hooks.resume != nullptr ? number_in(*hooks.resume, "tile") : -1;
    StylePlan plan = plan_style(size, nets, state_->options, state_->max_memory, tile);
    return StyleRun(job, nets, state_->targets, state_->options, std::move(plan), hooks).run();
}

}  // namespace reverie
