// A dream that flies: a film of which every moment is dreamt on from the moment before, moved a little.
//
// The film is a function of time, whatever its frame rate. Key dreams are made at a steady rate of their own, each from
// the one before, moved by what moves in between, with the same jitter. What lies between two of them is the earlier
// one moved on, mixed with the later one moved back. So motion per second is the same at any frame rate, a moment is
// the same picture in each, and more frames cost no more dreaming.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/output/film_info.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// How fast the view moves over the picture: shares of its width and height a second, to the right and downwards.
struct ViewPan {
    double x = 0.0, y = 0.0;
    bool operator==(const ViewPan&) const = default;
};
bool parse_value(const std::string& text, ViewPan& value);  ///< "0.1,-0.05"
std::string value_text(ViewPan value);
inline const char* wanted_text(ViewPan /*value*/) { return "two shares such as 0.1,-0.05"; }

/// What is amplified at one moment of a film.
struct LayerStop {
    DreamTarget target;
    double at = 0.0;  ///< seconds
    bool operator==(const LayerStop&) const = default;
};

struct DreamFilmOptions {
    double seconds = 0.0;            ///< of the film; above 0
    Rational fps{25, 1};             ///< 0.1 to 100 frames a second
    double zoom = 1.3;               ///< by what things grow in a second; below 1 the view flies backwards
    double rotate = 0.0;             ///< degrees a second that the picture turns, clockwise
    ViewPan pan;                     ///< of the view
    double ease = 0.0;               ///< seconds in which motion begins, and in which it ends
    bool loop = false;               ///< the film ends in its own beginning: a second more is dreamt, and mixed in
    std::vector<LayerStop> layers;   ///< weights change evenly from one moment's to the next's; empty: the dream's own
    double dreams_per_second = 6.0;  ///< key dreams
    std::int64_t octaves = 3;        ///< of each key dream but the first, the largest ones of the dream's own
    std::int64_t steps = 4;          ///< of each of these octaves
};

const OptionTable<DreamFilmOptions>& dream_film_option_table();

/// Throws Usage, naming the option, before any work.
void validate(const DreamFilmOptions& options);

/// Throws Usage for a dream that no film can be made of: in a spectrum, or blended with a photo that the film leaves.
void check_filmed(const DreamOptions& dream);

/// What is amplified `at` so many seconds: the dream's own layers where the film names none.
std::vector<DreamTarget> layers_at(const DreamFilmOptions& film, const std::vector<DreamTarget>& own, double at);

/// Everything that layers_at() ever says together, once each: for check_targets.
std::vector<std::vector<DreamTarget>> layer_mixes(const DreamFilmOptions& film, const std::vector<DreamTarget>& own);

class FilmMotion;

/// A key dream as frames are made of it.
struct KeyDream {
    KeyDream(Tensor dream, std::optional<double> its_detail = {})  // NOLINT: a picture alone is one
        : image(std::move(dream)), detail(its_detail) {}
    Tensor image;                  ///< [3,H,W] in [0,1]
    std::optional<double> detail;  ///< DreamFilm::detail() of it, where it is known: it takes as long as mixing
};

class DreamFilm {
  public:
    /// `frame`: the size of the film. Throws Usage like all the checks above, and for motion that is too fast for the
    /// rate of key dreams.
    DreamFilm(Size frame, DreamOptions dream, DreamFilmOptions film);

    const DreamFilmOptions& options() const { return film_; }
    Size frame_size() const { return frame_; }
    Size key_size() const { return key_; }  ///< of a key dream: the frame, and around it what may come into view
    std::int64_t frames() const;            ///< of the film
    std::int64_t key_dreams() const;        ///< that the film is made of
    /// Frames before the moment of the last of so many key dreams, and the one at it: those that can be made of them,
    /// not yet looped.
    std::int64_t frames_within(std::int64_t key_dreams) const;

    /// What key dream `number`, from 0, is dreamt with.
    DreamOptions options_of(std::int64_t number) const;

    /// Key dream 0: the dream on a photo of the frame's size, mirrored around it. Throws like dream().
    DreamResult first_key(const DreamJob& job, FrozenNet& net, std::int64_t max_memory = 0,
                          const Hooks& hooks = {}) const;

    /// The key dream behind `before`, number `number` - 1; the mean and contrast of each channel are those of `first`,
    /// key dream 0. Throws likewise.
    DreamResult next_key(std::int64_t number, const Tensor& before, const Tensor& first,
                         const std::vector<Tensor>& guides, FrozenNet& net, std::int64_t max_memory = 0,
                         const Hooks& hooks = {}) const;

    /// [3,H,W] in [0,1]; `key` gives the key dreams asked for, which lie near each other from frame to frame. With
    /// `looped` the first second of a looping film is mixed with what follows its end.
    Tensor frame(std::int64_t number, const std::function<KeyDream(std::int64_t number)>& key,
                 bool looped = true) const;

    /// How much of the finest detail a key dream has, which frames are held to.
    double detail(const Tensor& key) const;

  private:
    double place_of(std::int64_t frame) const;
    Tensor moment(double place, const std::function<KeyDream(std::int64_t number)>& key) const;

    Size frame_, key_;
    DreamOptions dream_;
    DreamFilmOptions film_;
    std::shared_ptr<const FilmMotion> motion_;
};

}  // namespace reverie
