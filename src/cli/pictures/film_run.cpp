#include "cli/pictures/film_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "cli/frame/libtorch_warnings.h"
#include "cli/frame/option_flags.h"
#include "cli/pictures/film_folder.h"
#include "cli/pictures/film_report.h"
#include "cli/pictures/film_telling.h"
#include "cli/pictures/identity.h"
#include "cli/pictures/picture_faults.h"
#include "cli/pictures/picture_run.h"
#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// One number for a file or all numbered pictures, none for what cannot be read twice.
std::string bytes_of_input(const BatchItem& item) {
    std::error_code ignored;
    if (fs::is_regular_file(item.input, ignored)) {
        return sha256_of_file(item.input);
    }
    if (!names_numbered_pictures(item.input)) {
        return "";
    }
    std::string pictures;
    for (const fs::path& picture : numbered_pictures(item.input)) {
        pictures += picture.filename().string() + " " + sha256_of_file(picture) + "\n";
    }
    return sha256_of(pictures);
}

Picture picture_of(const ChosenFrame& frame, Size size, int bits) {
    constexpr std::int64_t kColors = 3;
    Picture picture;
    picture.color = frame.image.narrow(0, 0, kColors).contiguous();
    if (frame.image.size(0) > kColors) {
        picture.alpha = frame.image.narrow(0, kColors, 1).contiguous();
    }
    picture.bits = bits;
    return resized_to(std::move(picture), size);
}

/// By an earlier run, which --resume would go on with. Throws Output when it may not be replaced.
bool is_finished(const Session& session, const FilmRequest& request) {
    const fs::path output = request.item.output;
    std::error_code ignored;
    const bool there = !is_stream(request.item.output) && is_there(output) &&
                       !(fs::is_directory(output, ignored) && fs::is_empty(output, ignored));
    if (session.common().overwrite || !there) {
        return false;
    }
    if (request.resume && !FilmFolder::is_needed(output)) {
        return true;
    }
    throw Error(ErrorKind::Output,
                "'" + output.string() + "' exists; pass --overwrite to replace it or choose another --output");
}

class FilmRun {
  public:
    FilmRun(Session& session, const FilmRequest& request, const PictureProgram& program)
        : session_(session), request_(request), program_(program), task_(program.prepare(0)), size_(request.size()) {
        add_settings(task_.settings, film_option_table(), request_.options);
    }

    int run() {
        session_.save_config(task_.settings);
        if (session_.common().dry_run) {
            telling_.plan();
            return 0;
        }
        if (request_.streams()) {
            paint(nullptr);
            return 0;
        }
        FilmFolder folder(FilmFolder::of(request_.item.output), identity(),
                          {.resume = request_.resume, .overwrite = session_.common().overwrite});
        paint(&folder);
        return 0;
    }

  private:
    Settings identity() const {
        Settings identity = task_.identity(size_);
        add_settings(identity, film_option_table(), request_.options);
        identity.set("kind of film", fs::path(request_.item.output).extension().string());
        identity.set(bytes_of("the film"), bytes_of_input(request_.item));
        return identity;
    }

    void paint(FilmFolder* folder) {
        FilmWriteOptions writing = writing_of(request_, session_.common().overwrite);
        if (folder != nullptr) {
            writing.state = folder->of_writer();
        }
        FilmWriter film(request_.item.output, writing);
        begin_ = Clock::now();
        if (folder != nullptr) {
            records_ = folder->notes(film.frames());
        }
        if (film.frames() > 0) {
            go_on(film, *folder);
        }
        const LibtorchWarnings warnings(session_.console());
        session_.console().begin("");
        try {
            while (const std::optional<ChosenFrame> frame = next_frame()) {
                paint_frame(*frame, film, folder);
            }
            if (film.frames() == 0) {
                throw Error(ErrorKind::Input, "'" + request_.item.input + "' holds no frame" +
                                                  (request_.options.frames.all()
                                                       ? std::string()
                                                       : " of --frames " + value_text(request_.options.frames)) +
                                                  "; nothing can be painted");
            }
        } catch (...) {
            session_.console().end();
            leave_part(film, folder);
            throw;
        }
        session_.console().end();
        const fs::path written = film.finish();
        if (written != request_.item.output && written != fs::path(request_.item.output).parent_path()) {
            session_.console().warning("'" + request_.item.output +
                                       "' came to be in the meantime and is kept; the film made here is '" +
                                       written.string() + "'");
        }
        telling_.page(written, film, records_, folder);
        if (folder != nullptr) {
            folder->finish();
        }
        telling_.line(written, film, records_, seconds_since(begin_), /*partial=*/false);
    }

    /// Throws Cancelled once the user has stopped it.
    std::optional<ChosenFrame> next_frame() {
        if (session_.hooks().cancelled()) {
            throw_stopped();
        }
        return request_.frames->next();
    }

    [[noreturn]] void throw_stopped() const {
        const std::int64_t count = request_.frames->count();
        throw Error(ErrorKind::Cancelled,
                    "stopped after " + std::to_string(done_) + (count > 0 ? " of " + std::to_string(count) : "") +
                        (done_ == 1 && count == 0 ? " frame" : " frames") +
                        (done_ > 0 && !request_.streams() ? "; --resume goes on from there" : ""));
    }

    void go_on(const FilmWriter& film, const FilmFolder& folder) {
        first_ = done_ = film.frames();
        session_.console().info("goes on from frame " + std::to_string(done_) + " in '" + folder.path().string() + "'");
        request_.frames->resume(done_, film.times().back().pts);
        if (request_.options.carry > 0.0) {
            last_ = folder.result(done_ - 1);
        }
    }

    void paint_frame(const ChosenFrame& frame, FilmWriter& film, FilmFolder* folder) {
        const auto begin = Clock::now();
        const FilmInfo& info = request_.frames->info();
        const Picture picture = picture_of(frame, size_, info.bits);
        const double carry = request_.options.carry;
        const Tensor start =
            last_.defined() && !frame.cut && carry > 0.0 ? at::lerp(picture.color, last_, carry) : Tensor();
        std::optional<Progress> watched;
        Hooks hooks = session_.hooks();
        hooks.on_preview = nullptr;
        hooks.on_progress = [&](const Progress& progress) {
            watched = progress;
            show(progress);
        };
        const PictureResult painted = task_.frame(picture, start, hooks);
        if (painted.cancelled) {
            throw_stopped();
        }
        last_ = carry > 0.0 ? painted.image : Tensor();

        const double base = info.time_base.value();
        Json record = {{"frame", done_},
                       {"source_frame", frame.number},
                       {"time", static_cast<double>(frame.time.pts) * base},
                       {"duration", static_cast<double>(frame.time.duration) * base},
                       {"cut", frame.cut},
                       {"steps", painted.steps}};
        if (watched && !watched->value_name.empty()) {
            record[watched->value_name] = watched->value;
        }
        record["seconds"] = seconds_since(begin);
        records_.push_back(json_text(record));
        keep_and_write(frame, picture, painted.image, film, folder);
        if (session_.common().json && request_.flags.each_frame) {
            session_.print(records_.back());
        }
    }

    /// What belongs to the frame is kept before the film has it.
    void keep_and_write(const ChosenFrame& frame, const Picture& picture, const Tensor& image, FilmWriter& film,
                        FilmFolder* folder) {
        if (folder != nullptr) {
            folder->note(records_.back());
            if (last_.defined()) {
                folder->keep_result(done_, last_);
            }
            if (request_.flags.report && (frame.cut || is_key(done_))) {
                folder->keep_picture(done_, key_picture(image));
            }
        }
        film.add(picture.alpha.defined() ? at::cat({image, picture.alpha}) : image, frame.time, frame.cut);
        telling_.notes(film);
        if (folder != nullptr) {
            folder->forget_results(done_);
        }
        ++done_;
        if (request_.preview_every > 0 && done_ % request_.preview_every == 0 && !request_.streams()) {
            Picture shown = picture;
            shown.color = image;
            write_picture(preview_path(), shown);
        }
    }

    fs::path preview_path() const {
        const fs::path output = request_.item.output;
        const fs::path named = output.has_filename() ? output : output.parent_path();
        return named.parent_path() / (named.stem().string() + ".preview.png");
    }

    /// Some along the film, for the page about it.
    bool is_key(std::int64_t number) const {
        constexpr std::int64_t kKeys = 16;
        constexpr std::int64_t kUnknown = 48;
        const std::int64_t count = request_.frames->count();
        return number % (count > 0 ? std::max<std::int64_t>(1, count / kKeys) : kUnknown) == 0;
    }

    void show(const Progress& inner) {
        Progress progress = inner;
        const double part = inner.total > 0.0 ? inner.done / inner.total : 0.0;
        progress.stage = "frame " + std::to_string(done_);
        if (const auto made = static_cast<double>(done_ - first_); made > 0.0) {
            progress.stage += ", " + human_seconds(seconds_since(begin_) / made) + " each";
        }
        progress.done = static_cast<double>(done_) + part;
        progress.total = static_cast<double>(request_.frames->count());
        progress.unit = "frames";
        session_.console().progress(progress);
    }

    /// Whatever ended it stays the fault that is told.
    void leave_part(FilmWriter& film, FilmFolder* folder) {
        if (film.frames() == 0) {
            return;
        }
        try {
            records_.resize(static_cast<std::size_t>(film.frames()));  // without a frame that could not be written
            const fs::path part = film.finish_partial();
            telling_.page(part, film, records_, folder);
            telling_.line(part, film, records_, seconds_since(begin_), /*partial=*/true);
        } catch (const std::exception& fault) {
            session_.console().debug(std::string("what there is could not be written: ") + fault.what());
        }
    }

    Session& session_;
    const FilmRequest& request_;
    const PictureProgram& program_;
    PictureTask task_;
    Size size_;
    Clock::time_point begin_;
    std::int64_t first_ = 0;  ///< frames that an earlier run made
    std::int64_t done_ = 0;   ///< frames that the film has
    Tensor last_;             ///< with --carry: the last frame's result
    std::vector<std::string> records_;
    FilmTelling telling_{session_, request_, program_, task_};
};

}  // namespace

int run_film(Session& session, const FilmRequest& request, const PictureProgram& program) {
    if (parse_shard("", session.environment()).index > 1) {
        return 0;  // one of a launcher's ranks makes it
    }
    try {
        if (is_finished(session, request)) {
            session.console().info("left out '" + request.item.input + "', whose output '" + request.item.output +
                                   "' exists");
            if (!session.common().dry_run) {
                FilmFolder::drop(request.item.output);
            }
            return 0;
        }
        return FilmRun(session, request, program).run();
    } catch (const Error& error) {
        if (!session.common().json || error.kind() == ErrorKind::Cancelled) {
            throw;
        }
        Faults faults(session, program, /*several=*/false, /*fail_fast=*/true);
        faults.report(request.item, error);
        return faults.finish(1);
    }
}

}  // namespace reverie
