// Columns of text.
#pragma once

#include <string>
#include <vector>

namespace reverie {

/// Rows under a heading, columns padded to their widest cell and two blanks apart, no blanks at a line's end; lines
/// separated by line feeds, none at the end.
std::string render_table(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows);

}  // namespace reverie
