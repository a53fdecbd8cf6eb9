// Private: --init, of programs that improve a picture step by step.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace reverie {

/// --init where it is a file; empty: it was not given, or is one of the program's words. Throws Usage for what is
/// neither a word nor a file that exists.
std::optional<std::filesystem::path> init_file(const std::string& given, const std::vector<std::string>& words);

/// What a picture keeps of it: the word, or the file's bare name.
std::string init_text(const std::optional<std::filesystem::path>& file, const std::string& word);

}  // namespace reverie
