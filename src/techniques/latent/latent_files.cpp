#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/techniques/latent_space.h"
#include "techniques/latent/latent_csv.h"

namespace reverie {
namespace {

static_assert(std::endian::native == std::endian::little, "NPY files are written as they lie in memory");

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);  // version 1.0
constexpr std::size_t kHeaderStart = kMagic.size() + 2;     // after the header's length
constexpr std::size_t kAlignment = 64;

enum class Format { Npy, Csv };

Format format_of(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
    if (extension == ".npy") {
        return Format::Npy;
    }
    if (extension == ".csv") {
        return Format::Csv;
    }
    throw Error(ErrorKind::Usage, "'" + path.string() + "' names no kind of latent file; end it in .npy or .csv");
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
    throw Error(ErrorKind::Input, "'" + path.string() + "' " + what);
}

std::string npy_header(const Tensor& latents) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(latents.size(0)) +
                         ", " + std::to_string(latents.size(1)) + "), }";
    header.append(kAlignment - 1 - (kHeaderStart + header.size()) % kAlignment, ' ');
    header += '\n';
    std::string bytes(kMagic);
    bytes += static_cast<char>(header.size() & 0xff);
    bytes += static_cast<char>(header.size() >> 8);
    return bytes + header;
}

/// What follows "'key':" in the header, blanks skipped; empty when the key is not there.
std::string_view value_of(std::string_view header, std::string_view key) {
    const std::size_t found = header.find("'" + std::string(key) + "':");
    if (found == std::string_view::npos) {
        return {};
    }
    header.remove_prefix(found + key.size() + 3);
    header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
    return header;
}

/// "(12, 34)" -> 12 and 34; nothing for any other shape.
std::optional<std::pair<std::uint64_t, std::uint64_t>> matrix_shape(std::string_view text) {
    std::uint64_t numbers[2] = {};
    constexpr std::string_view kBefore[2] = {"(", ", "};
    for (int i = 0; i < 2; ++i) {
        if (!text.starts_with(kBefore[i])) {
            return {};
        }
        text.remove_prefix(kBefore[i].size());
        const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
        if (fault != std::errc()) {
            return {};
        }
        text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    }
    if (!text.starts_with(")")) {
        return {};
    }
    return std::pair(numbers[0], numbers[1]);
}

Tensor read_npy(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!text.starts_with(kMagic) || text.size() < kHeaderStart) {
        refuse(path, "is no NPY file of version 1.0; write it with numpy.save, or encode the pictures again");
    }
    const std::size_t length = static_cast<unsigned char>(text[kMagic.size()]) +
                               (static_cast<std::size_t>(static_cast<unsigned char>(text[kMagic.size() + 1])) << 8);
    if (text.size() - kHeaderStart < length) {
        refuse(path, "is cut short within its header; write it again");
    }
    const std::string_view header = text.substr(kHeaderStart, length);
    const auto shape = matrix_shape(value_of(header, "shape"));
    if (!value_of(header, "descr").starts_with("'<f4'") || !value_of(header, "fortran_order").starts_with("False") ||
        !shape) {
        refuse(path,
               "holds no float32 matrix in C order, one row a latent; save "
               "numpy.ascontiguousarray(latents, dtype='float32')");
    }
    const auto [rows, columns] = *shape;
    const bool none = rows == 0 || columns == 0;
    const std::size_t stored = text.size() - kHeaderStart - length;
    // By division: a damaged shape must not overflow.
    const bool fits = none ? stored == 0
                           : stored % sizeof(float) == 0 && stored / sizeof(float) % rows == 0 &&
                                 stored / sizeof(float) / rows == columns;
    if (!fits) {
        refuse(path, "says it holds " + std::to_string(rows) + " x " + std::to_string(columns) + " numbers but has " +
                         std::to_string(stored) + " bytes of them; it is damaged, so write it again");
    }
    if (none) {  // the other one may be beyond any tensor
        refuse(path, "holds no latents; write it again");
    }
    Tensor latents = at::empty({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}, at::kFloat);
    std::memcpy(latents.data_ptr<float>(), text.data() + kHeaderStart + length, stored);
    return latents;
}

}  // namespace

std::filesystem::path write_latents(const std::filesystem::path& path, const Tensor& latents,
                                    const std::vector<std::string>& names, Replacing replacing) {
    const Tensor rows = latents.detach().to(at::kCPU, at::kFloat).contiguous();
    if (format_of(path) == Format::Csv) {
        return write_file(path, latents_to_csv(rows, names), replacing);
    }
    AtomicFile file(path, replacing);
    file.write(npy_header(rows));
    file.write(std::span(static_cast<const std::byte*>(rows.const_data_ptr()), rows.nbytes()));
    return file.commit();
}

Tensor read_latents(const std::filesystem::path& path, std::int64_t dimensions) {
    Tensor latents = format_of(path) == Format::Csv ? latents_from_csv(path) : read_npy(path);
    if (latents.numel() == 0) {
        refuse(path, "holds no latents; write it again");
    }
    if (dimensions != 0 && latents.size(1) != dimensions) {
        refuse(path, "holds latents of " + std::to_string(latents.size(1)) + " numbers; the model has " +
                         std::to_string(dimensions) + ", so take a file that this model encoded");
    }
    if (!latents.isfinite().all().item<bool>()) {
        refuse(path, "holds NaN or infinity; encode the pictures again");
    }
    return latents;
}

}  // namespace reverie
