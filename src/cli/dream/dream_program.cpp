#include "reverie/cli/dream_program.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/dream/dream_film.h"
#include "cli/dream/dream_flags.h"
#include "cli/dream/dream_grid.h"
#include "cli/dream/dream_inputs.h"
#include "cli/dream/dream_plan.h"
#include "cli/frame/option_flags.h"
#include "cli/pictures/film_flags.h"
#include "cli/pictures/film_request.h"
#include "cli/pictures/film_run.h"
#include "cli/pictures/identity.h"
#include "cli/pictures/picture_run.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/error.h"
#include "reverie/core/pool.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/dream.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

/// Pixels up to which a picture is surely better made on one thread beside others: efficientnet_lite0's thin layers
/// gain 2 in speed on two cores, at 512x384 pixels too.
constexpr std::int64_t kSmall = 512 * 512;

constexpr const char* kCellSize = "256";  // pixels of a dream in a sheet, unless --size says more
constexpr const char* kFilmSize = "640";  // longest side of a film, likewise

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
               "  deepdream -o fish.png --init noise --size 320 --layers class:goldfish\n"
               "  deepdream photo.jpg -o flight.mp4 --film 20 --zoom 1.3\n"
               "  deepdream clip.mp4 -o dreamt.mp4 --size 480 --carry 0.5\n"
               "  deepdream other.jpg -o other.png --from dream.png     as dream.png was made\n";
    }

    std::string output_help() const override { return Program::output_help() + film_output_help(); }

    bool may_use_tf32() const override { return true; }

    void add_flags(CLI::App& app) override {
        reverie::add_flags(app, pictures_);
        add_dream_flags(app, dream_);
        reverie::add_flags(app, inputs_);
        reverie::add_flags(app, film_);
        reverie::add_flags(app, painted_, /*with_fps=*/false);
        reverie::add_flags(app, network_, dream_networks());
    }

    std::vector<Followers> followers() const override { return dream_followers(); }

    int run(Session& session) override {
        validate(network_);
        const bool paints_film = takes_film(pictures_.inputs, session.common().output);
        if (film_.wanted()) {
            pictures_.default_size = kFilmSize;
        } else if (!inputs_.grid.empty()) {
            pictures_.default_size = kCellSize;
        }
        validate(pictures_, session.common().overwrite);
        if (!inputs_.list_classes.empty()) {
            list_classes(session, inputs_.list_classes);
            return 0;
        }
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
        grid_ = grid_targets(graph, inputs_.grid);
        for (const DreamOptions& one : each_dream(options)) {
            validate(one);
            if (!inputs_.guides.empty()) {
                check_guided(one);
            }
        }
        check(session, inputs_, pictures_.max_pixels);
        if (paints_film) {
            return paint_film(session, store, options);
        }
        refuse_film_flags(painted_, /*but_encoding=*/film_.wanted());
        if (film_.wanted()) {
            return make_film(session, store, networks, options, graph);
        }
        refuse_without_film(film_, /*painted=*/false);
        return run_pictures(session, pictures_,
                            {.prepare = [&](std::size_t) { return prepare(session, store); },
                             .needs_input = options.init != DreamInit::Noise,
                             .small = kSmall});
    }

  private:
    DreamOptions options_for(Session& session, const std::string& network) const {
        GivenOptions given = dream_;
        for (const char* name : {"focus", "calm"}) {  // pictures of before these were there were made without them
            if (!session.from().value("layers").empty() && session.from().value(name).empty() && !given.has(name)) {
                given.set(name, {"0"});
            }
        }
        return dream_options(given, network, init_of(inputs_), session.common().runtime.seed);
    }

    int make_film(Session& session, const WeightStore& store, const std::vector<std::string>& networks,
                  const DreamOptions& options, const Graph& graph) const {
        const DreamFilmOptions film = film_options(film_);
        const FilmOptions encoding = film_options(painted_.options);
        const DreamFilmRequest request{
            .flags = film_,
            .film = film,
            .encoding = encoding,
            .pictures = pictures_,
            .inputs = inputs_,
            .network = network_,
            .store = store,
            .networks = networks,
            .dream_options = [&](const std::string& network) { return options_for(session, network); }};
        const BatchItem item = check_film(session, request, options, graph);
        return make_dream_film(session, request, item);
    }

    /// One that is there already.
    int paint_film(Session& session, const WeightStore& store, const DreamOptions& options) {
        refuse_without_film(film_, /*painted=*/true);
        if (!inputs_.grid.empty()) {
            throw Error(ErrorKind::Usage, "--grid makes a sheet, and the input is a film; leave --grid out");
        }
        if (painted_.options.has("carry") && (session.given("init") || options.init != DreamInit::Content)) {
            throw Error(ErrorKind::Usage,
                        "--carry and --init both say what a frame starts with; leave one of them out");
        }
        GivenOptions given = painted_.options;
        if (const std::vector<std::string>* fps = film_.options.find("fps")) {
            given.set("fps", *fps);
        }
        const FilmRequest request =
            check_film_request(session, pictures_, painted_, film_options(given), film_.resume, options.preview_every);
        return run_film(session, request, {.prepare = [&](std::size_t) { return prepare(session, store); }});
    }

    PictureTask prepare(Session& session, const WeightStore& store) {
        const NetworkWeights weights = resolve_network(session, network_, store, dream_networks(dream_, store));
        const DreamOptions options = options_for(session, weights.network);
        nets_ = load_nets(session, network_, weights, [&options](Graph& graph) { prepare_graph(graph, options); });
        const std::int64_t memory = memory_limit(session, pictures_);

        const SharedDreamPictures shared(inputs_, pictures_.max_pixels);

        PictureTask task;
        task.settings = made_with(session, network_, weights);
        if (size_box(pictures_)) {
            task.settings.set("size", wanted_size(pictures_));
        }
        add_settings(task.settings, dream_option_table(), options);
        shared.add_settings(task.settings);
        if (!grid_.empty()) {
            task.settings.set_list("grid", inputs_.grid);
        }
        task.settings.set("seed", std::to_string(options.seed));
        task.settings.set("quality", pictures_.quality);
        task.work = [this, &session, options, memory, shared](const Picture& picture, const BatchItem& item,
                                                              const Hooks& hooks) {
            const DreamJob job = shared.job_for(picture);
            if (!grid_.empty()) {
                return make_sheet(session, job, *nets_->take(), options, memory, item, hooks);
            }
            return dreamt(job, options, memory, hooks);
        };
        task.frame = [this, options, memory, shared](const Picture& picture, const Tensor& start, const Hooks& hooks) {
            DreamJob job = shared.job_for(picture);
            job.init = start.defined() ? start : job.init;
            return dreamt(job, options, memory, hooks);
        };
        task.identity = [this, &session, options, memory, shared, settings = task.settings,
                         file = weights.file](Size size) {
            Settings identity = settings;
            FrozenNet& net = nets_->first();
            add_machine(identity, session.runtime(), net.engine());
            identity.set("side of tiles", plan_dream(size, net, options, memory).tile);
            identity.set(bytes_of("the weights"), sha256_of_file(file));
            shared.add_digests(identity);
            return identity;
        };
        task.plan = [this, options, memory, shared](Size size) {
            return describe_plan(size, nets_->first(), each_dream(options), shared.guides(), memory);
        };
        task.bytes = [this, options, memory](Size size) {
            std::int64_t most = 0;
            for (const DreamOptions& one : each_dream(options)) {
                most = std::max(most, plan_dream(size, nets_->first(), one, memory).peak_bytes);
            }
            return most;
        };
        task.max_memory = memory;
        return task;
    }

    PictureResult dreamt(const DreamJob& job, const DreamOptions& options, std::int64_t memory, const Hooks& hooks) {
        const auto net = nets_->take();
        const DreamResult dreamt = dream(job, *net, options, memory, hooks);
        PictureResult result{.image = dreamt.image, .steps = dreamt.steps, .cancelled = dreamt.cancelled};
        if (dreamt.tile > 0) {
            result.settings.set("max-memory", memory);  // decides where the tiles lie
        }
        return result;
    }

    /// The dreams that one picture is to become: one, or those of a sheet.
    std::vector<DreamOptions> each_dream(const DreamOptions& options) const {
        if (grid_.empty()) {
            return {options};
        }
        std::vector<DreamOptions> all;
        for (const DreamTarget& target : grid_) {
            all.push_back(options);
            all.back().layers = {target};
        }
        return all;
    }

    PictureResult make_sheet(const Session& session, const DreamJob& job, FrozenNet& net, const DreamOptions& options,
                             std::int64_t memory, const BatchItem& item, const Hooks& hooks) const {
        require_fits(item, grid_sheet(size_of(job.photo), grid_.size()));
        std::filesystem::path page;
        if (inputs_.page) {
            page = std::filesystem::path(item.output).replace_extension(".html");
            if (!session.common().overwrite && std::filesystem::exists(page)) {
                throw Error(ErrorKind::Output, "the page '" + page.string() +
                                                   "' exists; pass --overwrite to replace it or choose another "
                                                   "--output");
            }
        }
        return dream_grid(job, net, options, grid_, memory, std::filesystem::path(item.input).filename().string(), page,
                          hooks);
    }

    PictureOptions pictures_;
    GivenOptions dream_;
    DreamInputs inputs_;
    DreamFilmFlags film_;
    FilmFlags painted_;
    std::vector<DreamTarget> grid_;  // empty: one dream
    NetworkOptions network_;
    std::unique_ptr<Pool<FrozenNet>> nets_;
};

}  // namespace

std::unique_ptr<Program> dream_program() { return std::make_unique<DeepDream>(); }

}  // namespace reverie
