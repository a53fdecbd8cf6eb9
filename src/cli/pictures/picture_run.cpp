#include "cli/pictures/picture_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "cli/pictures/picture_faults.h"
#include "cli/pictures/plan_text.h"
#include "core/json_text.h"
#include "core/machine.h"
#include "reverie/core/files.h"
#include "reverie/core/parallel.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

Tensor resized(const Tensor& image, Size size) { return resize(image, size, Resample::Lanczos).clamp(0.0, 1.0); }

/// The size asked for, of a picture that has `own`. Throws Usage when that is too large.
Size size_at(const PictureOptions& options, const std::string& input, Size own) {
    const std::optional<Size> box = size_box(options);
    const Size size = box ? fit_into(own, *box) : own;
    if (box && size.height * size.width > options.max_pixels) {
        throw Error(ErrorKind::Usage, "--size " + wanted_size(options) + " makes '" + input + "' larger than " +
                                          std::to_string(options.max_pixels) +
                                          " pixels; choose a smaller one or raise --max-pixels");
    }
    return size;
}

Picture blank_picture(Size size) {
    Picture picture;
    picture.color = at::full({3, size.height, size.width}, 0.5);
    return picture;
}

std::filesystem::path write(const std::filesystem::path& path, const Tensor& image, const Settings& settings,
                            const Picture& input, const PictureOptions& options,
                            Replacing replacing = Replacing::Allowed) {
    Picture picture;
    picture.color = image.to(at::kCPU);
    if (input.alpha.defined() && size_of(input.alpha) == size_of(image)) {  // a sheet of pictures has none
        picture.alpha = input.alpha;
    }
    picture.bits = input.bits;
    picture.text[kSettingsKey] = to_json(settings);
    return write_picture(path, picture, {.quality = static_cast<int>(options.quality), .replacing = replacing});
}

/// Whether the output came to be since the batch was planned. Throws Output when that may not be.
bool has_come(const PictureShop& shop, const BatchItem& item) {
    if (is_stream(item.output) || shop.existing == Existing::Overwrite || !is_there(item.output)) {
        return false;
    }
    if (shop.existing == Existing::Refuse) {
        throw Error(ErrorKind::Output, "'" + item.output +
                                           "' came to be while this batch was at work, and is kept; pass --overwrite "
                                           "to replace it or choose another --output");
    }
    shop.session.console().info("left out '" + item.input + "', whose output '" + item.output + "' came to be since");
    return true;
}

Replacing replacing_for(Existing existing) {
    return existing == Existing::Overwrite ? Replacing::Allowed
           : existing == Existing::Skip    ? Replacing::Withdrawn
                                           : Replacing::Beside;
}

/// Says what was written, and how.
struct Report {
    const BatchItem& item;
    std::string written;
    const PictureResult& result;
    const Settings& settings;
    double seconds = 0.0;

    void say(const PictureShop& shop) const {
        if (written == "-") {
            return;  // standard output carries the picture itself
        }
        Session& session = shop.session;
        const Size size = size_of(result.image);
        session.console().debug("wrote '" + written + "' after " + human_seconds(seconds) + " (" +
                                std::to_string(result.steps) + " steps)");
        if (!session.common().json) {
            session.print(path_word(written));
            return;
        }
        Json object = line_for(shop.program, item);
        object.update({{"output", written},
                       {"width", size.width},
                       {"height", size.height},
                       {"seconds", seconds},
                       {"steps", result.steps}});
        for (const char* name : {"network", "weights", "model"}) {
            if (const std::string value = settings.value(name); !value.empty()) {
                object[name] = value;
            }
        }
        object["seed"] = session.common().runtime.seed;
        if (result.cancelled) {
            object["partial"] = true;
        }
        session.print(json_text(object));
    }
};

constexpr std::int64_t kProgram = 180'000'000;  // bytes of the process before it reads anything

/// Bytes it takes to read a picture of that size: the file, its samples and their colours.
std::int64_t reading_bytes(const std::string& input, Size own) {
    constexpr std::int64_t kBytesPerPixel = 16;
    std::error_code error;
    const auto file = static_cast<std::int64_t>(std::filesystem::file_size(input, error));
    return own.height * own.width * kBytesPerPixel + (error ? 0 : file);
}

bool is_on_cpu(const PictureShop& shop) { return shop.session.runtime().device.is_cpu(); }

/// Bytes of the process while a picture is made: what is more, reading it or the work. 0: not known.
std::int64_t bytes_to_make(const PictureShop& shop, const PictureTask& task, const BatchItem& item, Size wanted) {
    if (!task.bytes) {
        return 0;
    }
    const std::int64_t work = task.bytes(wanted);
    return is_on_cpu(shop) ? std::max(work, kProgram + reading_bytes(item.input, *item.size)) : work;
}

/// A large picture that is made small may take more to read than to work on. Throws Device when that is too much.
void require_memory_to_read(const PictureShop& shop, const PictureTask& task, const BatchItem& item, Size wanted) {
    if (task.max_memory <= 0 || !is_on_cpu(shop)) {
        return;
    }
    const Size own = *item.size;
    const std::int64_t bytes = kProgram + reading_bytes(item.input, own);
    if (own.height * own.width > wanted.height * wanted.width && bytes > task.max_memory) {
        throw Error(ErrorKind::Device,
                    "reading a picture of " + text_of(own) + " pixels takes " +
                        human_bytes(static_cast<std::uint64_t>(bytes) + (1 << 20)) + " of memory, more than the " +
                        human_bytes(static_cast<std::uint64_t>(task.max_memory)) +
                        " that it may take here; make the picture smaller first, raise that with --max-memory, or " +
                        way_to_more_memory());
    }
}

/// The net keeps what it works in from one picture to the next, and what was freed is kept for new use, where it lies.
/// A large picture does not fit into those holes: where there is no room for it beside them, the system gets them back.
void make_room_to_read(const PictureShop& shop, const PictureTask& task, const BatchItem& item) {
    if (task.max_memory > 0 && is_on_cpu(shop) &&
        resident_memory() + reading_bytes(item.input, *item.size) > task.max_memory) {
        return_freed_memory();
    }
}

}  // namespace

bool is_stream(const std::string& name) {
    std::error_code ignored;
    return name == "-" || std::filesystem::is_other(name, ignored);
}

Size blank_size(const PictureOptions& options) {
    const std::optional<Size> size = size_box(options);
    if (!size) {
        throw Error(ErrorKind::Usage,
                    "there is no input whose size the picture could have; name one, or pass --size WIDTHxHEIGHT");
    }
    return *size;
}

void require_fits(const BatchItem& item, Size size) {
    if (item.output != "-") {
        check_size(format_for(item.output), size);
    }
}

std::optional<Size> wanted_size_of(const PictureOptions& options, const BatchItem& item) {
    return item.size ? std::optional(size_at(options, item.input, *item.size)) : std::nullopt;
}

Picture read_input(Session& session, const PictureOptions& options, const BatchItem& item) {
    const std::string& input = item.input;
    if (item.blank) {
        return blank_picture(*item.size);
    }
    Picture picture = read_picture(input, {.max_pixels = options.max_pixels});
    for (const std::string& note : picture.notes) {
        session.console().warning(note);
    }
    if (picture.alpha.defined() && !(picture.alpha > 0.0).any().item<bool>()) {
        session.console().warning((input == "-" ? "standard input" : "'" + input + "'") +
                                  " is transparent everywhere, so nothing of the result will be seen; "
                                  "take its alpha channel off first");
    }
    const Size size = size_at(options, input, size_of(picture.color));
    return resized_to(std::move(picture), size);
}

Picture resized_to(Picture picture, Size size) {
    if (size != size_of(picture.color)) {
        picture.color = resized(picture.color, size);
        if (picture.alpha.defined()) {
            picture.alpha = resized(picture.alpha, size);
        }
    }
    return picture;
}

bool make_picture(const PictureShop& shop, const PictureTask& task, const PictureTurn& turn) {
    const BatchItem& item = turn.item;
    const std::optional<Size> size = wanted_size_of(shop.options, item);  // what has none is made alone
    const std::int64_t bytes = shop.sharing.jobs > 1 && size ? bytes_to_make(shop, task, item, *size) : 0;
    const Room::Place place =
        shop.room.enter(size ? shop.sharing.places_for(*size) : shop.sharing.jobs, bytes, task.max_memory);
    if (shop.session.hooks().cancelled()) {
        return false;
    }
    if (has_come(shop, item)) {
        return true;
    }
    if (size) {
        require_memory_to_read(shop, task, item, *size);
        make_room_to_read(shop, task, item);
    }
    const int threads = size ? shop.sharing.threads_for(*size) : shop.sharing.threads;
    const ThreadShare share(threads);

    const auto begin = Clock::now();
    const Picture picture = read_input(shop.session, shop.options, item);
    require_fits(item, size_of(picture.color));
    Settings settings = task.settings;
    if (threads < shop.sharing.threads) {
        settings.set("threads", std::int64_t{threads});  // decides the order of sums
    }
    Hooks hooks = shop.session.hooks();
    hooks.on_progress = [&](const Progress& progress) { shop.progress.report(turn.index, progress); };
    if (!is_stream(item.output)) {
        hooks.on_preview = [&](const Tensor& image, std::int64_t /*step*/) {
            write(with_tag(item.output, "preview"), image, settings, picture, shop.options);
        };
    }
    shop.progress.begin(turn.label);
    const PictureResult result = task.work(picture, item, hooks);
    if (shop.sharing.jobs > 1) {
        release_threads();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    for (const Setting& setting : result.settings.all()) {
        settings.set_list(setting.name, setting.values);
    }
    if (!result.cancelled) {
        const std::string written =
            write(item.output, result.image, settings, picture, shop.options, replacing_for(shop.existing)).string();
        if (task.written) {
            task.written();
        }
        if (written.empty()) {
            shop.session.console().info("'" + item.output +
                                        "' came to be in the meantime and is kept; the one made here is dropped");
            return true;
        }
        if (written != item.output) {
            shop.session.console().warning("'" + item.output +
                                           "' came to be in the meantime and is kept; the picture "
                                           "made here is '" +
                                           written + "'");
        }
        Report{item, written, result, settings, seconds}.say(shop);
    } else if (!is_stream(item.output) && result.steps > 0) {
        const std::string partial = with_tag(item.output, "partial").string();
        write(partial, result.image, settings, picture, shop.options);
        Report{item, partial, result, settings, seconds}.say(shop);
    }
    return !result.cancelled;
}

void describe_picture(const PictureShop& shop, const PictureTask& task, const PictureTurn& turn) {
    const BatchItem& item = turn.item;
    const std::optional<Size> known = wanted_size_of(shop.options, item);
    const Size size = known ? *known
                            : size_at(shop.options, item.input,
                                      size_of(read_picture(item.input, {.max_pixels = shop.options.max_pixels}).color));
    require_fits(item, size);
    if (known) {
        require_memory_to_read(shop, task, item, size);
    }
    const ThreadShare share(known ? shop.sharing.threads_for(size) : shop.sharing.threads);
    const Settings plan = task.plan(size).said;
    Session& session = shop.session;
    if (session.common().json) {
        Json object = line_for(shop.program, item);
        object.update({{"output", item.output}, {"width", size.width}, {"height", size.height}});
        object.update(Json::parse(to_json(plan)));
        session.print(json_text(object));
        return;
    }
    session.print(path_word(item.input) + " -> " + path_word(item.output) + "  " + text_of(size));
    print_plan(session, plan);
}

}  // namespace reverie
