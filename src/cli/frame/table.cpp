#include "cli/frame/table.h"

#include <algorithm>

namespace reverie {

std::string render_table(const std::vector<std::string>& heading, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    const auto measure = [&widths](const std::vector<std::string>& row) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    };
    measure(heading);
    std::for_each(rows.begin(), rows.end(), measure);

    std::string table;
    const auto append = [&](const std::vector<std::string>& row) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::string cell = row[i];
            cell.resize(widths[i], ' ');
            line += (i > 0 ? "  " : "") + cell;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        table += (table.empty() ? "" : "\n") + line;
    };
    append(heading);
    std::for_each(rows.begin(), rows.end(), append);
    return table;
}

}  // namespace reverie
