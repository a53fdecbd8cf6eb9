#include "cli/runs/show.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "core/json_text.h"
#include "reverie/cli/batch.h"
#include "reverie/core/text.h"
#include "reverie/distributed/shared_pieces.h"
#include "reverie/image/picture.h"
#include "reverie/output/animation.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string extension_of(const std::string& output) {
    std::string extension = fs::path(output).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

Tensor enlarged(const Tensor& images, std::int64_t scale) {
    return scale == 1 ? images : images.repeat_interleave(scale, 2).repeat_interleave(scale, 3);
}

/// [1|3|4,H,W] as a picture that says what made it.
Picture picture_of(const Tensor& image, const Settings& settings) {
    Picture picture;
    if (image.size(0) == 4) {
        picture.color = image.narrow(0, 0, 3).contiguous();
        picture.alpha = image.narrow(0, 3, 1).contiguous();
    } else {
        picture.color = image.expand({3, image.size(1), image.size(2)}).contiguous();
    }
    picture.text[kSettingsKey] = to_json(settings);
    return picture;
}

/// Without names "000017.png".
std::string file_name(const LazyImages& shown, std::int64_t number) {
    if (!shown.names.empty()) {
        return bare_name(shown.names[static_cast<std::size_t>(number)]) + ".png";
    }
    constexpr std::size_t kDigits = 6;
    const std::string digits = std::to_string(number);
    return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits + ".png";
}

Settings all_settings(const LazyImages& shown) {
    Settings all = shown.settings;
    for (const Setting& setting : shown.which.all()) {
        all.set_list(setting.name, setting.values);
    }
    return all;
}

void require_own_names(const LazyImages& shown) {
    std::set<std::string> seen;
    for (std::int64_t i = 0; i < shown.count; ++i) {
        if (const std::string name = file_name(shown, i); !seen.insert(name).second) {
            throw Error(ErrorKind::Usage, "two images would be written to '" + name +
                                              "'; name sources apart, or write one picture (-o grid.png)");
        }
    }
}

GridOptions grid_of(const ShowFlags& flags, const LazyImages& shown) {
    return {.columns = flags.columns > 0 ? flags.columns : shown.columns};
}

/// Throws what writing would throw when all the work is done.
void check_fits(const ShowFlags& flags, const LazyImages& shown, ShowAs how, const std::string& output) {
    const Size image = {shown.size.height * flags.scale, shown.size.width * flags.scale};
    if (how == ShowAs::Film) {
        check_frame(output, image);
    } else {
        const bool sheet = how == ShowAs::Picture && shown.count != 1;
        check_size(how == ShowAs::Folder || output == "-" ? PictureFormat::Png : format_for(output),
                   sheet ? grid_size(shown.count, image, grid_of(flags, shown)) : image);
    }
}

class Writer {
  public:
    Writer(Session& session, const ShowFlags& flags, const LazyImages& shown)
        : session_(session), ranks_(session.ranks()), flags_(flags), shown_(shown), output_(session.common().output) {}

    void picture() {
        std::vector<Tensor> parts;
        pieces([&](std::int64_t /*first*/, const Tensor& images) { parts.push_back(images); });
        if (!ranks_.alone()) {
            parts = {gathered(parts)};
            if (!ranks_.first()) {
                return;
            }
        }
        const Tensor sheet = shown_.count == 1 ? parts.front()[0] : image_grid(at::cat(parts), grid_of(flags_, shown_));
        const fs::path written = write_picture(output_, picture_of(sheet, all_settings(shown_)),
                                               {.quality = static_cast<int>(flags_.quality), .replacing = replacing()});
        report(size_of(sheet), written);
    }

    void folder() {
        require_own_names(shown_);
        Size size;
        pieces([&](std::int64_t first, const Tensor& images) {
            size = size_of(images);
            for (std::int64_t i = 0; i < images.size(0); ++i) {
                const std::string name = file_name(shown_, first + i);
                Settings settings = shown_.settings;
                settings.set("image", fs::path(name).stem().string());
                const fs::path path = fs::path(output_) / name;
                say_where(session_, path,
                          write_picture(path, picture_of(images[i], settings), {.replacing = replacing()}));
            }
        });
        ranks_.any(false);  // until all of them are there
        report(size, output_);
    }

    void film() {
        Animation animation(
            output_,
            {.fps = flags_.fps, .quality = static_cast<int>(flags_.quality), .loop = true, .replacing = replacing()});
        Size size;
        pieces([&](std::int64_t /*first*/, const Tensor& images) {
            size = size_of(images);
            for (std::int64_t i = 0; i < images.size(0); ++i) {
                animation.add(images[i]);
            }
        });
        report(size, animation.finish());
    }

  private:
    /// Of all ranks, in their order.
    Tensor gathered(std::vector<Tensor> parts) const {
        const auto channels = static_cast<std::int64_t>(
            ranks_.of_first(parts.empty() ? 0.0 : static_cast<double>(parts.front().size(1))));
        parts.push_back(at::empty({0, channels, shown_.size.height * flags_.scale, shown_.size.width * flags_.scale}));
        return ranks_.gather_shares(at::cat(parts), shown_.count);
    }

    /// This rank's share.
    void pieces(const std::function<void(std::int64_t first, const Tensor& images)>& take) {
        session_.console().begin("");
        in_shared_pieces(ranks_, shown_.count, "", "images", session_.hooks(),
                         [&](std::int64_t first, std::int64_t count) {
                             take(first, enlarged(shown_.images(first, count), flags_.scale));
                         });
        session_.console().end();
    }

    Replacing replacing() const { return replacing_for(session_); }

    void report(Size size, const fs::path& written) {
        if (output_ == "-") {
            return;  // standard output carries the picture itself
        }
        say_where(session_, output_, written);
        if (!session_.common().json) {
            session_.print(path_word(written.string()));
            return;
        }
        session_.print(json_text(Json{{"output", written.string()},
                                      {"width", size.width},
                                      {"height", size.height},
                                      {"images", shown_.count},
                                      {"seed", session_.common().runtime.seed}}));
    }

    Session& session_;
    const Ranks& ranks_;
    const ShowFlags& flags_;
    const LazyImages& shown_;
    const std::string& output_;
};

/// What --dry-run says.
void describe(Session& session, const LazyImages& shown, ShowAs how) {
    const std::string kind = how == ShowAs::Picture ? "picture" : how == ShowAs::Folder ? "folder" : "film";
    const std::string& output = session.common().output;
    if (session.common().json) {
        session.print(json_text(Json{{"output", output}, {"kind", kind}, {"images", shown.count}}));
    } else {
        session.print("a " + kind + " of " + std::to_string(shown.count) +
                      (shown.count == 1 ? " image -> " : " images -> ") + path_word(output));
    }
}

}  // namespace

void add_file_flags(FlagGroup& group, ShowFlags& flags) {
    group.add("--scale", flags.scale, "N", "enlarge every image by this whole factor", OptionRange{1, 64});
    group.add("--quality", flags.quality, "1..100", "of JPEG and WebP", OptionRange{1, 100});
}

void add_flags(FlagGroup& group, ShowFlags& flags, bool moving) {
    group.add("--columns", flags.columns, "N", "images in a row of one picture; 0: what fits them",
              {.low = 0, .wanted = "0 (what fits) or more"});
    add_file_flags(group, flags);
    if (moving) {
        group.add("--fps", flags.fps, "N", "frames a second of a film", OptionRange{0.1, 100.0});
    }
}

std::string bare_name(const std::string& name) {
    std::string bare = name;
    std::erase(bare, '#');
    const fs::path path(bare);
    return (has_picture_extension(path) ? path.parent_path() / path.stem() : path).relative_path().string();
}

ShowAs check_output(const Session& session, bool moving) {
    const std::string& output = session.common().output;
    if (output.empty()) {
        throw Error(ErrorKind::Usage, "no output is named; pass -o FILE or -o FOLDER (see --help)");
    }
    if (output == "-") {
        return ShowAs::Picture;
    }
    const std::string extension = extension_of(output);
    std::error_code ignored;
    if (fs::is_other(output, ignored) && extension_of(output) != ".mp4" && extension_of(output) != ".gif") {
        return ShowAs::Picture;  // a device or pipe, which is written into
    }
    if (output.back() == '/' || extension.empty() || fs::is_directory(output, ignored)) {
        if (fs::is_directory(output, ignored) && !fs::is_empty(output, ignored)) {
            refuse_existing(output, "--output", session.common().overwrite);
        }
        return ShowAs::Folder;
    }
    const bool film = extension == ".mp4" || extension == ".gif" || (moving && extension == ".webp");
    if (film && !moving) {
        throw Error(ErrorKind::Usage, "--output '" + output +
                                          "' is a film, but this makes a still picture; wanted a picture (" +
                                          "grid.png) or a folder");
    }
    if (!film) {
        format_for(output);
    }
    refuse_existing(output, "--output", session.common().overwrite);
    if (const std::optional<Error> fault = writability_fault(output, "--output")) {
        throw Error(*fault);
    }
    return film ? ShowAs::Film : ShowAs::Picture;
}

void check_sheet_output(const Session& session) {
    if (check_output(session, /*moving=*/false) == ShowAs::Folder) {
        throw Error(ErrorKind::Usage, "--output '" + session.common().output +
                                          "' is a folder, and the sheet is one picture; wanted e.g. sheet.png");
    }
}

Replacing replacing_for(const Session& session) {
    return session.common().overwrite ? Replacing::Allowed : Replacing::Beside;
}

void say_where(Session& session, const fs::path& wanted, const fs::path& written) {
    if (written != wanted) {
        session.console().warning("'" + wanted.string() +
                                  "' came to be in the meantime and is kept; what was made here is '" +
                                  written.string() + "'");
    }
}

void show(Session& session, const ShowFlags& flags, const LazyImages& shown, ShowAs how) {
    check_fits(flags, shown, how, session.common().output);
    session.save_config(all_settings(shown));
    if (session.common().dry_run) {
        describe(session, shown, how);
        return;
    }
    Writer writer(session, flags, shown);
    switch (how) {
        case ShowAs::Picture:
            return writer.picture();
        case ShowAs::Folder:
            return writer.folder();
        case ShowAs::Film:
            return writer.film();
    }
}

}  // namespace reverie
