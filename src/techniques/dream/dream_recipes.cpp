#include "reverie/techniques/dream.h"

namespace reverie {

// Found by eye on landscapes, faces, animals, buildings and still lifes (docs/deepdream.md shows them). Where a net's
// weights were not to be had, its recipe is by analogy, and says so.
DreamOptions dream_recipe(const std::string& network) {
    DreamOptions recipe;
    const auto is = [&](const char* prefix) { return network.rfind(prefix, 0) == 0; };
    if (is("inception_v3")) {  // by analogy: the layers of Chollet's book, balanced; its smallest input is 75 pixels
        recipe.layers = {{"Mixed_6b", 1.0}, {"Mixed_6c", 1.0}, {"Mixed_6d", 1.0}, {"Mixed_6e", 0.7}};
        recipe.smallest = 150;
        recipe.octave_scale = 1.4;
    } else if (network ==
               "vgg16_hed") {  // edges first: its deep layers draw dots unless their quiet channels are raised
        recipe.layers = {{"relu3_3", 1.0}, {"relu4_2", 1.0}};
        recipe.channel_balance = 0.005;
        recipe.smallest = 90;
        recipe.octave_scale = 1.5;
        recipe.smooth = 1.2;
        recipe.laplacian = 3;
        recipe.band_ratio = 1.1;
    } else if (is("vgg")) {  // by analogy: a middle layer with deeper ones
        const std::string middle = is("vgg19") ? "relu4_4" : "relu4_3";
        recipe.layers = {{middle, 0.7}, {"relu5_1", 1.0}, {"relu5_3", 0.7}};
        recipe.octave_scale = 1.4;
        recipe.smooth = 1.0;
    } else {  // efficientnet_lite0: its expanded activations draw fur and whole animals, its narrow outputs only dots
        recipe.layers = {{"block9.expand", 1.0}, {"block11.expand", 1.0}, {"block13.expand", 0.7}};
    }
    return recipe;
}

}  // namespace reverie
