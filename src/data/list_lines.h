// A text file of paths, however people write one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace reverie::data {

struct ListLine {
    std::string path;   ///< relative to `folder`, or absolute
    std::string label;  ///< empty: none was given
};

/// One path a line (any system's line ends); blank lines and those with # in front do not count. UTF-8, with or without
/// a mark, or UTF-16 with one. A line that is no file's path may be `path SEPARATOR label` with a comma, semicolon, tab
/// or blank, and either may stand in quotation marks, as tables are written; what stands first in such a table and
/// names its columns is passed over.
std::vector<ListLine> list_lines(std::span<const std::byte> text, const std::filesystem::path& file,
                                 const std::filesystem::path& folder);

}  // namespace reverie::data
