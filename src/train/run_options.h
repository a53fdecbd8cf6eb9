// A run's options as a file and as something to compare.
#pragma once

#include <string>

#include "reverie/train/run_folder.h"

namespace reverie {

/// The first line of options.toml: whose run it is. `# vae 0.1.0, run format 1`, and what the file is good for.
std::string run_headline(const std::string& program);

/// Throws Input, naming `path`, when the headline is that of another program or format; a line that is no headline
/// passes (the file may have been edited).
void require_own(const std::string& headline, const std::string& program, const std::filesystem::path& path);

/// The whole of options.toml: numbers, true and false bare, texts quoted; facts as comments.
std::string options_toml(const RunIdentity& identity);

/// With what a run has of options that there were none of when it was begun.
RunOptions with_later_options(RunOptions options, const std::string& program);

/// Throws Usage, naming the first option that differs with both values; flags before facts, which follow from them.
void require_same(const RunOptions& before, const RunOptions& now, const std::filesystem::path& path);

}  // namespace reverie
