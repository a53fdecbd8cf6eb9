// Private: one builder per family of architectures. Each names its nodes' weights as the checkpoint does.
#pragma once

#include "reverie/nn/graph.h"

namespace reverie {

/// VGG's feature stack (Simonyan, Zisserman: Very Deep Convolutional Networks, 2014) under torchvision's names;
/// `convolutions` per block: {2,2,3,3,3} is VGG16, {2,2,4,4,4} VGG19.
void build_vgg(Graph& graph, const std::vector<int>& convolutions);

struct InceptionVariant {
    bool count_padding = true;    ///< average pools count the zeros beyond the border (torchvision does)
    bool max_pool_in_7c = false;  ///< the last block pools by maximum (the 2015 net that FID is defined on)
    std::int64_t classes = 1000;
};

/// InceptionV3 (Szegedy et al.: Rethinking the Inception Architecture, 2015) under torchvision's names.
void build_inception_v3(Graph& graph, const InceptionVariant& variant);

/// EfficientNet-Lite0 (TensorFlow's mobile variant of Tan, Le: EfficientNet, 2019) under the names of its PyTorch port.
void build_efficientnet_lite0(Graph& graph);

}  // namespace reverie
