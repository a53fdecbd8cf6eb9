#include "cli/dream/dream_inputs.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cli/pictures/identity.h"
#include "cli/pictures/init_flag.h"
#include "cli/pictures/masks.h"
#include "core/json_text.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/option_text.h"
#include "reverie/image/picture.h"
#include "reverie/nn/imagenet_classes.h"

namespace reverie {
namespace {

const Choices<DreamInit>& inits() {
    static const Choices<DreamInit> choices = {{"content", DreamInit::Content}, {"noise", DreamInit::Noise}};
    return choices;
}

std::optional<std::filesystem::path> start_file(const DreamInputs& inputs) {
    return init_file(inputs.init, words_of(inits()));
}

}  // namespace

DreamInit init_of(const DreamInputs& inputs) {
    return !start_file(inputs) && inputs.init == "noise" ? DreamInit::Noise : DreamInit::Content;
}

void add_flags(CLI::App& app, DreamInputs& inputs) {
    FlagGroup pictures(app, "Dream");
    pictures.add("--init", inputs.init, "content|noise|FILE",
                 "what to start from: the input, nothing, or another picture; with noise no input is needed where "
                 "--size says how large, and --detail, --tone and --calm are 0 where they are not given",
                 inputs.init);
    pictures.add_paths("--guide", inputs.guides, "IMAGE",
                       "pictures whose features whole layers grow towards, each place towards what matches it best");
    pictures.add("--protect", inputs.protect, "IMAGE", "white where the input stays as it is");
    FlagGroup sheet(app, "Contact sheet");
    sheet.add_list("--grid", inputs.grid, "TARGET",
                   "dream of each target alone, instead of --layers, and write one labelled sheet: targets as those of "
                   "--layers, patterns ('block*.expand'), ranges of channels (block9.expand:0-31) or layers, which is "
                   "all of them; 256 pixels each unless --size says otherwise");
    sheet.add("--page", inputs.page, "an HTML page beside the sheet, with every dream at its own size");
    not_configurable(sheet.add_list("--list-classes", inputs.list_classes, "PART",
                                    "list the classes with that in their name, as dog; '' lists all; and stop"));
}

void check(Session& session, const DreamInputs& inputs, std::int64_t max_pixels) {
    if (inputs.page && inputs.grid.empty()) {
        throw Error(ErrorKind::Usage, "--page shows a sheet; name what is in it with --grid, or leave --page out");
    }
    if (!inputs.grid.empty() && session.common().output == "-" && inputs.page) {
        throw Error(ErrorKind::Usage,
                    "--page is written beside the sheet, which has no place on standard output; "
                    "name a file with --output");
    }
    for (const std::string& guide : inputs.guides) {
        read_picture_size(guide, {.max_pixels = max_pixels});
    }
    if (const auto file = start_file(inputs)) {
        read_picture_size(*file, {.max_pixels = max_pixels});
    }
    if (!inputs.protect.empty()) {
        read_picture_size(inputs.protect, {.max_pixels = max_pixels});
    }
    warn_of_left_out(session, "guide", !inputs.guides.empty());
    warn_of_left_out(session, "protect", !inputs.protect.empty());
}

void list_classes(Session& session, const std::vector<std::string>& parts) {
    std::set<std::int64_t> found;
    for (const std::string& part : parts) {
        const std::vector<std::int64_t> some = find_imagenet_classes(part);
        if (some.empty()) {
            throw Error(ErrorKind::Usage, "--list-classes finds no class with '" + part +
                                              "' in its name; --list-classes '' lists all 1000");
        }
        found.insert(some.begin(), some.end());
    }
    for (const std::int64_t index : found) {
        const std::string& name = imagenet_classes()[static_cast<std::size_t>(index)];
        if (session.common().json) {
            session.print(json_text({{"class", index}, {"name", name}}));
        } else {
            std::string number = std::to_string(index);
            number.resize(5, ' ');
            session.print(number + name);
        }
    }
}

SharedDreamPictures::SharedDreamPictures(const DreamInputs& inputs, std::int64_t max_pixels) : inputs_(inputs) {
    for (const std::string& path : inputs.guides) {
        guides_.push_back(read_on_white(path, max_pixels));
    }
    if (const auto file = start_file(inputs)) {
        init_ = read_on_white(*file, max_pixels);
    }
    if (!inputs.protect.empty()) {
        protect_ = read_mask(inputs.protect, max_pixels);
    }
}

DreamJob SharedDreamPictures::job_for(const Picture& picture) const {
    DreamJob job(picture.color);
    job.init = init_;
    job.guides = guides_;
    if (protect_.defined()) {
        job.protect = mask_at(protect_, size_of(picture.color));
    }
    if (picture.alpha.defined()) {
        const Tensor hidden = 1.0 - picture.alpha;
        job.protect = job.protect.defined() ? at::maximum(job.protect, hidden) : hidden;
    }
    return job;
}

void SharedDreamPictures::add_digests(Settings& identity) const {
    identity.set(pixels_of("--init"), digest_of(init_));
    for (std::size_t i = 0; i < guides_.size(); ++i) {
        identity.set(pixels_of("guide " + std::to_string(i + 1)), digest_of(guides_[i]));
    }
    if (protect_.defined()) {
        identity.set(pixels_of("--protect"), digest_of(protect_));
    }
}

void SharedDreamPictures::add_settings(Settings& settings) const {
    settings.set("init", init_text(start_file(inputs_), inputs_.init));
    if (!inputs_.guides.empty()) {
        std::vector<std::string> names;
        for (const std::string& guide : inputs_.guides) {
            names.push_back(std::filesystem::path(guide).filename().string());
        }
        settings.set_list("guide", names);
    }
    if (!inputs_.protect.empty()) {
        settings.set("protect", inputs_.protect.filename().string());
    }
}

}  // namespace reverie
