#include "cli/style/style_request.h"

#include <utility>

#include "cli/pictures/masks.h"
#include "reverie/core/error.h"
#include "reverie/nn/graph.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// The shortest side on which every layer asked for has something to say. Throws Usage for layers that are not there.
std::int64_t smallest_side(const StyleRequest& request, const WeightStore& store) {
    const CatalogueEntry entry = choose_network(request.network, store, style_networks()).entry;
    Graph graph = make_graph(entry.architecture, entry.preprocessing);
    prepare_graph(graph, request.options);
    require_distinct(graph, request.options.style_layers, "{--style-layers}");
    require_distinct(graph, request.options.content_layers, "{--content-layers}");
    std::vector<int> nodes;
    for (const auto& layers : {request.options.style_layers, request.options.content_layers}) {
        for (const LayerWeight& layer : layers) {
            nodes.push_back(find_tap(graph, layer.tap));
        }
    }
    return min_side(graph, nodes);
}

}  // namespace

std::string choose_content_network(Session& session, const StyleFlags& flags, StyleOptions& options,
                                   const WeightStore& store) {
    std::string name = flags.content_network;
    if (name == "auto" && options.preset != StylePreset::Reverie) {
        name = kNoNetwork;
    } else if (name == "auto") {
        const InstalledNetwork best = choose_network(content_network(name), store, content_networks());
        name = best.file.empty() ? kNoNetwork : best.entry.name;
        if (name == kNoNetwork && options.content_weight > 0.0) {
            session.console().info("without " + best.entry.name +
                                   " only the style's net sees what the photo shows, and less of it stays; get it "
                                   "with --fetch --network " +
                                   best.entry.name);
        }
    }
    if (name == kNoNetwork) {
        for (const char* flag : {"content-network-layers", "content-network-share"}) {
            if (flags.options.has(flag)) {
                throw Error(ErrorKind::Usage, std::string("--") + flag +
                                                  " speaks of a second net, and there is none; name it with "
                                                  "--content-network, or leave this out");
            }
        }
        return name;
    }
    const CatalogueEntry entry = choose_network(content_network(name), store, {}).entry;
    if (options.content_network_layers.empty()) {
        options.content_network_layers = content_layers_of(entry.architecture);
    }
    if (options.content_network_layers.empty()) {
        throw Error(ErrorKind::Usage, "--content-network " + entry.name +
                                          " has no layers of its own choice; name some with --content-network-layers");
    }
    require_distinct(make_graph(entry.architecture, entry.preprocessing), options.content_network_layers,
                     "{--content-network-layers}");
    return name;
}

void StyleRequest::check_styles(std::size_t variant) const {
    for (const StyleInput& style : styles_of(variant)) {
        check_style(style, min_side, pictures.max_pixels);
    }
}

StyleRequest check_request(Session& session, const StyleFlags& flags, const PictureOptions& pictures,
                           const NetworkOptions& network, const WeightStore& store) {
    StyleRequest request{flags, pictures, network, style_options(flags, session.common().runtime.seed),
                         style_inputs(flags)};
    request.content_network = choose_content_network(session, flags, request.options, store);
    request.min_side = smallest_side(request, store);
    if (flags.each_style) {
        request.variants = style_variants(request.styles);
    } else {
        request.check_styles(0);
    }
    for (const fs::path& path : {flags.protect, init_file(flags).value_or(fs::path())}) {
        if (!path.empty()) {
            read_picture_size(path, {.max_pixels = pictures.max_pixels});
        }
    }
    if (request.follows_one() && jobs_of(pictures).value_or(1) > 1) {
        throw Error(ErrorKind::Usage, std::string(flags.checkpoint.empty() ? "--trace" : "--checkpoint") +
                                          " follows one picture at a time, but --jobs is " + pictures.jobs +
                                          "; leave one of the two out");
    }
    warn_of_left_out(session, "mask", !flags.masks.empty());
    warn_of_left_out(session, "protect", !flags.protect.empty());
    return request;
}

void refuse_what_is_read(Session& session, const StyleRequest& request, const StyleFiles& files) {
    const auto warn = [&session](const std::string& sentence) { session.console().warning(sentence); };
    for (const StyleInput& style : request.styles) {
        for (const std::string& path : pictures_of(style, warn)) {
            files.refuse(path, "a style");
        }
        files.refuse(style.mask, "a --mask");
    }
    const CommonOptions& common = session.common();
    files.refuse(request.flags.protect, "--protect");
    files.refuse(init_file(request.flags).value_or(fs::path()), "--init");
    files.refuse(request.network.weights, "--weights");
    files.refuse(request.pictures.from, "--from");
    files.refuse(common.config, "--config");
    files.refuse(common.save_config, "--save-config");
}

}  // namespace reverie
