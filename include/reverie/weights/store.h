// From a network's name, or a file handed in, to verified weights.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/weights/catalogue.h"

namespace reverie {

/// Where weights are looked for.
struct StoreLocations {
    std::filesystem::path catalogue;             ///< models/catalogue.json
    std::vector<std::filesystem::path> folders;  ///< in order: the first that has a file gives it
    std::filesystem::path torch_hub;  ///< ~/.cache/torch/hub/checkpoints: only the right file (by hash) is taken
    std::filesystem::path
        download_folder;  ///< never empty: where a fetched file goes, and the stamps; looked into last
};

/// A user's own folders, as environment variables and habits of the system name them.
struct UserFolders {
    std::filesystem::path data;                      ///< $XDG_DATA_HOME, else ~/.local/share
    std::filesystem::path torch;                     ///< $TORCH_HOME, else ~/.cache/torch
    std::vector<std::filesystem::path> models = {};  ///< $REVERIE_MODELS: looked into first, the first fetched to
};

/// Where the programs look: `user.models`, reverie/models in `user.data`, the folder `installed` of models that came
/// with the programs (with the catalogue, unless one of `user.models` has its own; empty: share/reverie/models where
/// this library is installed), and LibTorch's hub cache.
StoreLocations default_locations(const UserFolders& user, std::filesystem::path installed = {});

/// Of a user with this home folder and no environment variables.
StoreLocations default_locations(const std::filesystem::path& home);

/// Weights ready to be read.
struct NetworkWeights {
    std::string network;  ///< the catalogue's name
    std::string architecture;
    std::string preprocessing;  ///< one of preprocessing_ids()
    std::filesystem::path file;
};

struct InstalledNetwork {
    CatalogueEntry entry;
    std::filesystem::path file;  ///< empty: not installed
    std::string problem;         ///< a sentence about a damaged file that was found instead; empty: none
};

/// Finds, checks and fetches weights. A file is hashed once, when it arrives or is first seen: a stamp in the download
/// folder (in `.stamps`) remembers its size, time and hash, and later starts check size and time only.
class WeightStore {
  public:
    explicit WeightStore(StoreLocations locations);  ///< throws Weights when the catalogue cannot be read

    std::vector<InstalledNetwork> networks() const;  ///< all of the catalogue, in its order
    std::optional<std::filesystem::path> installed(const std::string& network) const;  ///< looks, never downloads

    /// The file for a network's name; downloaded when missing. Throws Usage for an unknown name (nearest suggested),
    /// Weights when it is missing and cannot be fetched (says how to get it), or damaged (says which file to remove);
    /// and what download() throws.
    NetworkWeights resolve(const std::string& network, const Hooks& hooks = {}) const;

    /// The first installed of `choices`; a damaged one is skipped with a warning. Throws Weights, saying how to get
    /// one, when none is.
    NetworkWeights resolve_first(const std::vector<std::string>& choices, const Hooks& hooks = {}) const;

    /// A file handed in with --weights for the named network: preprocessing from `preprocessing` (a word that
    /// concrete_preprocessing() knows) when not empty, else by the file's hash from the catalogue, else by its own
    /// metadata, else the network's usual. Throws Usage for a word without a meaning, Weights for a file that is none.
    NetworkWeights resolve_file(const std::string& network, const std::filesystem::path& file,
                                const std::string& preprocessing = "") const;

  private:
    const CatalogueEntry& entry_of(const std::string& network) const;
    InstalledNetwork look_for(const CatalogueEntry& entry) const;
    std::string fault_of(const CatalogueEntry& entry, const std::filesystem::path& file) const;

    StoreLocations locations_;
    std::vector<CatalogueEntry> catalogue_;
};

}  // namespace reverie
