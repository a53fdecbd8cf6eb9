#include "cli/style/style_nets.h"

#include "cli/style/style_flags.h"

namespace reverie {

NetPool load_style_nets(Session& session, const NetworkOptions& network, const std::string& content_network,
                        const StyleOptions& options, const WeightStore& store) {
    const NetworkWeights weights = resolve_network(session, network, store, style_networks());
    const auto first = std::make_shared<LoadedNets>(load_net(
        session, weights, [&](Graph& graph) { prepare_graph(graph, options); }, network.engine));
    NetPool pool{.settings = made_with(session, network, weights), .files = {weights.file}};
    pool.settings.set("content-network", content_network);
    if (content_network != kNoNetwork) {
        const NetworkWeights second = resolve_network(session, reverie::content_network(content_network), store, {});
        first->content = load_net(session, second, {}, network.engine);
        pool.settings.set("content-network-weights", second.file.filename().string());
        pool.files.push_back(second.file);
    }
    pool.nets = std::make_unique<Pool<LoadedNets>>([first] { return first->sibling(); });
    return pool;
}

}  // namespace reverie
