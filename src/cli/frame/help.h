// The text of --help.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace reverie {

/// Description, usage, the flags under their headings with every default, and the footer, wrapped to `columns`.
std::string help_text(const CLI::App& app, int columns);

/// `text` in lines of at most `columns`, all but the first indented by `indent`. Line feeds stay.
std::string wrap_text(const std::string& text, int columns, int indent);

}  // namespace reverie
