// Films of dreams: their motion, what lies between two key dreams, what a key dream hands on.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "reverie/core/parallel.h"
#include "reverie/techniques/dream_film.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "techniques/dream/film_motion.h"
#include "techniques/dream/film_tones.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;
using Complex = std::complex<double>;

FrozenNet& lite0() {
    static FrozenNet net = test::formula_lite0();
    return net;
}

Tensor photo(std::int64_t height, std::int64_t width) { return test::formula_image(height, width, "photo").squeeze(0); }

/// Small enough for tests.
DreamOptions quick() {
    DreamOptions options = dream_recipe("efficientnet_lite0");
    options.layers = {{"block3", 1.0}};
    options.octaves = 1;
    options.steps = 2;
    options.jitter = 4;
    options.margin = 4;
    return options;
}

DreamFilmOptions film_of(double seconds, const std::string& fps = "24") {
    DreamFilmOptions film;
    film.seconds = seconds;
    film.octaves = 1;
    film.steps = 1;
    EXPECT_TRUE(parse_value(fps, film.fps));
    return film;
}

constexpr Size kFrame = {75, 101};

/// A key dream that shows nothing but a soft light, at a place of its own.
Tensor light_at(Size size, Complex place) {
    const auto axis = [](std::int64_t side, double at) {
        const Tensor from = at::arange(0, side, at::kDouble) - (0.5 * static_cast<double>(side) - 0.5 + at);
        return from.square().div(-2.0 * 4.0 * 4.0).exp();
    };
    const Tensor rows = axis(size.height, place.imag()).unsqueeze(1);
    const Tensor columns = axis(size.width, place.real()).unsqueeze(0);
    return (rows * columns).mul(0.9).to(at::kFloat).expand({3, size.height, size.width}).contiguous();
}

/// The middle of the light.
Complex place_of_light(const Tensor& frame) {
    const Tensor light = frame[0].to(at::kDouble);
    const auto axis = [](std::int64_t side) {
        return at::arange(0, side, at::kDouble) - (0.5 * static_cast<double>(side) - 0.5);
    };
    const double all = light.sum().item<double>();
    return {(light.sum(0) * axis(light.size(1))).sum().item<double>() / all,
            (light.sum(1) * axis(light.size(0))).sum().item<double>() / all};
}

TEST(FilmMotion, StepsAddUp) {
    DreamFilmOptions film = film_of(5);
    film.zoom = 1.4;
    film.rotate = 25;
    film.pan = {0.1, -0.05};
    const FilmMotion motion(film, kFrame);
    for (const Complex place : {Complex(0, 0), Complex(20, -11), Complex(-50, 37)}) {
        EXPECT_LT(std::abs(motion.before(0.3)(motion.before(0.45)(place)) - motion.before(0.75)(place)), 1e-9);
        EXPECT_LT(std::abs(motion.before(-0.3)(motion.before(0.3)(place)) - place), 1e-9);
    }
    EXPECT_NEAR(std::abs(motion.before(1).factor), 1 / 1.4, 1e-12);
    EXPECT_NEAR(std::arg(motion.before(1).factor), -25 * std::numbers::pi / 180, 1e-12);
}

TEST(FilmMotion, APanMovesTheViewByItsShares) {
    DreamFilmOptions film = film_of(5);
    film.zoom = 1;
    film.pan = {0.2, -0.1};
    const Complex moved = FilmMotion(film, kFrame).before(0.5)({3, 4});
    EXPECT_NEAR(moved.real(), 3 + 0.5 * 0.2 * 101, 1e-9) << "what is seen now was further to the right";
    EXPECT_NEAR(moved.imag(), 4 - 0.5 * 0.1 * 75, 1e-9);
}

TEST(FilmMotion, EasingBeginsAndEndsAtRest) {
    DreamFilmOptions film = film_of(4);
    film.ease = 1.5;
    const FilmMotion motion(film, kFrame);
    const auto speed = [&](double time) { return (motion.passed(time + 1e-5) - motion.passed(time - 1e-5)) / 2e-5; };
    EXPECT_NEAR(motion.passed(0), 0, 1e-12);
    EXPECT_NEAR(motion.passed(4), 4 - 1.5, 1e-12) << "half of each end is lost";
    for (double time = 0.01; time < 3.99; time += 0.07) {
        const double u = std::min({time / 1.5, (4 - time) / 1.5, 1.0});
        EXPECT_NEAR(speed(time), u * u * (3 - 2 * u), 1e-5) << time;
    }
    EXPECT_EQ(FilmMotion(film_of(4), kFrame).passed(2.5), 2.5) << "without it time is motion";
}

TEST(FilmMotion, TheMarginHoldsAllThatComesIntoView) {
    DreamFilmOptions film = film_of(4);
    for (const double zoom : {0.8, 1.0, 1.7}) {
        film.zoom = zoom;
        film.rotate = 40;
        film.pan = {0.3, 0.1};
        const FilmMotion motion(film, kFrame);
        const Size margin = motion.margin(6);
        for (double part = -1; part <= 1; part += 0.01) {
            for (const Complex corner : {Complex(50, 37), Complex(-50, 37), Complex(50, -37), Complex(-50, -37)}) {
                const Complex place = motion.before(part / 6)(corner);
                EXPECT_LE(std::abs(place.real()), 50.0 + static_cast<double>(margin.width) - 1.5);
                EXPECT_LE(std::abs(place.imag()), 37.0 + static_cast<double>(margin.height) - 1.5);
            }
        }
    }
    film.zoom = 1;
    film.rotate = 0;
    film.pan = {};
    EXPECT_EQ(FilmMotion(film, kFrame).margin(6), (Size{0, 0}));
}

TEST(DreamFilm, MovesAsFastAtAnyFrameRate) {
    for (const char* fps : {"24", "30", "60", "30000/1001", "7"}) {
        DreamFilmOptions options = film_of(3, fps);
        options.zoom = 1.3;
        options.rotate = 20;
        options.pan = {0.05, 0.02};
        const DreamFilm film(kFrame, quick(), options);
        EXPECT_EQ(film.frames(), std::llround(3 * options.fps.value()));
        EXPECT_EQ(film.key_dreams(), 19) << "whatever the frame rate";
        const FilmMotion motion(options, kFrame);
        const Complex start(4, -6);
        const auto key = [&](std::int64_t number) {
            return light_at(film.key_size(), motion.before(-static_cast<double>(number) / 6)(start));
        };
        for (std::int64_t frame = 0; frame < film.frames(); frame += 5) {
            const double time = static_cast<double>(frame) / options.fps.value();
            const Complex place = place_of_light(film.frame(frame, key));
            EXPECT_LT(std::abs(place - motion.before(-time)(start)), 0.05) << fps << " frame " << frame;
        }
    }
}

TEST(DreamFilm, AMomentIsTheSamePictureAtAnyFrameRate) {
    const auto key = [](std::int64_t number) {
        return test::formula_image(120, 150, "key " + std::to_string(number)).squeeze(0);
    };
    const auto at_time = [&](const char* fps, std::int64_t frame) {
        return DreamFilm(kFrame, quick(), film_of(3, fps)).frame(frame, key);
    };
    EXPECT_TRUE(at_time("24", 24).equal(at_time("60", 60)));
    EXPECT_TRUE(at_time("30", 3).equal(at_time("60", 6)));
    EXPECT_TRUE(at_time("24", 30).equal(at_time("60", 75)));
    EXPECT_TRUE(at_time("24000/1001", 24).equal(at_time("30000/1001", 30)));
    EXPECT_FALSE(at_time("24", 24).equal(at_time("24", 25)));
}

TEST(DreamFilm, AtAKeyDreamItIsThatDreamToTheBit) {
    const DreamFilm film(kFrame, quick(), film_of(2, "12"));
    const auto key = [&](std::int64_t number) {
        return test::formula_image(film.key_size().height, film.key_size().width, "key " + std::to_string(number))
            .squeeze(0);
    };
    const Tensor dream = key(3).clamp(0, 1);
    const std::int64_t top = (film.key_size().height - kFrame.height) / 2;
    const std::int64_t left = (film.key_size().width - kFrame.width) / 2;
    EXPECT_TRUE(film.frame(6, key).equal(dream.narrow(1, top, kFrame.height).narrow(2, left, kFrame.width)));
}

TEST(DreamFilm, ALoopEndsWhereItBegins) {
    DreamFilmOptions options = film_of(3, "24");
    options.loop = true;
    const DreamFilm film(kFrame, quick(), options);
    EXPECT_EQ(film.frames(), 72) << "the second more that is dreamt is not shown";
    EXPECT_EQ(film.key_dreams(), 25);
    // Key dreams that grow lighter all the way.
    const auto key = [&](std::int64_t number) {
        return at::full({3, film.key_size().height, film.key_size().width}, 0.02 + 0.03 * static_cast<double>(number));
    };
    const auto light = [&](std::int64_t frame) { return film.frame(frame, key).mean().item<double>(); };
    double steepest = 0.0;
    for (std::int64_t frame = 1; frame < film.frames(); ++frame) {
        steepest = std::max(steepest, std::abs(light(frame) - light(frame - 1)));
    }
    EXPECT_LE(std::abs(light(0) - light(71)), 0.03 / 4 * 1.6) << "a step like any other";
    EXPECT_LT(steepest, 0.05);
    EXPECT_NEAR(light(24), 0.02 + 0.03 * 6, 1e-5) << "after a second nothing of the end is left";
}

TEST(DreamFilm, ALoopKeepsItsContrastWhileItIsMixed) {
    DreamFilmOptions options = film_of(2, "8");
    options.loop = true;
    options.zoom = 1;
    const DreamFilm film(kFrame, quick(), options);
    const auto key = [&](std::int64_t number) {  // two dreams that have nothing in common
        return test::formula_image(kFrame.height, kFrame.width, number < 10 ? "early" : "late")
            .squeeze(0)
            .roll(number < 10 ? 0 : 17, 2);
    };
    const double early = film.frame(8, key).std().item<double>();
    for (std::int64_t frame = 0; frame < 8; ++frame) {
        EXPECT_NEAR(film.frame(frame, key).std().item<double>(), early, 0.05 * early) << frame;
    }
}

TEST(DreamFilm, FramesAreTheSameWithAnyNumberOfThreads) {
    DreamFilmOptions options = film_of(2, "8");
    options.loop = true;
    options.rotate = 10;
    const DreamFilm film(kFrame, quick(), options);
    const auto key = [&](std::int64_t number) {
        return test::formula_image(film.key_size().height, film.key_size().width, "key " + std::to_string(number))
            .squeeze(0);
    };
    const auto with = [&](int threads) {
        const ThreadShare share(threads);
        return film.frame(3, key);
    };
    EXPECT_TRUE(with(1).equal(with(7)));
}

TEST(DreamFilm, EachDreamHasTheFirstOnesMeanAndContrast) {
    DreamFilmOptions options = film_of(2);
    options.zoom = 1.3;
    const DreamFilm film(kFrame, quick(), options);
    const Tensor first = film.first_key(photo(kFrame.height, kFrame.width), lite0()).image;
    EXPECT_EQ(size_of(first), film.key_size());
    const Tones tones = tones_of(first, kFrame);
    Tensor key = first;
    for (std::int64_t number = 1; number <= 4; ++number) {
        const Tensor before = key;
        key = film.next_key(number, before, first, {}, lite0()).image;
        EXPECT_GT((key - before).abs().max().item<double>(), 0.02) << "it goes on";
        EXPECT_GE(key.min().item<double>(), 0.0);
        EXPECT_LE(key.max().item<double>(), 1.0);
        const Tones now = tones_of(key, kFrame);
        for (std::size_t c = 0; c < 3; ++c) {
            EXPECT_NEAR(now.mean[c], tones.mean[c], 0.005 * tones.mean[c]);
            EXPECT_NEAR(now.deviation[c], tones.deviation[c], 0.01 * tones.deviation[c]);
        }
    }
    EXPECT_TRUE(
        film.next_key(4, first, first, {}, lite0()).image.equal(film.next_key(4, first, first, {}, lite0()).image));
}

TEST(DreamFilm, BetweenTwoDreamsNoSharpnessIsLost) {
    DreamFilmOptions options = film_of(2, "24");
    options.zoom = 1;
    const DreamFilm film(kFrame, quick(), options);
    const auto noise = [](const std::string& name) {
        return test::formula_image(kFrame.height, kFrame.width, name).squeeze(0).clamp(0.2, 0.8);
    };
    const auto key = [&](std::int64_t number) {  // a half of what each shows is its own
        return noise("shared").add(noise("key " + std::to_string(number))).mul(0.5);
    };
    const double sharp = detail_of(film.frame(4, key), kFrame);
    for (std::int64_t frame = 5; frame < 8; ++frame) {
        EXPECT_NEAR(detail_of(film.frame(frame, key), kFrame), sharp, 0.03 * sharp) << frame;
    }
}

TEST(DreamFilm, WhatIsLaterIsDreamtAsADreamAndNotAsAPhoto) {
    DreamOptions dream = quick();
    dream.calm = 0.7;
    dream.detail = 0.2;
    DreamFilmOptions options = film_of(2);
    options.octaves = 2;
    options.steps = 5;
    const DreamFilm film(kFrame, dream, options);
    EXPECT_EQ(film.options_of(0).calm, 0.7);
    EXPECT_EQ(film.options_of(0).octaves, 1);
    EXPECT_EQ(film.options_of(1).calm, 0.0);
    EXPECT_EQ(film.options_of(1).detail, 1.0);
    EXPECT_EQ(film.options_of(1).octaves, 2);
    EXPECT_EQ(film.options_of(1).steps, 5);
    EXPECT_EQ(film.options_of(1).focus, 0.25 * film.options_of(0).focus);
    EXPECT_EQ(film.options_of(1).seed, film.options_of(9).seed) << "another jitter each time would flicker";
}

TEST(DreamFilm, FramesOfAPartEndAtItsLastDream) {
    const DreamFilm film(kFrame, quick(), film_of(2, "24"));
    EXPECT_EQ(film.frames_within(1), 1);
    EXPECT_EQ(film.frames_within(2), 5);
    EXPECT_EQ(film.frames_within(film.key_dreams()), film.frames());
}

TEST(DreamFilmOptions, LayersFadeIntoEachOther) {
    DreamFilmOptions film = film_of(10);
    const auto row = std::ranges::find(dream_film_option_table(), "layers-path", &OptionRow<DreamFilmOptions>::name);
    set_option(film, *row, {"block3@2", "block5=0.5@2", "block3=3@4", "block9:7@0.5", "0.25=2@6"});
    EXPECT_THAT(row->field.texts(film), ElementsAre("block3@2", "block5=0.5@2", "block3=3@4", "block9:7@0.5,0.25=2@6"));
    const auto texts = [&](double at) {
        std::vector<std::string> said;
        for (const DreamTarget& target : layers_at(film, {}, at)) {
            said.push_back(dream_target_text(target));
        }
        return said;
    };
    EXPECT_THAT(texts(0), ElementsAre("block3", "block5=0.5"));
    EXPECT_THAT(texts(3), ElementsAre("block3=2", "block5=0.25"));
    EXPECT_THAT(texts(4), ElementsAre("block3=3"));
    EXPECT_THAT(texts(5), ElementsAre("block3=1.5", "block9:7@0.5,0.25"));
    EXPECT_THAT(texts(99), ElementsAre("block9:7@0.5,0.25=2"));
    EXPECT_EQ(layer_mixes(film, {}).size(), 2U);
    EXPECT_EQ(layers_at(film_of(3), {{"block2", 1.0}}, 2), (std::vector<DreamTarget>{{"block2", 1.0}}));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { set_option(film, *row, {"block3"}); }),
                HasSubstr("block9.expand@5"));
}

TEST(DreamFilmOptions, RatesAreFractions) {
    const auto text = [](const std::string& typed) {
        Rational rate;
        return parse_value(typed, rate) ? value_text(rate) : "none";
    };
    EXPECT_EQ(text("24"), "24");
    EXPECT_EQ(text("23.976"), "2997/125");
    EXPECT_EQ(text("30000/1001"), "30000/1001");
    EXPECT_EQ(text("50/2"), "25");
    for (const char* bad : {"", "0", "-5", "1/0", "0/3", "a", "24/", "/2", "1/2/3", "nan", "1e300"}) {
        EXPECT_EQ(text(bad), "none") << bad;
    }
}

TEST(DreamFilmOptions, WhatDoesNotFitIsRefused) {
    const auto refused = [](const std::function<void(DreamFilmOptions&)>& change) {
        DreamFilmOptions film = film_of(4);
        change(film);
        return expect_error(ErrorKind::Usage, [&] { validate(film); });
    };
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.seconds = 0; }), HasSubstr("--film"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.fps = {101, 1}; }), HasSubstr("--fps"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.zoom = 0; }), HasSubstr("--zoom"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.zoom = 20; }), HasSubstr("raise --dreams-per-second to 8"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.rotate = -360; }), HasSubstr("raise --dreams-per-second to 12"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.pan = {0, 3}; }), HasSubstr("raise --dreams-per-second to 12"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.ease = 2.1; }), HasSubstr("--ease"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.ease = 1, f.loop = true; }), HasSubstr("--loop"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.seconds = 0.5, f.loop = true; }), HasSubstr("--loop"));
    EXPECT_THAT(refused([](DreamFilmOptions& f) { f.layers = {{{"block3", 0.0}, 1}}; }), HasSubstr("--layers-path"));
    DreamOptions spectrum = quick();
    spectrum.strength = 0.5;
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { DreamFilm(kFrame, spectrum, film_of(2)); }),
                HasSubstr("--strength"));
    set_parameterization(DreamParameterization::Fourier, spectrum = quick());
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { DreamFilm(kFrame, spectrum, film_of(2)); }),
                HasSubstr("--parameterization"));
    const DreamFilm film(kFrame, quick(), film_of(2));
    expect_error(ErrorKind::Usage, [&] { film.first_key(photo(40, 50), lite0()); });
    expect_error(ErrorKind::Usage, [&] { film.next_key(1, photo(40, 50), photo(40, 50), {}, lite0()); });
}

TEST(FilmTones, DetailReturnsOnlyWhereMovingTookIt) {
    const Tensor picture = at::rand({3, 61, 81}) * 0.5 + 0.25;
    Tensor returned = picture.clone();
    return_detail_(returned, Size{61, 81}, 1.0, 1.08, {.factor = 1.0});
    EXPECT_TRUE(at::equal(returned, picture));  // nothing moved
    return_detail_(returned, Size{61, 81}, 1.0, 1.08, {.factor = 0.95});
    const Tensor change = (returned - picture).abs().mean(0);
    EXPECT_EQ(change[30][40].item<float>(), 0.0F);  // the middle of the flight
    EXPECT_GT(change[5][5].item<float>(), 0.0F);

    // Stripes of one pixel that stand still across the flight's middle, and move beside it.
    const Tensor stripes = (at::arange(81).remainder(2).to(at::kFloat) * 0.5 + 0.25).expand({3, 61, 81}).contiguous();
    Tensor again = stripes.clone();
    for (int i = 0; i < 20; ++i) {
        return_detail_(again, Size{61, 81}, 1.0, 1.08, {.factor = 0.95});
    }
    EXPECT_EQ((again - stripes).abs().select(2, 40).max().item<float>(), 0.0F);
    EXPECT_GT((again - stripes).abs().select(2, 10).max().item<float>(), 0.2F);
}

}  // namespace
}  // namespace reverie
