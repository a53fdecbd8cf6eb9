#include "cli/style/run_style.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "cli/style/checkpoint.h"
#include "cli/style/style_files.h"
#include "cli/style/style_inputs.h"
#include "cli/style/style_plan.h"
#include "cli/style/trace_file.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/pool.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// Pixels up to which a picture is better made on one thread beside others. Two cores gain 1.4 in speed at 256x192
/// pixels, 1.2 at 362x272 and nothing at 512x384.
constexpr std::int64_t kSmall = 384 * 384;

struct Mask {
    fs::path path;
    Tensor values;  ///< [1,h,w], as it is in the file
};

class StyleBatch {
  public:
    StyleBatch(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
               const WeightStore& store)
        : session_(session),
          flags_(flags),
          pictures_(pictures),
          network_(network),
          store_(store),
          options_(style_options(flags, session.common().runtime.seed)),
          styles_(style_inputs(flags)),
          files_(flags, session.common().overwrite) {
        const CatalogueEntry entry = choose_network(network, store, style_networks()).entry;
        Graph graph = make_graph(entry.architecture, entry.preprocessing);
        prepare_graph(graph, options_);
        require_distinct(graph, options_.style_layers, "--style-layers");
        require_distinct(graph, options_.content_layers, "--content-layers");
        std::vector<int> nodes;
        for (const auto& layers : {options_.style_layers, options_.content_layers}) {
            for (const LayerWeight& layer : layers) {
                nodes.push_back(find_tap(graph, layer.tap));
            }
        }
        min_side_ = min_side(graph, nodes);
        if (flags.each_style) {
            variants_ = style_variants(styles_);
        } else {
            check_styles(0);
        }
        for (const fs::path& path : {flags.protect, init_file(flags).value_or(fs::path())}) {
            if (!path.empty()) {
                read_picture_size(path, {.max_pixels = pictures.max_pixels});
            }
        }
        if (follows_one() && jobs_of(pictures).value_or(1) > 1) {
            throw Error(ErrorKind::Usage, std::string(flags.checkpoint.empty() ? "--trace" : "--checkpoint") +
                                              " follows one picture at a time, but --jobs is " + pictures.jobs +
                                              "; leave one of the two out");
        }
        refuse_what_is_read();
        for (const auto& [name, given] :
             {std::pair{"mask", !flags.masks.empty()}, std::pair{"protect", !flags.protect.empty()}}) {
            if (const std::string file = session.from().value(name); !given && !file.empty()) {
                session.console().warning(std::string("the picture of --from was made with --") + name + " '" + file +
                                          "', which is left out; give it by its path");
            }
        }
        if (!session.common().dry_run) {
            files_.lock();
        }
    }

    int run() {
        return run_pictures(session_, pictures_,
                            {.variants = variants_,
                             .prepare = [this](std::size_t variant) { return prepare(variant); },
                             .arrange = [this](auto& items, const auto& skipped) { arrange(items, skipped); },
                             .resume = flags_.resume,
                             .small = follows_one() ? 0 : kSmall});
    }

  private:
    /// What the pictures of one variant share.
    struct Variant {
        std::vector<StyleSource> sources;
        std::vector<Mask> masks;
        std::optional<Stylizer> stylizer;
        Settings identity;  ///< with --checkpoint: everything that decides a picture's bits, but for the input
    };

    /// --checkpoint and --trace follow one picture at a time.
    bool follows_one() const { return !flags_.checkpoint.empty() || !flags_.trace.empty(); }

    /// Those that are blended in a variant.
    std::vector<StyleInput> styles_of(std::size_t variant) const {
        return variants_.empty() ? styles_ : std::vector<StyleInput>{styles_[variant]};
    }

    void check_styles(std::size_t variant) const {
        for (const StyleInput& style : styles_of(variant)) {
            check_style(style, min_side_, pictures_.max_pixels);
        }
    }

    /// --checkpoint and --trace may not be what this run reads.
    void refuse_what_is_read() const {
        const auto warn = [this](const std::string& sentence) { session_.console().warning(sentence); };
        for (const StyleInput& style : styles_) {
            for (const std::string& path : pictures_of(style, warn)) {
                files_.refuse(path, "a style");
            }
            files_.refuse(style.mask, "a --mask");
        }
        const CommonOptions& common = session_.common();
        files_.refuse(flags_.protect, "--protect");
        files_.refuse(init_file(flags_).value_or(fs::path()), "--init");
        files_.refuse(network_.weights, "--weights");
        files_.refuse(pictures_.from, "--from");
        files_.refuse(common.config, "--config");
        files_.refuse(common.save_config, "--save-config");
    }

    void arrange(std::vector<BatchItem>& items, const std::vector<BatchItem>& skipped) {
        for (const auto* some : {&std::as_const(items), &skipped}) {
            for (const BatchItem& item : *some) {
                files_.refuse(item.input, "an input");
                files_.refuse(item.output, "an output");
            }
        }
        find_checkpoint(items, skipped);
        if (items.empty()) {
            return;
        }
        // What all pictures share is read here, where a fault ends the run: without it none would be as asked for.
        if (!flags_.protect.empty()) {
            protect_ = Mask{flags_.protect, read_mask(flags_.protect, pictures_.max_pixels)};
        }
        if (const auto file = init_file(flags_)) {
            init_ = read_picture(*file, {.max_pixels = pictures_.max_pixels}).color;
        }
    }

    /// Reads what --resume goes on from and puts its picture first, so that no other one takes the file.
    void find_checkpoint(std::vector<BatchItem>& items, const std::vector<BatchItem>& skipped) {
        std::error_code ignored;
        if (flags_.resume) {
            const fs::path state = written_path(flags_.checkpoint);
            remove_abandoned(state.has_parent_path() ? state.parent_path() : ".", {state.filename()});
        }
        if (!flags_.resume || !fs::exists(flags_.checkpoint, ignored)) {
            return;
        }
        found_ = read_checkpoint(flags_.checkpoint);
        const auto its_own = [this](const BatchItem& item) { return is_of(*found_, item.output); };
        const auto its = std::find_if(items.begin(), items.end(), its_own);
        if (its != items.end()) {
            const std::size_t variant = its->variant;
            std::stable_sort(items.begin(), items.end(), [&](const BatchItem& a, const BatchItem& b) {
                const auto rank = [&](const BatchItem& item) {
                    return is_of(*found_, item.output) ? 0 : item.variant == variant ? 1 : 2;
                };
                return rank(a) < rank(b);
            });
        } else if (const auto there = std::find_if(skipped.begin(), skipped.end(), its_own); there != skipped.end()) {
            drop_finished(*there);
        } else {
            throw Error(ErrorKind::Usage, "the checkpoint '" + flags_.checkpoint.string() + "' is of '" +
                                              found_->output +
                                              "', which is none of the pictures to be done; name another --checkpoint, "
                                              "or remove it to start anew");
        }
    }

    /// For a run that ended between writing its picture and removing the file.
    void drop_finished(const BatchItem& item) {
        std::error_code ignored;
        const std::string file = flags_.checkpoint.string();
        if (fs::last_write_time(item.output, ignored) < fs::last_write_time(flags_.checkpoint, ignored)) {
            throw Error(ErrorKind::Usage, "the checkpoint '" + file + "' is of '" + item.output +
                                              "', which exists from before it; pass --overwrite to finish it in that "
                                              "one's place, or remove one of the two");
        }
        session_.console().info("the checkpoint '" + file + "' is not needed: '" + item.output + "' is finished");
        if (!session_.common().dry_run) {
            fs::remove(flags_.checkpoint, ignored);
        }
        found_.reset();
    }

    void load_once() {
        if (nets_) {
            return;
        }
        const NetworkWeights weights = resolve_network(session_, network_, store_, style_networks());
        nets_ = load_nets(session_, network_, weights, [this](Graph& graph) { prepare_graph(graph, options_); });
        net_settings_ = made_with(session_, network_, weights);
        if (!flags_.checkpoint.empty()) {
            weights_digest_ = sha256_of_file(weights.file);
        }
        memory_ = memory_limit(session_, pictures_);
        if (found_) {
            const bool asked = pictures_.max_memory.back() != '%';  // a share differs from run to run
            if (asked && memory_ != found_->max_memory) {
                session_.console().warning("--max-memory " + pictures_.max_memory + " is left out: the checkpoint's " +
                                           std::to_string(found_->max_memory) + " bytes decide where its tiles lie");
            }
            memory_ = found_->max_memory;
        }
        if (!flags_.trace.empty() && !session_.common().dry_run) {
            trace_.emplace(flags_.trace, flags_.resume);
        }
    }

    PictureTask prepare(std::size_t variant) {
        check_styles(variant);
        load_once();
        const auto shared = std::make_shared<Variant>();
        for (const StyleInput& style : styles_of(variant)) {
            shared->sources.push_back(read_style(style, pictures_.max_pixels));
            if (!style.mask.empty()) {
                shared->masks.push_back({style.mask, read_mask(style.mask, pictures_.max_pixels)});
            }
        }
        shared->stylizer.emplace(nets_->first(), shared->sources, options_, memory_);

        PictureTask task;
        task.settings = net_settings_;
        put_down(task.settings, styles_of(variant));
        task.settings.set("size", wanted_size(pictures_));
        put_down(task.settings, options_, flags_);
        if (protect_) {
            task.settings.set("protect", flags_.protect.filename().string());
        }
        if (!flags_.checkpoint.empty()) {
            shared->identity = identity_of(*shared, task.settings);
        }
        task.settings.set("quality", pictures_.quality);
        task.work = [this, shared](const Picture& picture, const BatchItem& item, const Hooks& hooks) {
            return style(*shared, picture, item, hooks);
        };
        task.bytes = [shared](Size size) { return shared->stylizer->plan(size).peak_bytes; };
        task.max_memory = memory_;
        task.plan = [this, shared](Size size) {
            shared->stylizer->plan(size);  // what cannot be done is refused before anything is measured
            std::optional<StyleCost>& cost = costs_[at::get_num_threads()];
            if (!cost) {
                cost = measure_cost(nets_->first(), shared->sources, options_, session_.hooks());
            }
            return describe_plan(size, *shared->stylizer, *cost);
        };
        task.written = [this] {
            std::error_code ignored;
            fs::remove(flags_.checkpoint, ignored);
        };
        return task;
    }

    Settings identity_of(const Variant& variant, const Settings& settings) {
        Settings identity = settings;
        const Runtime& runtime = session_.runtime();
        identity.set("device", runtime.device.str());
        identity.set("threads", static_cast<std::int64_t>(runtime.threads));
        identity.set("engine", nets_->first().engine() == Engine::Frozen ? "frozen" : "libtorch");
        identity.set("deterministic", runtime.deterministic ? "true" : "false");
        identity.set(bytes_of("the weights"), weights_digest_);
        for (std::size_t i = 0; i < variant.sources.size(); ++i) {
            std::vector<std::string> digests;
            for (const Tensor& image : variant.sources[i].images) {
                digests.push_back(digest_of(image));
            }
            identity.set_list(pixels_of("style " + std::to_string(i + 1)), digests);
        }
        for (std::size_t i = 0; i < variant.masks.size(); ++i) {
            identity.set(pixels_of("mask " + std::to_string(i + 1)), digest_of(variant.masks[i].values));
        }
        identity.set(pixels_of("--protect"), protect_ ? digest_of(protect_->values) : "");
        identity.set(pixels_of("--init"), digest_of(init_));
        return identity;
    }

    PictureResult style(Variant& variant, const Picture& picture, const BatchItem& item, const Hooks& hooks) {
        const Size size = size_of(picture.color);
        StyleJob job;
        job.content = picture.color;
        job.alpha = picture.alpha;
        for (const Mask& mask : variant.masks) {
            job.masks.push_back(fitted(mask, size));
        }
        if (protect_) {
            job.protect = fitted(*protect_, size);
        }
        job.init = init_;

        StyleHooks watched;
        static_cast<Hooks&>(watched) = hooks;
        Checkpoint checkpoint{.output = item.output, .identity = variant.identity, .max_memory = memory_};
        std::optional<Checkpoint> before;
        if (!flags_.checkpoint.empty()) {
            checkpoint.identity.set(pixels_of("the input"), digest_of(picture.color));
            checkpoint.identity.set(pixels_of("the input's alpha"), digest_of(picture.alpha));
            before = take_found(checkpoint);
            watched.resume = before ? &before->state : nullptr;
            watched.state_every = flags_.checkpoint_every;
            watched.on_state = [&](const StyleState& state) {
                checkpoint.state = state;
                checkpoint.traced = trace_ ? trace_->lines() : 0;
                write_checkpoint(flags_.checkpoint, checkpoint);
            };
        }
        if (trace_) {
            trace_->begin(before ? before->output : item.output, before ? before->traced : 0);
            watched.on_trace = [this](const StyleTrace& step) { trace_->add(step); };
        }
        const auto net = nets_->take();
        const StyleResult styled = variant.stylizer->stylize(job, *net, watched);

        PictureResult result{.image = styled.image, .steps = styled.steps, .cancelled = styled.cancelled};
        if (styled.tile > 0) {
            result.settings.set("max-memory", memory_);  // decides where the tiles lie
        }
        return result;
    }

    /// The state to go on from, if it is this picture's. As long as it is not taken, no other picture may replace it.
    std::optional<Checkpoint> take_found(const Checkpoint& present) {
        if (!found_) {
            return std::nullopt;
        }
        if (!is_of(*found_, present.output)) {
            throw Error(ErrorKind::Usage, "the checkpoint '" + flags_.checkpoint.string() + "' is of '" +
                                              found_->output +
                                              "', which failed; mend that, or remove it to start anew");
        }
        require_same(*found_, present.identity, flags_.checkpoint);
        session_.console().info("goes on from '" + flags_.checkpoint.string() + "'");
        return std::exchange(found_, std::nullopt);
    }

    /// The mask at the picture's size; that it had another one is said once.
    Tensor fitted(const Mask& mask, Size size) {
        if (const std::string sentence = resampling_note(mask.path, mask.values, size); !sentence.empty()) {
            const std::lock_guard lock(saying_);
            if (said_.insert(sentence).second) {
                session_.console().info(sentence);
            }
        }
        return mask_at(mask.values, size);
    }

    Session& session_;
    const StyleFlags& flags_;
    const PictureOptions& pictures_;
    const NetworkOptions& network_;
    const WeightStore& store_;
    const StyleOptions options_;
    const std::vector<StyleInput> styles_;
    StyleFiles files_;
    std::vector<PictureVariant> variants_;  ///< empty: all styles blended
    std::int64_t min_side_ = 1;

    std::unique_ptr<Pool<FrozenNet>> nets_;
    Settings net_settings_;
    std::string weights_digest_;  ///< with --checkpoint
    std::int64_t memory_ = 0;
    std::optional<Mask> protect_;
    Tensor init_;
    std::optional<TraceFile> trace_;
    std::optional<Checkpoint> found_;                ///< of --resume, until its picture's turn
    std::map<int, std::optional<StyleCost>> costs_;  ///< by threads, for --dry-run; all styles take the same
    std::mutex saying_;
    std::set<std::string> said_;
};

}  // namespace

int run_style(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
              const WeightStore& store) {
    return StyleBatch(session, flags, pictures, network, store).run();
}

}  // namespace reverie
