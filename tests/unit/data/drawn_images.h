// Images, archives and IDX files that the tests of this room draw themselves.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/data/dataset.h"
#include "reverie/image/picture.h"
#include "support/byte_text.h"
#include "support/temporary_folder.h"

namespace reverie::test {

/// One grey level everywhere: [3,H,W]. It survives every resize, so it tells which image this is.
inline Tensor flat(int level, Size size = {24, 24}) {
    return at::full({3, size.height, size.width}, level / 255.0, at::kFloat);
}

/// Smooth, with other values at every place: [3,H,W].
inline Tensor drawing(Size size, double phase = 0) {
    const Tensor y = at::arange(size.height, at::kFloat).view({1, -1, 1});
    const Tensor x = at::arange(size.width, at::kFloat).view({1, 1, -1});
    const Tensor wave = 0.5 + 0.25 * at::sin(0.31 * x + phase) + 0.2 * at::cos(0.23 * y - phase);
    return at::cat({wave, wave.flip({2}), 0.9 * wave.flip({1})}).contiguous();
}

inline void write_image(const std::filesystem::path& path, const Tensor& image) {
    std::filesystem::create_directories(path.parent_path());
    save_image(path, image);
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, text);
}

inline std::string encoded(const Tensor& image, PictureFormat format) {
    Picture picture;
    picture.color = image;
    const auto bytes = encode_picture(picture, format);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The first value of each image, in the set's order.
inline std::vector<int> levels(const Dataset& set) {
    const auto indices = all_indices(set);
    const Tensor first = set.read(indices).flatten(1).select(1, 0).to(at::kInt).contiguous();
    return {first.data_ptr<int>(), first.data_ptr<int>() + first.numel()};
}

inline std::vector<std::string> names(const Dataset& set) {
    std::vector<std::string> all;
    for (std::int64_t i = 0; i < set.count(); ++i) {
        all.push_back(set.name(i));
    }
    return all;
}

/// A tar being written, as tar programs write it.
class TarText {
  public:
    TarText& add(const std::string& name, const std::string& content, char kind = '0', const std::string& prefix = "") {
        std::string header(512, '\0');
        const auto put = [&header](std::size_t at, const std::string& field) {
            header.replace(at, field.size(), field);
        };
        std::array<char, 13> octal{};
        std::snprintf(octal.data(), octal.size(), "%011zo", content.size());
        put(0, name.substr(0, 100));
        put(100, "0000644");
        put(124, octal.data());
        put(148, "        ");
        header[156] = kind;
        put(257, std::string("ustar\00000", 8));
        put(345, prefix);
        unsigned sum = 0;
        for (const char c : header) {
            sum += static_cast<unsigned char>(c);
        }
        std::snprintf(octal.data(), octal.size(), "%06o", sum);
        put(148, std::string(octal.data()) + '\0');
        blocks += header + content + std::string((512 - content.size() % 512) % 512, '\0');
        return *this;
    }
    std::string finished() const { return blocks + std::string(1024, '\0'); }

    std::string blocks;
};

/// "path=..." with its own length in front.
inline std::string pax_record(const std::string& key, const std::string& value) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) {
        ++length;
    }
    return std::to_string(length) + rest;
}

inline std::string idx_text(const std::vector<std::uint32_t>& dimensions, const std::string& values, char type = 8) {
    std::string text = {'\0', '\0', type, static_cast<char>(dimensions.size())};
    for (const std::uint32_t length : dimensions) {
        for (const int shift : {24, 16, 8, 0}) {
            text += static_cast<char>(length >> shift & 0xff);
        }
    }
    return text + values;
}

/// By zlib, whose window bits say the container: 16 + MAX_WBITS gzip, -MAX_WBITS none.
inline std::string compressed(const std::string& text, int window_bits) {
    z_stream stream = {};
    if (deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("zlib cannot begin");
    }
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline std::string gzipped(const std::string& text) { return compressed(text, 16 + MAX_WBITS); }

/// Opens damaged bytes: a set of at least one image, or Error(Input), never a crash.
inline void expect_set_or_sentence(const std::filesystem::path& path, const std::string& bytes) {
    write_text(path, bytes);
    try {
        EXPECT_GE(open_dataset(path).count(), 1);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Input);
    }
}

}  // namespace reverie::test
