#include <gtest/gtest.h>

#include "reverie/models/vae.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;

std::string refusal(const VaeNetOptions& options) {
    return expect_error(ErrorKind::Usage, [&] { validate(options); });
}

TEST(VaeNetOptions, RefuseWhatNoNetCanDo) {
    EXPECT_NE(refusal({.size = {64, 15}}).find("--size: the width is 15"), std::string::npos);
    EXPECT_NE(refusal({.size = {5000, 64}}).find("--size: the height is 5000"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .channels = 2}).find("--channels is 2"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .latent = -1}).find("--latent is -1"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 30}, .latent_grid = 16}).find("--latent-grid is 16"), std::string::npos);
    EXPECT_NE(refusal({.size = {64, 64}, .blocks = -2}).find("--blocks"), std::string::npos);
}

TEST(VaeNetOptions, RefusePublishedNetsOfAnotherShape) {
    const std::string size = refusal({.kind = VaeNetKind::Pytorch, .size = {32, 28}, .channels = 1});
    EXPECT_NE(size.find("--preset pytorch is a net for grey images of 28x28"), std::string::npos) << size;
    EXPECT_NE(size.find("28x32"), std::string::npos) << size;
    refusal({.kind = VaeNetKind::Antixk, .size = {64, 64}, .channels = 1});
    const std::string blocks = refusal({.kind = VaeNetKind::Chollet, .size = {28, 28}, .channels = 1, .blocks = 2});
    EXPECT_NE(blocks.find("--blocks"), std::string::npos) << blocks;
    validate(VaeNetOptions{.kind = VaeNetKind::Chollet, .size = {28, 28}, .channels = 1, .latent = 5});
}

TEST(VaeNetOptions, SurviveTheirNotes) {
    const VaeNetOptions all[] = {
        {.size = {40, 56},
         .channels = 4,
         .latent = 9,
         .latent_grid = 5,
         .width = 12,
         .blocks = 3,
         .classes = 7,
         .logits = false},
        {.kind = VaeNetKind::Chollet, .size = {28, 28}, .channels = 1},
    };
    for (const VaeNetOptions& options : all) {
        const VaeNetOptions wanted = resolved(options);
        const VaeNetOptions found = vae_net_options(to_metadata(options));
        EXPECT_EQ(found.kind, wanted.kind);
        EXPECT_EQ(found.size, wanted.size);
        EXPECT_EQ(found.channels, wanted.channels);
        EXPECT_EQ(found.latent, wanted.latent);
        EXPECT_EQ(found.latent_grid, wanted.latent_grid);
        EXPECT_EQ(found.width, wanted.width);
        EXPECT_EQ(found.blocks, wanted.blocks);
        EXPECT_EQ(found.classes, wanted.classes);
        EXPECT_EQ(found.logits, wanted.logits);
    }
    EXPECT_EQ(resolved({.kind = VaeNetKind::Chollet}).latent, 2);
}

TEST(VaeNetOptions, NotesOfSomethingElseAreRefused) {
    const auto refused = [](std::map<std::string, std::string> notes) {
        return expect_error(ErrorKind::Input, [&] { vae_net_options(notes); });
    };
    EXPECT_NE(refused({}).find("no net"), std::string::npos);
    EXPECT_NE(refused({{"net", "dcgan"}}).find("'dcgan'"), std::string::npos);
    auto notes = to_metadata(VaeNetOptions{.size = {32, 32}});
    notes["latent"] = "12x";
    EXPECT_NE(refused(notes).find("'latent'"), std::string::npos);
    notes["latent"] = "12";
    notes["width"] = "7";
    EXPECT_NE(refused(notes).find("cannot be"), std::string::npos);
}

}  // namespace
}  // namespace reverie
