#include "reverie/weights/catalogue.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using nlohmann::json;

bool is_hash_or_prefix(const std::string& text) {
    return text.empty() ||
           (text.size() >= 8 && text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos);
}

bool is_http(const std::string& url) { return url.starts_with("https://") || url.starts_with("http://"); }

/// What is wrong with an entry; empty: nothing.
std::string fault_of(const CatalogueEntry& entry) {
    if (entry.name.empty() || entry.architecture.empty() || entry.licence.empty()) {
        return "lacks a name, an architecture or a licence";
    }
    if (entry.file.empty() || std::filesystem::path(entry.file).filename() != entry.file) {
        return "has the file '" + entry.file + "' where a bare file name is wanted";
    }
    if (std::ranges::find(preprocessing_ids(), entry.preprocessing) == preprocessing_ids().end()) {
        return "has the preprocessing '" + entry.preprocessing + "' where " + join(preprocessing_ids(), ", ", " or ") +
               " is wanted";
    }
    if (!entry.url.empty() && !is_http(entry.url)) {
        return "has the url '" + entry.url + "' where http:// or https:// is wanted";
    }
    if (entry.url.empty() && (entry.package.empty() || entry.obtain.empty())) {
        return "has neither a url nor a package with the way to obtain it";
    }
    if (!is_hash_or_prefix(entry.sha256)) {
        return "has the sha256 '" + entry.sha256 + "' where 8 to 64 lower-case hexadecimal digits are wanted";
    }
    if (entry.bytes < 0) {
        return "has a negative number of bytes";
    }
    return "";
}

/// The first key that no field has, most likely a slip of the pen; empty: none.
std::string unknown_key(const json& object) {
    static const std::set<std::string> kKnown = {"name",  "architecture", "preprocessing", "file",
                                                 "url",   "package",      "obtain",        "sha256",
                                                 "bytes", "licence",      "description"};
    for (const auto& [key, value] : object.items()) {
        if (!kKnown.contains(key)) {
            return key;
        }
    }
    return "";
}

CatalogueEntry read_entry(const json& object) {
    const auto text = [&](const char* key) { return object.value(key, std::string()); };
    return {.name = text("name"),
            .architecture = text("architecture"),
            .preprocessing = text("preprocessing"),
            .file = text("file"),
            .url = text("url"),
            .package = text("package"),
            .obtain = text("obtain"),
            .sha256 = text("sha256"),
            .bytes = object.contains("bytes") ? whole_number_of(object["bytes"]) : 0,
            .licence = text("licence"),
            .description = text("description")};
}

}  // namespace

std::vector<CatalogueEntry> read_catalogue(const std::filesystem::path& path) {
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorKind::Weights, "the catalogue of networks '" + path.string() + "' " + what +
                                            "; restore models/catalogue.json from the release");
    };
    const std::vector<std::byte> bytes = read_file(path, ErrorKind::Weights);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const json document = json::parse(text, text + bytes.size(), nullptr, /*allow_exceptions=*/false);
    if (!document.is_object() || !document.contains("networks") || !document["networks"].is_array()) {
        refuse("is not a JSON object with a list 'networks'");
    }
    std::vector<CatalogueEntry> entries;
    std::set<std::string> names;
    const auto refuse_entry = [&](const std::string& what) {
        refuse("has an entry " + std::to_string(entries.size()) + " ('" + entries.back().name + "') that " + what);
    };
    for (const json& object : document["networks"]) {
        entries.emplace_back();
        try {
            entries.back() = read_entry(object);
        } catch (const json::exception& error) {
            refuse_entry(std::string("has a value of the wrong type (") + error.what() + ")");
        }
        if (const std::string key = unknown_key(object); !key.empty()) {
            refuse_entry("has the unknown key '" + key + "'");
        }
        if (const std::string fault = fault_of(entries.back()); !fault.empty()) {
            refuse_entry(fault);
        }
        if (!names.insert(entries.back().name).second) {
            refuse_entry("repeats the name of another");
        }
    }
    return entries;
}

const std::vector<std::string>& preprocessing_ids() {
    static const std::vector<std::string> kIds = {"torchvision", "inception", "caffe", "lite0"};
    return kIds;
}

std::optional<std::string> concrete_preprocessing(std::string_view word, std::string_view architecture) {
    const bool is_inception = architecture.starts_with("inception");
    if ((word == "torchvision" && (is_inception || architecture == "googlenet")) || (word == "keras" && is_inception)) {
        return "inception";  // torchvision's nets rescale their ImageNet-normalised input to this (transform_input)
    }
    if (architecture.starts_with("vgg") && word == "keras") {
        return "caffe";  // keras.applications carries the VGG group's own Caffe weights
    }
    const auto id = std::ranges::find(preprocessing_ids(), word);
    return id == preprocessing_ids().end() ? std::nullopt : std::optional(*id);
}

}  // namespace reverie
