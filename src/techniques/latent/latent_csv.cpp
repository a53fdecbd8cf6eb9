#include "techniques/latent/latent_csv.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <system_error>

#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie {
namespace {

constexpr int kDigits = 9;  // of a float32: enough to read back the same bits

std::string quoted(const std::string& name) {
    if (name.find_first_of(",\"\r\n") == std::string::npos) {
        return name;
    }
    std::string text = "\"";
    for (const char c : name) {
        text += c;
        if (c == '"') {
            text += c;
        }
    }
    return text + '"';
}

/// Walks through a table field by field.
class Table {
  public:
    Table(const std::filesystem::path& path, std::string_view text) : path_(path), left_(text) {
        constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
        if (left_.starts_with(kByteOrderMark)) {
            left_.remove_prefix(kByteOrderMark.size());
        }
    }

    bool done() const { return left_.empty(); }

    /// The next field as it is written; `last` tells whether it ends its row.
    std::string_view field(bool& last) {
        std::size_t end = 0;
        if (left_.starts_with('"')) {
            end = 1;
            for (bool open = true; open; ++end) {
                end = left_.find('"', end);
                if (end == std::string_view::npos) {
                    refuse("opens a quotation mark that is never closed");
                }
                open = left_.substr(end).starts_with("\"\"");
                end += open ? 1 : 0;
            }
        }
        end = std::min(left_.find_first_of(",\n", end), left_.size());
        std::string_view found = left_.substr(0, end);
        last = end == left_.size() || left_[end] == '\n';
        left_.remove_prefix(std::min(end + 1, left_.size()));
        row_ += last ? 1 : 0;
        while (!found.empty() && (found.back() == '\r' || found.back() == ' ')) {
            found.remove_suffix(1);
        }
        while (found.starts_with(' ')) {
            found.remove_prefix(1);
        }
        return found;
    }

    /// A sentence about the row that the last field was of.
    [[noreturn]] void refuse(const std::string& what, bool ended = false) const {
        throw Error(ErrorKind::Input, "'" + path_.string() + "' " + what + " in row " +
                                          std::to_string(ended ? row_ : row_ + 1) +
                                          "; wanted the same number of numbers, parted by commas, in every row");
    }

  private:
    const std::filesystem::path& path_;
    std::string_view left_;
    std::int64_t row_ = 0;  ///< rows ended
};

}  // namespace

std::string latents_to_csv(const Tensor& latents, const std::vector<std::string>& names) {
    const std::int64_t columns = latents.size(1);
    const auto* value = latents.const_data_ptr<float>();
    std::string text = names.empty() ? "" : "name,";
    for (std::int64_t d = 0; d < columns; ++d) {
        text += 'z' + std::to_string(d) + (d + 1 < columns ? "," : "\n");
    }
    for (std::int64_t i = 0; i < latents.size(0); ++i) {
        text += names.empty() ? "" : quoted(names.at(static_cast<std::size_t>(i))) + ',';
        for (std::int64_t d = 0; d < columns; ++d) {
            char digits[32];
            const auto end = std::to_chars(digits, std::end(digits), *value++, std::chars_format::general, kDigits);
            text.append(digits, end.ptr).append(d + 1 < columns ? "," : "\n");
        }
    }
    return text;
}

Tensor latents_from_csv(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    Table table(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    std::vector<float> values;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    bool named = false;
    for (bool first_row = true; !table.done(); first_row = false) {
        bool last = false;
        std::string_view field = table.field(last);
        if (first_row && (field == "name" || field == "z0")) {
            named = field == "name";
            while (!last) {
                table.field(last);
            }
            continue;
        }
        if (field.empty() && last) {  // an empty line
            continue;
        }
        if (named && !last) {
            field = table.field(last);
        } else if (named) {
            table.refuse("has a name and nothing else", last);
        }
        std::int64_t count = 0;
        for (;; field = table.field(last)) {
            float value = 0.0F;
            const auto [stop, fault] = std::from_chars(field.data(), field.data() + field.size(), value);
            if (fault != std::errc() || stop != field.data() + field.size()) {
                table.refuse("holds '" + std::string(field.substr(0, 40)) + "', which is not a float32 number,", last);
            }
            values.push_back(value);
            ++count;
            if (last) {
                break;
            }
        }
        if (rows > 0 && count != columns) {
            table.refuse("holds " + std::to_string(count) + " numbers after rows of " + std::to_string(columns), last);
        }
        columns = count;
        ++rows;
    }
    return at::tensor(values, at::kFloat).reshape({rows, columns});
}

}  // namespace reverie
