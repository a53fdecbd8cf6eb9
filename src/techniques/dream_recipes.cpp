#include <algorithm>

#include "reverie/techniques/dream.h"

namespace reverie {

DreamOptions dream_recipe(const std::string& network) {
    DreamOptions recipe;
    const auto is = [&](const char* prefix) { return network.rfind(prefix, 0) == 0; };
    if (is("inception_v3")) {
        recipe.layers = {{"Mixed_6b", 0.6}, {"Mixed_6c", 1.0}, {"Mixed_6d", 1.0}, {"Mixed_6e", 0.6}};
    } else if (network == "vgg16_hed") {
        recipe.layers = {{"relu4_3", 0.5}, {"relu5_1", 1.0}, {"relu5_2", 1.0}, {"relu5_3", 1.0}};
    } else if (is("vgg16")) {
        recipe.layers = {{"relu4_3", 0.7}, {"relu5_1", 1.0}, {"relu5_2", 1.0}};
    } else if (is("vgg19")) {
        recipe.layers = {{"relu4_4", 0.7}, {"relu5_1", 1.0}, {"relu5_2", 1.0}};
    } else {  // efficientnet_lite0: expanded activations, where single channels still mean things
        recipe.layers = {{"block9.expand", 1.0}, {"block11.expand", 1.0}, {"block13.expand", 0.7}};
    }
    return recipe;
}

}  // namespace reverie
