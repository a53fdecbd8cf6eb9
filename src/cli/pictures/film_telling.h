// Private: what is said about a film that is painted: its plan, its notes, the line at the end and the page beside it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/pictures/film_folder.h"
#include "cli/pictures/film_request.h"
#include "reverie/cli/run_pictures.h"

namespace reverie {

/// Prints the JSON line of a film that was written: `object`, which says what it is, and behind that its bytes, how
/// long it took, whether it is a part only, and what it was made with.
void print_film_line(Session& session, nlohmann::ordered_json object, const std::filesystem::path& written,
                     double seconds, bool partial, const Settings& settings);

class FilmTelling {
  public:
    /// All must outlive it.
    FilmTelling(Session& session, const FilmRequest& request, const PictureProgram& program, const PictureTask& task)
        : session_(session), request_(request), program_(program), task_(task) {}

    /// What --dry-run says.
    void plan() const;

    /// What the writer has had to give way in since it was last asked.
    void notes(const FilmWriter& film);

    /// The page, where one is asked for. `records`: a JSON object about each frame; `folder`: null for streams.
    void page(const std::filesystem::path& written, const FilmWriter& film, const std::vector<std::string>& records,
              const FilmFolder* folder) const;

    /// The path, or the JSON line; `seconds`: that painting took.
    void line(const std::filesystem::path& written, const FilmWriter& film, const std::vector<std::string>& records,
              double seconds, bool partial) const;

  private:
    Session& session_;
    const FilmRequest& request_;
    const PictureProgram& program_;
    const PictureTask& task_;
    std::size_t said_ = 0;  ///< notes
};

}  // namespace reverie
