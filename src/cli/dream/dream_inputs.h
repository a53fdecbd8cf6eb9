// The pictures a dream is told of besides its input, and what is not one dream: lists and sheets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/image/picture.h"
#include "reverie/techniques/dream.h"

namespace reverie {

struct DreamInputs {
    std::string init = "content";  ///< a word or a file
    std::vector<std::string> guides;
    std::filesystem::path protect;
    std::vector<std::string> grid;          ///< targets, each in a cell of one sheet; empty: one dream
    bool page = false;                      ///< the sheet as an HTML page too
    std::vector<std::string> list_classes;  ///< parts of names; empty: not asked for
};

void add_flags(CLI::App& app, DreamInputs& inputs);

/// What --init says. Throws Usage for what is neither a word it knows nor a file.
DreamInit init_of(const DreamInputs& inputs);

/// Throws Usage for flags that need each other, Input for a picture that is none.
void check(Session& session, const DreamInputs& inputs, std::int64_t max_pixels);

/// Prints the ImageNet classes that --list-classes asks for. Throws Usage when there is none of them.
void list_classes(Session& session, const std::vector<std::string>& parts);

/// The files, read once for all pictures.
class SharedDreamPictures {
  public:
    SharedDreamPictures(const DreamInputs& inputs, std::int64_t max_pixels);

    /// What to dream on: nothing of what is transparent or protected.
    DreamJob job_for(const Picture& picture) const;
    const std::vector<Tensor>& guides() const { return guides_; }
    /// Digests of their pixels, as parts of an identity.
    void add_digests(Settings& identity) const;
    /// Their bare names.
    void add_settings(Settings& settings) const;

  private:
    const DreamInputs& inputs_;
    std::vector<Tensor> guides_;
    Tensor init_, protect_;
};

}  // namespace reverie
