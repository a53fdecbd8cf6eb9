#include "reverie/cli/network_flags.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/frame/help.h"
#include "cli/pictures/layers.h"
#include "core/json_text.h"
#include "reverie/cli/flags.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

std::string state_of(const InstalledNetwork& network) {
    const CatalogueEntry& entry = network.entry;
    if (!network.file.empty()) {
        return "installed: " + network.file.string();
    }
    if (entry.url.empty()) {
        return "not installed: " + entry.obtain;
    }
    return "not installed: a run downloads it" +
           (entry.bytes > 0 ? " (" + human_bytes(static_cast<std::uint64_t>(entry.bytes)) + ")" : "");
}

void list_networks(Session& session, const WeightStore& store) {
    constexpr std::size_t kIndent = 22;
    const int columns = terminal_columns(session.environment(), STDOUT_FILENO) - static_cast<int>(kIndent);
    for (const InstalledNetwork& network : store.networks()) {
        const CatalogueEntry& entry = network.entry;
        if (session.common().json) {
            const nlohmann::ordered_json object = {{"network", entry.name},
                                                   {"architecture", entry.architecture},
                                                   {"preprocessing", entry.preprocessing},
                                                   {"installed", !network.file.empty()},
                                                   {"path", network.file.string()},
                                                   {"url", entry.url},
                                                   {"package", entry.package},
                                                   {"bytes", entry.bytes},
                                                   {"licence", entry.licence},
                                                   {"description", entry.description}};
            session.print(json_text(object));
            continue;
        }
        std::string name = entry.name;
        name.resize(std::max(kIndent, name.size() + 2), ' ');
        session.print(name + wrap_text(entry.description + "\n" + state_of(network) + "\nlicence: " + entry.licence,
                                       columns, kIndent));
    }
}

void fetch_network(Session& session, const NetworkOptions& options, const WeightStore& store,
                   const std::vector<std::string>& choices) {
    NetworkOptions named = options;
    if (options.weights.empty()) {
        named.network = choose_network(options, store, choices).entry.name;
    }
    if (session.common().dry_run) {
        session.print(named.network + ": " + state_of(choose_network(named, store, choices)));
        return;
    }
    const NetworkWeights weights = resolve_network(session, named, store, choices);
    if (session.common().json) {
        session.print(json_text({{"network", weights.network}, {"path", weights.file.string()}}));
    } else {
        session.print(path_word(weights.file.string()));
    }
}

const Choices<Engine>& engines() {
    static const Choices<Engine> all = {
        {"auto", Engine::Auto}, {"frozen", Engine::Frozen}, {"libtorch", Engine::Libtorch}};
    return all;
}

}  // namespace

void add_flags(CLI::App& app, NetworkOptions& options, const std::vector<std::string>& choices) {
    FlagGroup group(app, "Network");
    group.add("--network", options.network, "NAME",
              "the pretrained net; auto: the first installed of " + join(choices) + "; others: see --list-networks");
    group.add("--weights", options.weights, "FILE",
              "take the net's weights from this .pth or .safetensors file (needs --network)");
    group.add("--preprocessing", options.preprocessing, "HOW",
              "what that file's net wants to see: torchvision, inception, caffe, keras or lite0", "told by the file");
    group.add_choice(
        "--engine", options.engine, engines(),
        "what computes the net; auto: frozen, our own kernels, on a CPU, else libtorch. The two differ in the "
        "last digits");
    not_configurable(group.add("--list-networks", options.list_networks,
                               "list the nets: installed or not, where from, licence; and stop"));
    not_configurable(
        group.add("--list-layers", options.list_layers, "list the net's layers and what they see; and stop"));
    not_configurable(group.add("--fetch", options.fetch, "get the weights this run would need, and stop"));
}

void validate(const NetworkOptions& options) {
    if (!options.weights.empty() && options.network == "auto") {
        throw Error(ErrorKind::Usage, "--weights does not say which net the file is for; name it with --network");
    }
    if (!options.preprocessing.empty() && options.weights.empty()) {
        throw Error(ErrorKind::Usage,
                    "--preprocessing speaks of a file handed in; pass it with --weights FILE or leave it out");
    }
}

StoreLocations store_locations(const Environment& environment) {
    return default_locations(
        {.data = environment.data_home, .torch = environment.torch_home, .models = environment.models},
        environment.program_folder.parent_path() / "share/reverie/models");
}

InstalledNetwork choose_network(const NetworkOptions& options, const WeightStore& store,
                                const std::vector<std::string>& choices) {
    const std::vector<InstalledNetwork> networks = store.networks();
    std::vector<std::string> names{"auto"};
    for (const InstalledNetwork& network : networks) {
        names.push_back(network.entry.name);
    }
    const auto find = [&](const std::string& name) {
        for (const InstalledNetwork& network : networks) {
            if (network.entry.name == name) {
                return network;
            }
        }
        throw Error(ErrorKind::Usage, "--" + options.flag + " '" + name + "' is not known; wanted " +
                                          join(names, ", ", " or ") + did_you_mean(name, names));
    };
    if (options.network != "auto") {
        return find(options.network);
    }
    for (const std::string& choice : choices) {
        if (InstalledNetwork network = find(choice); !network.file.empty()) {
            return network;
        }
    }
    return find(choices.front());
}

NetworkWeights resolve_network(Session& session, const NetworkOptions& options, const WeightStore& store,
                               const std::vector<std::string>& choices) {
    const Hooks hooks = session.hooks();
    NetworkWeights weights;
    if (!options.weights.empty()) {
        choose_network(options, store, choices);  // only for its judgement of the name
        weights = store.resolve_file(options.network, options.weights, options.preprocessing);
    } else if (const auto chosen = choose_network(options, store, choices);
               session.common().dry_run && chosen.file.empty()) {
        throw Error(ErrorKind::Weights, "the weights of " + chosen.entry.name +
                                            " are not installed, so nothing can be planned; get them with --fetch "
                                            "--network " +
                                            chosen.entry.name);
    } else if (options.network != "auto") {
        weights = store.resolve(chosen.entry.name, hooks);
    } else {
        weights = store.resolve_first(choices, hooks);
    }
    session.console().end();
    session.console().info("network " + weights.network + " (" + weights.file.string() + ")");

    const std::string made_with =
        session.from().value(options.flag == "network" ? "weights" : options.flag + "-weights");
    if (!made_with.empty() && made_with != weights.file.filename().string()) {
        session.console().warning("the picture of --from was made with the weights '" + made_with + "', not with '" +
                                  weights.file.filename().string() + "': the result will differ");
    }
    return weights;
}

FrozenNet load_net(Session& session, const NetworkWeights& weights, const std::function<void(Graph&)>& adapt,
                   Engine engine) {
    FrozenNet net = load_net(weights, session.runtime().device, adapt, engine);
    if (const std::string& prefix = net.weights_prefix(); !prefix.empty()) {
        session.console().info("the names in '" + weights.file.string() + "' are taken without their common '" +
                               prefix + "'");
    }
    return net;
}

std::unique_ptr<Pool<FrozenNet>> load_nets(Session& session, const NetworkOptions& options,
                                           const NetworkWeights& weights, const std::function<void(Graph&)>& adapt) {
    const auto first = std::make_shared<const FrozenNet>(load_net(session, weights, adapt, options.engine));
    return std::make_unique<Pool<FrozenNet>>([first] { return first->sibling(); });
}

bool list_or_fetch(Session& session, const NetworkOptions& options, const WeightStore& store,
                   const std::vector<std::string>& choices) {
    if (options.list_networks) {
        list_networks(session, store);
    } else if (options.list_layers) {
        const CatalogueEntry entry = choose_network(options, store, choices).entry;
        list_layers(session, entry.architecture, entry.preprocessing);
    } else if (options.fetch) {
        fetch_network(session, options, store, choices);
    } else {
        return false;
    }
    return true;
}

Settings made_with(const Session& session, const NetworkOptions& options, const NetworkWeights& weights) {
    Settings settings;
    settings.set("program", session.program());
    settings.set("version", version());
    settings.set("network", weights.network);
    settings.set("weights", weights.file.filename().string());
    if (!options.weights.empty()) {
        settings.set("preprocessing", weights.preprocessing);
    }
    if (options.engine != Engine::Auto) {
        settings.set("engine", choice_text(engines(), options.engine));
    }
    return settings;
}

}  // namespace reverie
