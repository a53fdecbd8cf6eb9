#include "cli/vae/vae_directions.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/runs/with_progress.h"
#include "core/json_text.h"
#include "reverie/cli/batch.h"
#include "reverie/core/text.h"
#include "reverie/techniques/vae_latents.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

const Choices<DirectionMethod>& methods() {
    static const Choices<DirectionMethod> choices = {{"mean", DirectionMethod::Mean},
                                                     {"classifier", DirectionMethod::Classifier}};
    return choices;
}

/// "smile.safetensors=0.5": what follows the last '=' is a strength when it is a number and no file has the whole name.
std::pair<std::string, double> parse_file(const std::string& text) {
    std::error_code ignored;
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || fs::exists(text, ignored)) {
        return {text, 1.0};
    }
    double strength = 0.0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data() + equals + 1, end, strength);
    if (result.ec != std::errc() || result.ptr != end || !std::isfinite(strength)) {
        return {text, 1.0};
    }
    return {text.substr(0, equals), strength};
}

/// "faces/smiling" and "faces.tar:smiling" -> "smiling".
std::string attribute_name(const std::string& source) {
    const std::string part = last_part(source);
    return part.substr(part.rfind(':') + 1);
}

Direction learnt(Session& session, const DirectionFlags& flags, const VaeRun& run) {
    const ImageList with = run.images({flags.attribute});
    const ImageList without = run.images({flags.without});
    Direction direction = with_progress(session, "", [&](const Hooks& hooks) {
        return learn_direction(attribute_name(flags.attribute), run.vae(), run.source(with), run.source(without),
                               flags.method, session.common().runtime.seed, hooks);
    });
    std::string sentence = "direction '" + direction.name + "' from " + std::to_string(with.count()) +
                           " images with and " + std::to_string(without.count()) + " without it";
    if (direction.accuracy >= 0.0) {
        sentence +=
            "; it tells " + number_text(std::round(direction.accuracy * 1000.0) / 10.0) + " % of held-out images apart";
    }
    session.console().info(sentence);
    return direction;
}

void save(Session& session, const std::string& file, const Direction& direction) {
    if (session.common().dry_run) {
        return;
    }
    write_direction(file, direction);
    if (session.common().json) {
        session.print(json_text({{"output", file},
                                 {"direction", direction.name},
                                 {"length", direction.vector.norm().item<double>()},
                                 {"accuracy", direction.accuracy}}));
    } else {
        session.print(path_word(file));
    }
}

}  // namespace

void add_flags(CLI::App& app, DirectionFlags& flags) {
    FlagGroup group(app, "Attributes");
    group.add("--attribute", flags.attribute, "IMAGES", "images that have it: its direction is learnt");
    group.add("--without", flags.without, "IMAGES", "images that do not");
    group.add_choice("--method", flags.method, methods(),
                     "mean: from the mean without to the mean with; classifier: across what tells both apart best");
    group.add("--save-direction", flags.save, "FILE", "keep what was learnt (.safetensors)");
    group.add_paths("--direction", flags.files, "FILE[=STRENGTH]",
                    "kept directions, several at once; each is multiplied by its own strength");
    group.add("--orthogonal", flags.orthogonal, "of several directions, take out of each what those before it hold");
}

void validate(const DirectionFlags& flags, bool overwrite) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); };
    if (flags.attribute.empty() != flags.without.empty()) {
        refuse(flags.attribute.empty() ? "--without needs images that have the attribute; pass --attribute IMAGES"
                                       : "--attribute needs images that do not have it; pass --without IMAGES");
    }
    if (flags.attribute.empty() && flags.files.empty()) {
        refuse("no edit is given; pass --attribute IMAGES --without IMAGES, --direction FILE or --swap A B");
    }
    if (!flags.save.empty() && flags.attribute.empty()) {
        refuse("--save-direction has nothing to save; pass --attribute IMAGES --without IMAGES");
    }
    refuse_existing(flags.save, "--save-direction", overwrite);
}

Tensor edit_vector(Session& session, const DirectionFlags& flags, const VaeRun& run) {
    std::vector<DirectionShare> shares;
    for (const std::string& text : flags.files) {
        const auto [file, strength] = parse_file(text);
        shares.push_back({read_direction(file, run.dimensions()), strength});
    }
    if (!flags.attribute.empty()) {
        shares.push_back({learnt(session, flags, run)});
        if (!flags.save.empty()) {
            save(session, flags.save, shares.back().direction);
        }
    }
    return edit_vector(std::move(shares), flags.orthogonal, run.dimensions());
}

void add_settings(Settings& settings, const DirectionFlags& flags) {
    if (!flags.attribute.empty()) {
        settings.set("attribute", last_part(flags.attribute));
        settings.set("without", last_part(flags.without));
        settings.set("method", choice_text(methods(), flags.method));
    }
    if (!flags.files.empty()) {
        std::vector<std::string> names;
        for (const std::string& file : flags.files) {
            names.push_back(last_part(file));
        }
        settings.set_list("direction", std::move(names));
    }
    if (flags.orthogonal) {
        settings.set("orthogonal", "true");
    }
}

}  // namespace reverie
