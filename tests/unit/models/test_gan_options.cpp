#include <gtest/gtest.h>

#include "reverie/models/gan.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;

std::string refusal(const GanNetOptions& options) {
    return expect_error(ErrorKind::Usage, [&] { validate(options); });
}

TEST(GanNetOptions, RefuseWhatNoNetCanDo) {
    EXPECT_NE(refusal({.size = {64, 15}}).find("--size: the width is 15"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .channels = 2}).find("--channels is 2"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .latent = -1}).find("--latent is -1"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .generator_width = -1}).find("--width is -1"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .discriminator_width = 5000}).find("--width is 5000"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 32}, .attention = 33}).find("--attention is 33"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .classes = -1}).find("classes is -1"), std::string::npos);
}

TEST(GanNetOptions, RefusePublishedNetsForOtherImages) {
    const std::string text = refusal({.kind = GanNetKind::PytorchCpp, .size = {32, 28}, .channels = 1});
    EXPECT_NE(text.find("--preset pytorch-cpp is a net for grey images of 28x28"), std::string::npos) << text;
    EXPECT_NE(text.find("grey ones of 28x32"), std::string::npos) << text;
    EXPECT_NE(text.find("--size 28x28 --channels 1"), std::string::npos) << text;
    refusal({.kind = GanNetKind::PytorchCpp, .size = {28, 28}, .channels = 3});
    refusal({.kind = GanNetKind::Chollet2, .size = {32, 32}});
    refusal({.kind = GanNetKind::Chollet2, .size = {64, 64}, .channels = 1});
    refusal({.kind = GanNetKind::Chollet1, .size = {64, 64}});
    refusal({.kind = GanNetKind::Pytorch, .size = {128, 128}});
    refusal({.kind = GanNetKind::Pytorch, .size = {64, 64}, .channels = 4});
    refusal({.kind = GanNetKind::KobaJon, .size = {96, 96}});
    refusal({.kind = GanNetKind::KobaJon, .size = {32, 32}});
    refusal({.kind = GanNetKind::KobaJon, .size = {64, 128}});
    for (const std::int64_t channels : {1, 3, 4}) {
        validate(GanNetOptions{.kind = GanNetKind::KobaJon, .size = {512, 512}, .channels = channels});
    }
    validate(GanNetOptions{.kind = GanNetKind::Pytorch, .size = {32, 32}, .channels = 1});
}

TEST(GanNetOptions, RefuseToChangePublishedNets) {
    const GanNetOptions pytorch = {.kind = GanNetKind::Pytorch, .size = {64, 64}};
    const auto changed = [&](const auto& change) {
        GanNetOptions options = pytorch;
        change(options);
        return refusal(options);
    };
    EXPECT_NE(changed([](auto& o) { o.classes = 3; }).find("--conditional"), std::string::npos);
    EXPECT_NE(changed([](auto& o) { o.attention = 8; }).find("--attention"), std::string::npos);
    EXPECT_NE(changed([](auto& o) { o.minibatch_deviation = true; }).find("--minibatch-std"), std::string::npos);
    const std::string width = refusal({.kind = GanNetKind::Chollet2, .size = {64, 64}, .discriminator_width = 8});
    EXPECT_NE(width.find("--width changes the net, and --preset chollet2e"), std::string::npos) << width;
    validate(GanNetOptions{
        .kind = GanNetKind::Pytorch, .size = {64, 64}, .latent = 7, .generator_width = 8, .discriminator_width = 9});
}

TEST(GanNetOptions, FillInTheirOwnChoices) {
    const GanNetOptions ours = resolved({.size = {32, 32}});
    EXPECT_GT(ours.latent, 0);
    EXPECT_GT(ours.generator_width, 0);
    EXPECT_GT(ours.discriminator_width, 0);
    EXPECT_TRUE(ours.spectral_norm);
    const GanNetOptions koba = resolved({.kind = GanNetKind::KobaJon, .size = {64, 64}, .generator_width = 16});
    EXPECT_EQ(koba.latent, 512);
    EXPECT_EQ(koba.generator_width, 16);
    EXPECT_EQ(koba.discriminator_width, 64);
    EXPECT_FALSE(koba.spectral_norm);
    const GanNetOptions projected = resolved(
        {.size = {64, 64}, .generator = GanGeneratorKind::Fastgan, .discriminator = GanDiscriminatorKind::Projected});
    EXPECT_EQ(projected.latent, 256);
    EXPECT_EQ(projected.projected_side, 64);
    for (const auto& [side, shown] : {std::pair{16, 64}, {64, 64}, {100, 96}, {128, 128}, {256, 224}}) {
        EXPECT_EQ(resolved({.size = {side, side}, .discriminator = GanDiscriminatorKind::Projected}).projected_side,
                  shown);
    }
    EXPECT_EQ(resolved({.kind = GanNetKind::Pytorch, .size = {64, 64}}).latent, 100);
    EXPECT_EQ(resolved({.kind = GanNetKind::PytorchCpp, .size = {28, 28}}).latent, 100);
    EXPECT_EQ(resolved({.kind = GanNetKind::Chollet2, .size = {64, 64}}).latent, 128);
    EXPECT_EQ(resolved({.kind = GanNetKind::Chollet1, .size = {32, 32}}).latent, 32);
}

TEST(GanNetOptions, SurviveTheirNotes) {
    const GanNetOptions all[] = {
        {.size = {40, 56},
         .channels = 4,
         .latent = 9,
         .generator_width = 12,
         .discriminator_width = 14,
         .classes = 7,
         .spectral_norm = false,
         .attention = 16,
         .minibatch_deviation = true},
        {.size = {16, 90}},
        {.size = {33, 90},
         .generator = GanGeneratorKind::Fastgan,
         .discriminator = GanDiscriminatorKind::Projected,
         .projected_side = 96,
         .pixel_branch = true},
        {.kind = GanNetKind::Chollet2, .size = {64, 64}},
        {.kind = GanNetKind::Chollet1, .size = {32, 32}},
        {.kind = GanNetKind::Pytorch, .size = {32, 32}, .channels = 1, .generator_width = 8},
        {.kind = GanNetKind::PytorchCpp, .size = {28, 28}, .channels = 1},
        {.kind = GanNetKind::KobaJon, .size = {128, 128}, .channels = 4},
    };
    for (const GanNetOptions& options : all) {
        const GanNetOptions wanted = resolved(options);
        const GanNetOptions found = gan_net_options(to_metadata(options));
        EXPECT_EQ(found.kind, wanted.kind);
        EXPECT_EQ(found.size, wanted.size);
        EXPECT_EQ(found.channels, wanted.channels);
        EXPECT_EQ(found.latent, wanted.latent);
        EXPECT_EQ(found.generator_width, wanted.generator_width);
        EXPECT_EQ(found.discriminator_width, wanted.discriminator_width);
        EXPECT_EQ(found.classes, wanted.classes);
        EXPECT_EQ(found.spectral_norm, wanted.spectral_norm);
        EXPECT_EQ(found.attention, wanted.attention);
        EXPECT_EQ(found.minibatch_deviation, wanted.minibatch_deviation);
        EXPECT_EQ(found.generator, wanted.generator);
        EXPECT_EQ(found.discriminator, wanted.discriminator);
        EXPECT_EQ(found.projected_side, wanted.projected_side);
        EXPECT_EQ(found.pixel_branch, wanted.pixel_branch);
    }
}

TEST(GanNetOptions, NotesOfSomethingElseAreRefused) {
    const auto refused = [](const std::map<std::string, std::string>& notes) {
        return expect_error(ErrorKind::Input, [&] { gan_net_options(notes); });
    };
    EXPECT_NE(refused({}).find("no net"), std::string::npos);
    EXPECT_NE(refused({{"net", "residual"}}).find("'residual'"), std::string::npos);
    EXPECT_NE(refused({{"net", "residual"}}).find("`gan train`"), std::string::npos);
    const auto good = to_metadata(GanNetOptions{.size = {32, 32}, .discriminator = GanDiscriminatorKind::Projected});
    for (const auto& [key, value] : good) {
        auto notes = good;
        notes.erase(key);
        if (key != "generator" && key != "discriminator") {  // which files of earlier versions lack
            EXPECT_NE(refused(notes).find(key), std::string::npos) << key;
        }
        notes[key] = value + "x";
        EXPECT_NE(refused(notes).find(key), std::string::npos) << key;
    }
    auto notes = good;
    notes["width"] = "7";
    EXPECT_NE(refused(notes).find("cannot be"), std::string::npos);
}

TEST(GanNetOptions, NotesOfEarlierVersionsSayNothingOfGenerators) {
    std::map<std::string, std::string> notes = to_metadata({.size = {40, 56}});
    notes.erase("generator");
    notes.erase("discriminator");
    EXPECT_EQ(gan_net_options(notes).generator, GanGeneratorKind::Dcgan);
    notes["generator"] = "stylegan";
    const std::string sentence = test::expect_error(ErrorKind::Input, [&] { gan_net_options(notes); });
    EXPECT_NE(sentence.find("the generator 'stylegan'"), std::string::npos) << sentence;
}

}  // namespace
}  // namespace reverie
