#include "reverie/cli/run_pictures.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "cli/frame/libtorch_warnings.h"
#include "cli/pictures/picture_faults.h"
#include "cli/pictures/picture_run.h"
#include "reverie/core/parallel.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

/// The header of each input, read once: a missing or damaged input, and a size that the output's format cannot hold, is
/// found before a net is loaded or fetched.
void check_inputs(std::vector<BatchItem>& items, const PictureOptions& options) {
    struct Looked {
        std::optional<Size> size;
        std::optional<Error> fault;
    };
    std::map<std::string, Looked> seen;  // an input may stand for several pictures
    for (BatchItem& item : items) {
        if (item.fault || is_stream(item.input)) {
            continue;
        }
        const auto [looked, fresh] = seen.try_emplace(item.input);
        try {
            if (item.blank) {
                looked->second.size = blank_size(options);
            } else if (fresh) {
                looked->second.size = read_picture_size(item.input, {.max_pixels = options.max_pixels});
            }
        } catch (const Error& error) {
            looked->second.fault = error;
        }
        item.size = looked->second.size;
        item.fault = looked->second.fault;
        try {
            if (!item.fault) {
                require_fits(item, *wanted_size_of(options, item));
            }
        } catch (const Error& error) {
            item.fault = error;
        }
    }
}

/// Whether any of them would be made beside others.
bool any_small(const std::vector<BatchItem>& items, const PictureOptions& options, const Sharing& sharing) {
    return std::any_of(items.begin(), items.end(), [&](const BatchItem& item) {
        const std::optional<Size> size = wanted_size_of(options, item);
        return size && sharing.places_for(*size) == 1;
    });
}

/// The pictures that are left, on as many threads as there are jobs.
class Batch {
  public:
    Batch(Session& session, const PictureOptions& options, const PictureProgram& program, Existing existing,
          const std::vector<BatchItem>& items, const Sharing& sharing, Faults& faults)
        : session_(session),
          program_(program),
          items_(items),
          faults_(faults),
          sharing_(sharing),
          workers_(session.common().dry_run || sharing.jobs == 1 || !any_small(items, options, sharing)
                       ? 1
                       : std::min(static_cast<std::size_t>(sharing.jobs), items.size())),
          room_(sharing.jobs),
          progress_(session.console(), workers_ > 1, items.size()),
          shop_{session, options, program, existing, sharing_, room_, progress_} {}

    /// Throws what ends the batch.
    void run() {
        const ThreadShare share(sharing_.threads);
        std::vector<std::jthread> others;
        try {
            for (std::size_t i = 1; i < workers_; ++i) {
                others.emplace_back([this] { work(); });
            }
        } catch (const std::system_error&) {
            // The system has no more threads: those there are do it.
        }
        const auto begin = std::chrono::steady_clock::now();
        work();
        others.clear();  // joins
        session_.console().end();
        if (end_) {
            rethrow_end();
        }
        if (items_.size() > 1 && !session_.common().dry_run) {
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            session_.console().info("made " + std::to_string(made_) + " of " + std::to_string(items_.size()) +
                                    " pictures in " + human_seconds(seconds));
        }
    }

  private:
    struct Turn {
        std::size_t index;
        std::shared_ptr<const PictureTask> task;
    };

    void work() {
        const LibtorchWarnings warnings(session_.console());
        while (const std::optional<Turn> turn = next()) {
            const BatchItem& item = items_[turn->index];
            const PictureTurn picture{turn->index, item,
                                      items_.size() > 1
                                          ? label_of(program_, item) + " [" + std::to_string(turn->index + 1) + "/" +
                                                std::to_string(items_.size()) + "]"
                                          : ""};
            try {
                if (session_.common().dry_run) {
                    describe_picture(shop_, *turn->task, picture);
                } else if (!make_picture(shop_, *turn->task, picture)) {
                    throw Error(ErrorKind::Cancelled, "stopped");
                }
                ++made_;
            } catch (const OutputClosed&) {
                ++made_;  // what could not be said is that it is there
                const std::lock_guard lock(mutex_);
                end_ = end_ ? end_ : std::current_exception();
            } catch (...) {
                const std::lock_guard lock(mutex_);
                settle(item, false);
            }
            progress_.end(turn->index);
        }
    }

    /// The next picture and what to do with it; empty: there is none, or the batch is at its end.
    std::optional<Turn> next() {
        const std::lock_guard lock(mutex_);
        while (next_ < items_.size() && !end_ && !faults_.stop()) {
            const BatchItem& item = items_[next_++];
            try {
                if (session_.hooks().cancelled()) {
                    throw Error(ErrorKind::Cancelled, "stopped");
                }
                if (!task_ || item.variant != variant_) {
                    task_.reset();
                    task_ = std::make_shared<PictureTask>(program_.prepare(item.variant));
                    if (!std::exchange(config_saved_, true)) {
                        session_.save_config(task_->settings);
                    }
                    variant_ = item.variant;
                }
                return Turn{next_ - 1, task_};
            } catch (...) {
                task_.reset();
                settle(item, true);
            }
        }
        return std::nullopt;
    }

    /// Where nobody reads any more which pictures there are, no more are made.
    [[noreturn]] void rethrow_end() const {
        try {
            std::rethrow_exception(end_);
        } catch (const OutputClosed&) {
            if (items_.size() < 2 || session_.common().dry_run || session_.hooks().cancelled()) {
                throw;
            }
            throw Error(ErrorKind::Output,
                        "nobody reads standard output any more, so this ended after " + std::to_string(made_) + " of " +
                            std::to_string(items_.size()) +
                            " pictures, which are kept; for the rest run it again with --skip-existing, and send what "
                            "it prints to a file or to /dev/null");
        }
    }

    /// The present exception is a fault of the picture, or the end of all. The mutex is held.
    void settle(const BatchItem& item, bool preparing) {
        const Error error = session_.as_error(std::current_exception());
        const bool shared_by_all = preparing && (program_.variants.size() < 2 || error.kind() != ErrorKind::Input);
        if (shared_by_all || error.kind() == ErrorKind::Cancelled || error.kind() == ErrorKind::Internal) {
            end_ = end_ ? end_ : std::current_exception();
            return;
        }
        try {
            faults_.report(item, error, preparing);
        } catch (...) {
            end_ = std::current_exception();  // nobody reads what is said
        }
    }

    Session& session_;
    const PictureProgram& program_;
    const std::vector<BatchItem>& items_;
    Faults& faults_;
    const Sharing sharing_;
    const std::size_t workers_;
    Room room_;
    BatchProgress progress_;
    const PictureShop shop_;

    std::mutex mutex_;
    std::size_t next_ = 0;
    std::shared_ptr<const PictureTask> task_;  // of the variant at hand
    std::size_t variant_ = 0;
    bool config_saved_ = false;
    std::atomic<std::size_t> made_ = 0;
    std::exception_ptr end_;
};

}  // namespace

int run_pictures(Session& session, const PictureOptions& options, const PictureProgram& program) {
    const CommonOptions& common = session.common();
    const Shard shard = parse_shard(options.shard, session.environment());
    BatchRequest request{options.inputs, common.output, options.recursive};
    request.needs_input = program.needs_input;
    request.note = [&session](const std::string& sentence) { session.console().info(sentence); };
    request.warn = [&session](const std::string& sentence) { session.console().warning(sentence); };
    for (const PictureVariant& variant : program.variants) {
        request.variants.push_back(variant.folder);
    }
    std::vector<BatchItem> items = plan_batch(request);
    const std::size_t asked = items.size();
    take_shard(items, shard);
    if (shard.count > 1 && options.shard.find('/') == std::string::npos) {
        session.console().info("share " + std::to_string(shard.index) + " of " + std::to_string(shard.count) +
                               " of the batch: " + std::to_string(items.size()) + " of " + std::to_string(asked) +
                               " pictures");
    }
    const std::size_t total = items.size();
    check_inputs(items, options);
    const Existing existing = common.overwrite                          ? Existing::Overwrite
                              : options.skip_existing || program.resume ? Existing::Skip
                                                                        : Existing::Refuse;
    const std::vector<BatchItem> skipped = check_outputs(items, existing);
    if (!skipped.empty()) {
        session.console().info(
            "left out " + std::to_string(skipped.size()) +
            (skipped.size() == 1 ? " picture whose output exists" : " pictures whose outputs exist"));
    }

    Faults faults(session, program, asked > 1, options.fail_fast);
    for (const BatchItem& item : items) {
        if (item.fault && !faults.stop()) {
            faults.report(item, *item.fault);
        }
    }
    std::erase_if(items, [](const BatchItem& item) { return item.fault.has_value(); });
    if (program.arrange && !faults.stop()) {
        program.arrange(items, skipped);
    }

    if (!items.empty() && !faults.stop()) {
        const Runtime& runtime = session.runtime();
        const std::int64_t small = runtime.device.is_cpu() ? program.small : 0;
        Batch(session, options, program, existing, items,
              share_machine(jobs_of(options), runtime.threads, asked, small), faults)
            .run();
    }
    return faults.finish(total);
}

}  // namespace reverie
