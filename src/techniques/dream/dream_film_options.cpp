#include <algorithm>
#include <cmath>
#include <set>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/dream_film.h"

namespace reverie {
namespace {

template <typename T>
OptionField<DreamFilmOptions> field(T DreamFilmOptions::*member) {
    return option_field<DreamFilmOptions>(member);
}

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); }

/// "TARGET@SECONDS"; a neuron's own place stands before that: "block9:3@0.5,0.4@5".
LayerStop parse_stop(const std::string& text) {
    const std::size_t at = text.rfind('@');
    LayerStop stop;
    if (at == std::string::npos || !parse_value(text.substr(at + 1), stop.at)) {
        refuse("{--layers-path} '" + text +
               "' names no moment; wanted the second of the film behind an @, as in block9.expand@5");
    }
    stop.target = parse_dream_target(text.substr(0, at));
    return stop;
}

/// Lists may be written with commas, and so is a neuron's place: "block9:3@0.5" and "0.4@5" become one text again.
std::vector<std::string> whole_stops(const std::vector<std::string>& texts) {
    std::vector<std::string> whole;
    for (const std::string& text : texts) {
        double number = 0.0;
        if (!whole.empty() && parse_value(text.substr(0, text.find_first_of("=@")), number)) {
            whole.back() += "," + text;
        } else {
            whole.push_back(text);
        }
    }
    return whole;
}

OptionField<DreamFilmOptions> layers_field() {
    OptionField<DreamFilmOptions> field;
    field.set = [](DreamFilmOptions& options, const std::vector<std::string>& texts) {
        options.layers.clear();
        std::ranges::transform(whole_stops(texts), std::back_inserter(options.layers), parse_stop);
        return true;
    };
    field.texts = [](const DreamFilmOptions& options) {
        std::vector<std::string> texts;
        for (const LayerStop& stop : options.layers) {
            texts.push_back(dream_target_text(stop.target) + "@" + number_text(stop.at));
        }
        return texts;
    };
    field.shape = OptionShape::List;
    return field;
}

OptionTable<DreamFilmOptions> make_table() {
    const std::string heading = "Film";
    return {
        {.name = "film",
         .heading = heading,
         .placeholder = "SECONDS",
         .help =
             "make a film of so many seconds: .mp4, .mkv, .mov, .webm, .gif, .webp or a folder of PNGs, of one input "
             "(or of none, with {--init} noise), 640 pixels long unless {--size} says otherwise",
         .field = field(&DreamFilmOptions::seconds),
         .range = {0.04, 86'400, "0.04 to 86400 seconds"},
         .shapes_result = false},  // a longer film begins as the shorter one does
        {.name = "zoom",
         .heading = heading,
         .placeholder = "FACTOR",
         .help = "by what things grow in a second; 1: not at all, below 1 the view flies backwards",
         .field = field(&DreamFilmOptions::zoom),
         .range = {0.01, 100}},
        {.name = "rotate",
         .heading = heading,
         .placeholder = "DEGREES",
         .help = "by what the picture turns in a second, clockwise",
         .field = field(&DreamFilmOptions::rotate),
         .range = {-3600, 3600}},
        {.name = "pan",
         .heading = heading,
         .placeholder = "X,Y",
         .help = "how far the view moves in a second: shares of its width to the right and of its height down",
         .field = field(&DreamFilmOptions::pan)},
        {.name = "ease",
         .heading = heading,
         .placeholder = "SECONDS",
         .help = "in which motion begins softly, and in which it ends",
         .field = field(&DreamFilmOptions::ease),
         .range = {0, 43'200, "0 seconds or more"}},
        {.name = "loop",
         .heading = heading,
         .placeholder = "",
         .help = "the film's end leads into its beginning: one more second is dreamt and mixed into the first",
         .field = field(&DreamFilmOptions::loop),
         .shapes_result = false},  // of key dreams: only their number
        {.name = "fps",
         .heading = heading,
         .placeholder = "N",
         .help = "frames a second, also as 23.976 or 30000/1001; they change neither motion nor dreams. Of numbered "
                 "pictures as input: their rate",
         .field = field(&DreamFilmOptions::fps),
         .shapes_result = false},  // of key dreams: nothing
        {.name = "layers-path",
         .heading = heading,
         .placeholder = "TARGET[=WEIGHT]@SECOND",
         .help = "layers that change along the film, instead of {--layers}: what counts at each second named, evenly "
                 "faded in between, as block5.expand@0 block11.expand@8",
         .field = layers_field()},
        {.name = "dreams-per-second",
         .heading = heading,
         .placeholder = "N",
         .help = "dreams that are made, between which frames are mixed: more of them change the film faster",
         .field = field(&DreamFilmOptions::dreams_per_second),
         .range = {0.5, 120}},
        {.name = "film-octaves",
         .heading = heading,
         .placeholder = "N",
         .help = "scales of each dream but the first, which has those of a picture",
         .field = field(&DreamFilmOptions::octaves),
         .range = {1, 64}},
        {.name = "film-steps",
         .heading = heading,
         .placeholder = "N",
         .help = "steps per scale of each dream but the first",
         .field = field(&DreamFilmOptions::steps),
         .range = {1, 1e6}},
    };
}

/// Between two key dreams so much may change that a frame can still be mixed of them.
void require_slow(const std::string& name, double per_dream, double most, double dreams_per_second) {
    if (per_dream > most * (1.0 + 1e-9)) {
        const auto wanted = static_cast<std::int64_t>(std::ceil(dreams_per_second * per_dream / most));
        refuse("{--" + name + "} moves too far from one of " + human_number(dreams_per_second) +
               " key dreams a second to the next; fly more slowly, or raise {--dreams-per-second} to " +
               std::to_string(wanted));
    }
}

/// The moments that are named, in order.
std::vector<double> moments_of(const DreamFilmOptions& film) {
    std::set<double> moments;
    for (const LayerStop& stop : film.layers) {
        moments.insert(stop.at);
    }
    return {moments.begin(), moments.end()};
}

/// Adds what counts at one of these moments, at a share of its weights.
void add_layers(std::vector<DreamTarget>& targets, const DreamFilmOptions& film, double moment, double share) {
    for (const LayerStop& stop : film.layers) {
        if (stop.at != moment || share <= 0.0) {
            continue;
        }
        const auto same = std::ranges::find_if(targets, [&](DreamTarget target) {
            target.weight = stop.target.weight;
            return target == stop.target;
        });
        if (same != targets.end()) {
            same->weight += share * stop.target.weight;
        } else {
            targets.push_back(stop.target);
            targets.back().weight *= share;
        }
    }
}

}  // namespace

bool parse_value(const std::string& text, ViewPan& value) {
    const std::size_t comma = text.find(',');
    return comma != std::string::npos && parse_value(text.substr(0, comma), value.x) &&
           parse_value(text.substr(comma + 1), value.y);
}

std::string value_text(ViewPan value) { return number_text(value.x) + "," + number_text(value.y); }

const OptionTable<DreamFilmOptions>& dream_film_option_table() {
    static const OptionTable<DreamFilmOptions> table = make_table();
    return table;
}

void validate(const DreamFilmOptions& film) {
    require_in_range(dream_film_option_table(), film);
    require_in_range("fps", film.fps.value(), {0.1, 100});
    if (film.ease > 0.0 && film.loop) {
        refuse("{--ease} is of a beginning and an end, and a film that loops has none; leave out {--ease} or {--loop}");
    }
    if (film.loop && film.seconds < 1.0) {
        refuse("{--loop} mixes a second, and {--film} " + human_number(film.seconds) +
               " is shorter than that; make it longer, or leave {--loop} out");
    }
    if (2.0 * film.ease > film.seconds) {
        refuse("{--ease} " + human_number(film.ease) + " at both ends takes longer than a film of " +
               human_number(film.seconds) + " seconds; wanted at most half of it");
    }
    constexpr double kLargest = 1.5;
    constexpr double kWidest = 30.0;  // degrees
    constexpr double kFarthest = 0.25;
    const double dreams = film.dreams_per_second;
    require_slow("zoom", std::abs(std::log(film.zoom)) / dreams, std::log(kLargest), dreams);
    require_slow("rotate", std::abs(film.rotate) / dreams, kWidest, dreams);
    require_slow("pan", std::max(std::abs(film.pan.x), std::abs(film.pan.y)) / dreams, kFarthest, dreams);
    for (const LayerStop& stop : film.layers) {
        require_in_range("layers-path", stop.at, {0, 86'400, "a moment from 0 seconds on"});
        if (!std::isfinite(stop.target.weight) || stop.target.weight == 0.0) {
            refuse("{--layers-path} " + stop.target.tap + " has the weight " + human_number(stop.target.weight) +
                   "; wanted a number other than 0: what is not named at a moment fades out by itself");
        }
    }
}

void check_filmed(const DreamOptions& dream) {
    if (dream.parameterization != DreamParameterization::Pixels) {
        refuse(
            "{--film} goes on from what it has dreamt in pixels, which a spectrum cannot; leave out "
            "{--parameterization}");
    }
    if (dream.strength != 1.0) {
        refuse(
            "{--strength} blends a dream with its photo, which a film leaves behind; leave it out, and weaken the "
            "film's dreams by {--film-steps} or {--step-size}");
    }
}

std::vector<DreamTarget> layers_at(const DreamFilmOptions& film, const std::vector<DreamTarget>& own, double at) {
    const std::vector<double> moments = moments_of(film);
    if (moments.empty()) {
        return own;
    }
    std::vector<DreamTarget> targets;
    const auto next = std::ranges::upper_bound(moments, at);
    if (next == moments.begin() || next == moments.end()) {
        add_layers(targets, film, next == moments.end() ? moments.back() : moments.front(), 1.0);
        return targets;
    }
    const double before = *std::prev(next);
    const double share = (at - before) / (*next - before);
    add_layers(targets, film, before, 1.0 - share);
    add_layers(targets, film, *next, share);
    std::erase_if(targets, [](const DreamTarget& target) { return target.weight == 0.0; });  // between -1 and 1
    return targets;
}

std::vector<std::vector<DreamTarget>> layer_mixes(const DreamFilmOptions& film, const std::vector<DreamTarget>& own) {
    const std::vector<double> moments = moments_of(film);
    if (moments.size() < 2) {
        return {layers_at(film, own, 0.0)};
    }
    std::vector<std::vector<DreamTarget>> mixes;
    for (std::size_t i = 1; i < moments.size(); ++i) {
        constexpr double kAnywhere = 0.4;  // not where opposite weights cancel out
        mixes.push_back(layers_at(film, own, moments[i - 1] + kAnywhere * (moments[i] - moments[i - 1])));
    }
    return mixes;
}

}  // namespace reverie
