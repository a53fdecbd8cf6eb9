#include "reverie/cli/dream_program.h"

#include <optional>
#include <string>

#include "cli/dream/dream_flags.h"
#include "cli/dream/dream_plan.h"
#include "cli/frame/option_flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/pool.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/dream.h"

namespace reverie {
namespace {

/// Pixels up to which a picture is surely better made on one thread beside others: efficientnet_lite0's thin layers
/// gain 2 in speed on two cores, at 512x384 pixels too.
constexpr std::int64_t kSmall = 512 * 512;

class DeepDream : public Program {
  public:
    std::string name() const override { return "deepdream"; }
    std::string description() const override {
        return "Dreams on pictures: amplifies what a pretrained net sees in them, scale by scale.";
    }
    std::string examples() const override {
        return "examples:\n"
               "  deepdream photo.jpg -o dream.png\n"
               "  deepdream photo.jpg -o dream.png --size 1600 --layers Mixed_6c Mixed_5d=0.5\n"
               "  deepdream holiday/ -o dreams/ --skip-existing\n"
               "  deepdream photo.jpg -o dream.png --preset google --network inception_v3\n"
               "  deepdream other.jpg -o other.png --from dream.png     as dream.png was made\n";
    }

    bool may_use_tf32() const override { return true; }

    void add_flags(CLI::App& app) override {
        reverie::add_flags(app, pictures_);
        add_dream_flags(app, dream_);
        reverie::add_flags(app, network_, dream_networks());
    }

    std::vector<Followers> followers() const override { return dream_followers(); }

    int run(Session& session) override {
        validate(network_);
        validate(pictures_, session.common().overwrite);
        const WeightStore store(store_locations(session.environment()));
        const std::vector<std::string> networks = dream_networks(dream_, store);
        if (list_or_fetch(session, network_, store, networks)) {
            return 0;
        }
        // Flags are judged here, before any file is read or fetched.
        const CatalogueEntry entry = choose_network(network_, store, networks).entry;
        const DreamOptions options = options_for(session, entry.name);
        Graph graph = make_graph(entry.architecture, entry.preprocessing);
        prepare_graph(graph, options);
        check_targets(graph, options.layers);
        return run_pictures(session, pictures_,
                            {.prepare = [&](std::size_t) { return prepare(session, store); }, .small = kSmall});
    }

  private:
    DreamOptions options_for(Session& session, const std::string& network) const {
        return dream_options(dream_, network, session.common().runtime.seed);
    }

    PictureTask prepare(Session& session, const WeightStore& store) {
        const NetworkWeights weights = resolve_network(session, network_, store, dream_networks(dream_, store));
        const DreamOptions options = options_for(session, weights.network);
        nets_ = load_nets(session, network_, weights, [&options](Graph& graph) { prepare_graph(graph, options); });
        const std::int64_t memory = memory_limit(session, pictures_);

        PictureTask task;
        task.settings = made_with(session, network_, weights);
        if (longest_side(pictures_)) {
            task.settings.set("size", wanted_size(pictures_));
        }
        add_settings(task.settings, dream_option_table(), options);
        task.settings.set("seed", std::to_string(options.seed));
        task.settings.set("quality", pictures_.quality);
        task.work = [this, options, memory](const Picture& picture, const BatchItem&, const Hooks& hooks) {
            const auto net = nets_->take();
            const DreamResult dreamt = dream(picture.color, *net, options, memory, hooks);
            PictureResult result;
            if (dreamt.tile > 0) {
                result.settings.set("max-memory", memory);  // decides where the tiles lie
            }
            result.image = dreamt.image;
            result.steps = dreamt.steps;
            result.cancelled = dreamt.cancelled;
            return result;
        };
        task.plan = [this, options, memory](Size size) { return describe_plan(size, nets_->first(), options, memory); };
        task.bytes = [this, options, memory](Size size) {
            return plan_dream(size, nets_->first(), options, memory).peak_bytes;
        };
        task.max_memory = memory;
        return task;
    }

    PictureOptions pictures_;
    GivenOptions dream_;
    NetworkOptions network_;
    std::unique_ptr<Pool<FrozenNet>> nets_;
};

}  // namespace

std::unique_ptr<Program> dream_program() { return std::make_unique<DeepDream>(); }

}  // namespace reverie
