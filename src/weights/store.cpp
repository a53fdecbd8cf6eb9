#include "reverie/weights/store.h"

#include <algorithm>
#include <utility>

#include "hash_stamps.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/weights/download.h"
#include "reverie/weights/sha256.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

HashStamps stamps_of(const StoreLocations& locations) { return HashStamps(locations.download_folder / ".stamps"); }

std::vector<std::filesystem::path> search_folders(const StoreLocations& locations) {
    std::vector<std::filesystem::path> folders;
    for (const std::filesystem::path& folder : locations.folders) {
        if (!folder.empty()) {
            folders.push_back(folder);
        }
    }
    if (!locations.download_folder.empty() && std::ranges::find(folders, locations.download_folder) == folders.end()) {
        folders.push_back(locations.download_folder);
    }
    return folders;
}

/// "; looked for in 'a' and 'b'".
std::string where_looked(const StoreLocations& locations) {
    std::vector<std::string> places;
    for (const std::filesystem::path& folder : search_folders(locations)) {
        if (std::string place = quoted(folder); std::ranges::find(places, place) == places.end()) {
            places.push_back(std::move(place));
        }
    }
    if (!locations.torch_hub.empty()) {
        places.push_back(quoted(locations.torch_hub));
    }
    return places.empty() ? "" : " (looked for in " + join(places) + ")";
}

bool is_file(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

std::int64_t size_of(const std::filesystem::path& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return error ? -1 : static_cast<std::int64_t>(size);
}

/// What an unusual way of saying it means, or a sentence about why it means nothing.
std::string require_preprocessing(ErrorKind kind, const std::string& word, const std::string& architecture,
                                  const std::string& where) {
    const std::optional<std::string> id = concrete_preprocessing(word, architecture);
    if (!id) {
        throw Error(kind, where + " '" + word + "' has no meaning for the architecture " + architecture +
                              "; pass {--preprocessing} torchvision, caffe or keras" +
                              (word == "keras" ? " (Keras has no such network)" : ""));
    }
    return *id;
}

}  // namespace

WeightStore::WeightStore(StoreLocations locations)
    : locations_(std::move(locations)), catalogue_(read_catalogue(locations_.catalogue)) {}

std::vector<InstalledNetwork> WeightStore::networks() const {
    std::vector<InstalledNetwork> all;
    for (const CatalogueEntry& entry : catalogue_) {
        all.push_back(look_for(entry));
    }
    return all;
}

std::optional<std::filesystem::path> WeightStore::installed(const std::string& network) const {
    InstalledNetwork found = look_for(entry_of(network));
    return found.file.empty() ? std::nullopt : std::optional(std::move(found.file));
}

NetworkWeights WeightStore::resolve(const std::string& network, const Hooks& hooks) const {
    const CatalogueEntry& entry = entry_of(network);
    InstalledNetwork found = look_for(entry);
    if (found.file.empty() && !found.problem.empty()) {
        throw Error(ErrorKind::Weights, found.problem);
    }
    if (found.file.empty() && entry.url.empty()) {
        throw Error(ErrorKind::Weights, "the weights of " + network + " ('" + entry.file + "') are not installed" +
                                            where_looked(locations_) + "; " + entry.obtain +
                                            ", or pass a file with {--weights} FILE");
    }
    if (found.file.empty()) {
        found.file = locations_.download_folder / entry.file;
        const std::string hash = download({.url = entry.url,
                                           .destination = found.file,
                                           .sha256 = entry.sha256,
                                           .bytes = entry.bytes,
                                           .label = network},
                                          hooks);
        stamps_of(locations_).remember(found.file, hash);
    }
    return {network, entry.architecture, entry.preprocessing, std::move(found.file)};
}

NetworkWeights WeightStore::resolve_first(const std::vector<std::string>& choices, const Hooks& hooks) const {
    std::vector<std::string> ways;
    for (const std::string& network : choices) {
        const CatalogueEntry& entry = entry_of(network);
        InstalledNetwork found = look_for(entry);
        if (!found.file.empty()) {
            return {network, entry.architecture, entry.preprocessing, std::move(found.file)};
        }
        if (!found.problem.empty()) {
            hooks.warn(found.problem);
        }
        ways.push_back(
            entry.url.empty()
                ? "for " + network + " " + entry.obtain
                : "pass {--network} " + network + " to download it" +
                      (entry.bytes > 0 ? " (" + human_bytes(static_cast<std::uint64_t>(entry.bytes)) + ")" : ""));
    }
    throw Error(ErrorKind::Weights, "no weights of " + join(choices, ", ", " or ") + " are installed" +
                                        where_looked(locations_) + "; " + join(ways, ", ", ", or "));
}

NetworkWeights WeightStore::resolve_file(const std::string& network, const std::filesystem::path& file,
                                         const std::string& preprocessing) const {
    const CatalogueEntry& entry = entry_of(network);
    if (!is_file(file)) {
        throw Error(ErrorKind::Weights,
                    "{--weights} " + quoted(file) + " is not a file; pass the path of a .pth or .safetensors file");
    }
    NetworkWeights weights{network, entry.architecture, entry.preprocessing, file};
    if (!preprocessing.empty()) {
        weights.preprocessing =
            require_preprocessing(ErrorKind::Usage, preprocessing, entry.architecture, "{--preprocessing}");
        return weights;
    }
    const std::int64_t size = size_of(file);
    for (const CatalogueEntry& known : catalogue_) {
        const bool may_be_it = !known.sha256.empty() && (known.bytes == 0 || known.bytes == size);
        if (may_be_it && sha256_matches(stamps_of(locations_).sha256(file), known.sha256)) {
            weights.preprocessing = known.preprocessing;
            return weights;
        }
    }
    const StateDict arrays = read_state_dict(file);
    if (const auto note = arrays.metadata().find("preprocessing"); note != arrays.metadata().end()) {
        weights.preprocessing = require_preprocessing(ErrorKind::Weights, note->second, entry.architecture,
                                                      quoted(file) + ": its preprocessing");
    }
    return weights;
}

const CatalogueEntry& WeightStore::entry_of(const std::string& network) const {
    const auto entry = std::ranges::find(catalogue_, network, &CatalogueEntry::name);
    if (entry == catalogue_.end()) {
        std::vector<std::string> names;
        for (const CatalogueEntry& known : catalogue_) {
            names.push_back(known.name);
        }
        std::string hint = did_you_mean(network, names);
        if (hint.empty()) {
            hint = "; known are " + join(names);
        }
        throw Error(ErrorKind::Usage, "{--network} '" + network + "' is not in the catalogue" + hint);
    }
    return *entry;
}

InstalledNetwork WeightStore::look_for(const CatalogueEntry& entry) const {
    InstalledNetwork found{.entry = entry, .file = {}, .problem = {}};
    for (const std::filesystem::path& folder : search_folders(locations_)) {
        std::filesystem::path file = folder / entry.file;
        if (!is_file(file)) {
            continue;
        }
        std::string fault = fault_of(entry, file);
        if (fault.empty()) {
            return {.entry = entry, .file = std::move(file), .problem = {}};
        }
        if (found.problem.empty()) {
            found.problem = std::move(fault);
        }
    }
    // Not ours: a file of the right name that is another one is no fault there.
    std::filesystem::path file = locations_.torch_hub / entry.file;
    if (!locations_.torch_hub.empty() && !entry.sha256.empty() && is_file(file) && fault_of(entry, file).empty()) {
        return {.entry = entry, .file = std::move(file), .problem = {}};
    }
    return found;
}

std::string WeightStore::fault_of(const CatalogueEntry& entry, const std::filesystem::path& file) const {
    const std::string remedy =
        ": it is damaged or another file; remove it, then " +
        (entry.url.empty() ? entry.obtain : "run again with {--network} " + entry.name + " to download it");
    if (const std::int64_t size = size_of(file); entry.bytes > 0 && size != entry.bytes) {
        return quoted(file) + " has " + std::to_string(size) + " bytes where " + entry.name + " has " +
               std::to_string(entry.bytes) + remedy;
    }
    if (entry.sha256.empty()) {
        return "";
    }
    try {
        const std::string hash = stamps_of(locations_).sha256(file);
        return sha256_matches(hash, entry.sha256)
                   ? ""
                   : quoted(file) + " has the SHA-256 " + hash + " where " + entry.name + " has " + entry.sha256 +
                         (entry.sha256.size() < 64 ? "..." : "") + remedy;
    } catch (const Error& error) {
        return error.sentence();
    }
}

}  // namespace reverie
