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

/// GoogLeNet (Szegedy et al.: Going Deeper with Convolutions, 2014), with batch norm and 3x3 windows for the 5x5 ones
/// as torchvision has it, under torchvision's names.
void build_googlenet(Graph& graph);

/// ResNet of bottlenecks (He et al.: Deep Residual Learning, 2015) with the stride in the 3x3 windows, under
/// torchvision's names; `blocks` per layer: {3,4,6,3} is ResNet-50.
void build_resnet(Graph& graph, const std::vector<int>& blocks);

/// How much wider and deeper than Lite0.
struct EfficientNetScale {
    double width = 1.0, depth = 1.0;
};

/// EfficientNet-Lite (TensorFlow's mobile variant of Tan, Le: EfficientNet, 2019) under the names of its PyTorch port.
void build_efficientnet_lite(Graph& graph, const EfficientNetScale& scale);

}  // namespace reverie
