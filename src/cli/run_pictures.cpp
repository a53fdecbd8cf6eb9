#include "reverie/cli/run_pictures.h"

#include <ATen/ATen.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "core/json_text.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// How a JSON line begins: which picture it is about.
Json line_for(const PictureProgram& program, const BatchItem& item) {
    Json object = {{"input", item.input}};
    if (!program.variants.empty()) {
        object["style"] = program.variants[item.variant].style;
    }
    return object;
}

std::string label_of(const PictureProgram& program, const BatchItem& item) {
    return program.variants.empty() ? item.input : item.input + " in " + program.variants[item.variant].style;
}

/// Counts what goes wrong, and says it once for each input.
class Faults {
  public:
    Faults(Session& session, const PictureProgram& program, bool several, bool fail_fast)
        : session_(session), program_(program), several_(several), fail_fast_(fail_fast) {}

    /// `shared`: it is not the input's own fault, but of what several have in common.
    void report(const BatchItem& item, const Error& error, bool shared = false) {
        session_.console().end();
        const std::string what = error.what();
        if (said_.insert({shared ? "" : item.input, what}).second) {  // a bad input fails with every style
            const bool named = shared || !several_ || what.find(item.input) != std::string::npos;
            session_.console().error(named ? what : "'" + item.input + "': " + what);
        }
        if (session_.common().json) {
            Json object = line_for(program_, item);
            object["error"] = error.what();
            object["exit_code"] = exit_code(error.kind());
            session_.print(json_text(object));
        }
        if (count_++ == 0) {
            first_ = exit_code(error.kind());
        }
    }
    bool stop() const noexcept { return count_ > 0 && fail_fast_; }
    int finish(std::size_t total) {
        if (count_ > 0 && several_) {
            session_.console().warning(std::to_string(count_) + " of " + std::to_string(total) +
                                       (program_.variants.empty() ? " inputs failed" : " pictures failed"));
        }
        return first_;
    }

  private:
    Session& session_;
    const PictureProgram& program_;
    bool several_;
    bool fail_fast_;
    std::set<std::pair<std::string, std::string>> said_;
    std::size_t count_ = 0;
    int first_ = 0;
};

Tensor resized(const Tensor& image, Size size) { return resize(image, size, Resample::Lanczos).clamp(0.0, 1.0); }

/// The size asked for, of a picture that has `own`. Throws Usage when that is too large.
Size size_at(const PictureOptions& options, const std::string& input, Size own) {
    const auto longest = longest_side(options);
    const Size size = longest ? fit_longest(own, *longest) : own;
    if (longest && size.height * size.width > options.max_pixels) {
        throw Error(ErrorKind::Usage, "--size " + wanted_size(options) + " makes '" + input + "' larger than " +
                                          std::to_string(options.max_pixels) +
                                          " pixels; choose a smaller one or raise --max-pixels");
    }
    return size;
}

/// Colour and alpha at the size asked for.
Picture read_input(Session& session, const PictureOptions& options, const std::string& input) {
    Picture picture = read_picture(input, {.max_pixels = options.max_pixels});
    for (const std::string& note : picture.notes) {
        session.console().warning(note);
    }
    if (const Size size = size_at(options, input, size_of(picture.color)); size != size_of(picture.color)) {
        picture.color = resized(picture.color, size);
        if (picture.alpha.defined()) {
            picture.alpha = resized(picture.alpha, size);
        }
    }
    return picture;
}

class PictureRun {
  public:
    PictureRun(Session& session, const PictureOptions& options, const PictureProgram& program, const PictureTask& task)
        : session_(session), options_(options), program_(program), task_(task) {}

    /// False when the user stopped it.
    bool operator()(const BatchItem& item, const std::string& label) {
        const auto begin = Clock::now();
        Picture picture = read_input(session_, options_, item.input);
        Hooks hooks = session_.hooks();
        if (item.output != "-") {
            hooks.on_preview = [&](const Tensor& image, std::int64_t /*step*/) {
                write(with_tag(item.output, "preview"), image, task_.settings, picture);
            };
        }
        session_.console().begin(label);
        const PictureResult result = task_.work(picture, item, hooks);
        session_.console().end();
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        Settings settings = task_.settings;
        for (const Setting& setting : result.settings.all()) {
            settings.set_list(setting.name, setting.values);
        }
        if (!result.cancelled) {
            write(item.output, result.image, settings, picture);
            if (task_.written) {
                task_.written();
            }
            report(item, item.output, result, seconds);
        } else if (item.output != "-" && result.steps > 0) {
            const std::string partial = with_tag(item.output, "partial").string();
            write(partial, result.image, settings, picture);
            report(item, partial, result, seconds);
        }
        return !result.cancelled;
    }

  private:
    void write(const std::filesystem::path& path, const Tensor& image, const Settings& settings,
               const Picture& input) const {
        Picture picture;
        picture.color = image.to(at::kCPU);
        picture.alpha = input.alpha;
        picture.bits = input.bits;
        picture.text[kSettingsKey] = to_json(settings);
        write_picture(path, picture, {.quality = static_cast<int>(options_.quality)});
    }

    void report(const BatchItem& item, const std::string& written, const PictureResult& result, double seconds) {
        if (written == "-") {
            return;  // standard output carries the picture itself
        }
        const Size size = size_of(result.image);
        session_.console().debug("wrote '" + written + "' after " + human_seconds(seconds) + " (" +
                                 std::to_string(result.steps) + " steps)");
        if (!session_.common().json) {
            session_.print(written);
            return;
        }
        Json object = line_for(program_, item);
        object.update({{"output", written},
                       {"width", size.width},
                       {"height", size.height},
                       {"seconds", seconds},
                       {"steps", result.steps}});
        for (const char* name : {"network", "weights"}) {
            if (const std::string value = task_.settings.value(name); !value.empty()) {
                object[name] = value;
            }
        }
        object["seed"] = session_.common().runtime.seed;
        if (result.cancelled) {
            object["partial"] = true;
        }
        session_.print(json_text(object));
    }

    Session& session_;
    const PictureOptions& options_;
    const PictureProgram& program_;
    const PictureTask& task_;
};

void describe(Session& session, const PictureOptions& options, const PictureProgram& program, const PictureTask& task,
              const BatchItem& item) {
    // Standard input can be read only once, and then its size is known too.
    Size size = item.input == "-" ? size_of(read_picture("-", {.max_pixels = options.max_pixels}).color)
                                  : read_picture_size(item.input, {.max_pixels = options.max_pixels});
    size = size_at(options, item.input, size);
    const Settings plan = task.plan(size);
    if (session.common().json) {
        Json object = line_for(program, item);
        object.update({{"output", item.output}, {"width", size.width}, {"height", size.height}});
        object.update(Json::parse(to_json(plan)));
        session.print(json_text(object));
        return;
    }
    session.print(item.input + " -> " + item.output + "  " + text_of(size));
    for (const Setting& line : plan.all()) {
        session.print("  " + line.name + ": " + join(line.values, ", ", ", "));
    }
}

/// Standard input, a pipe, a device: what is there can be read only once.
bool is_stream(const std::string& input) {
    std::error_code ignored;
    return input == "-" || std::filesystem::is_other(input, ignored);
}

/// Header only: a missing or damaged input is found before a net is loaded or fetched.
void check_inputs(std::vector<BatchItem>& items, const PictureOptions& options) {
    std::map<std::string, std::optional<Error>> faults;  // an input may stand for several pictures
    for (BatchItem& item : items) {
        if (item.fault || is_stream(item.input)) {
            continue;
        }
        const auto [fault, fresh] = faults.try_emplace(item.input);
        if (fresh) {
            try {
                read_picture_size(item.input, {.max_pixels = options.max_pixels});
            } catch (const Error& error) {
                fault->second = error;
            }
        }
        item.fault = fault->second;
    }
}

}  // namespace

int run_pictures(Session& session, const PictureOptions& options, const PictureProgram& program) {
    const CommonOptions& common = session.common();
    BatchRequest request{options.inputs, common.output, options.recursive};
    for (const PictureVariant& variant : program.variants) {
        request.variants.push_back(variant.folder);
    }
    std::vector<BatchItem> items = plan_batch(request);
    const bool several = items.size() > 1;
    take_shard(items, parse_shard(options.shard));
    const std::size_t total = items.size();
    check_inputs(items, options);
    const std::vector<BatchItem> skipped =
        check_outputs(items, common.overwrite                          ? Existing::Overwrite
                             : options.skip_existing || program.resume ? Existing::Skip
                                                                       : Existing::Refuse);
    if (!skipped.empty()) {
        session.console().info(
            "left out " + std::to_string(skipped.size()) +
            (skipped.size() == 1 ? " picture whose output exists" : " pictures whose outputs exist"));
    }

    Faults faults(session, program, several, options.fail_fast);
    for (const BatchItem& item : items) {
        if (item.fault && !faults.stop()) {
            faults.report(item, *item.fault);
        }
    }
    std::erase_if(items, [](const BatchItem& item) { return item.fault.has_value(); });
    if (program.arrange && !faults.stop()) {
        program.arrange(items, skipped);
    }

    std::optional<PictureTask> task;
    std::size_t variant = 0;
    bool config_saved = false;
    for (std::size_t i = 0; i < items.size() && !faults.stop(); ++i) {
        if (session.hooks().cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        const BatchItem& item = items[i];
        const std::string label = items.size() > 1 ? label_of(program, item) + " [" + std::to_string(i + 1) + "/" +
                                                         std::to_string(items.size()) + "]"
                                                   : "";
        bool preparing = false;
        try {
            if (!task || item.variant != variant) {
                task.reset();
                preparing = true;
                task = program.prepare(item.variant);
                if (!std::exchange(config_saved, true)) {
                    session.save_config(task->settings);
                }
                preparing = false;
                variant = item.variant;
            }
            if (common.dry_run) {
                describe(session, options, program, *task, item);
            } else if (!PictureRun(session, options, program, *task)(item, label)) {
                throw Error(ErrorKind::Cancelled, "stopped");
            }
        } catch (...) {
            const Error error = as_error(std::current_exception());
            const bool ends_all = preparing && (program.variants.size() < 2 || error.kind() != ErrorKind::Input);
            if (ends_all || error.kind() == ErrorKind::Cancelled || error.kind() == ErrorKind::Internal) {
                throw;
            }
            faults.report(item, error, preparing);
        }
    }
    return faults.finish(total);
}

}  // namespace reverie
