#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/techniques/latent_space.h"
#include "support/expect_error.h"
#include "support/latent_samples.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

std::string text_of_file(const std::filesystem::path& path) {
    const auto bytes = read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Ordinary numbers and the hard ones: the ends of the range, subnormal, negative zero, long binary fractions.
Tensor latents() {
    Tensor rows = test::formula_normal(5, 7, "latents");
    const float hard[] = {std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::lowest(),
                          std::numeric_limits<float>::min(),
                          std::numeric_limits<float>::denorm_min(),
                          -0.0F,
                          0.1F,
                          16777217.0F / 3.0F};
    std::memcpy(rows[2].data_ptr<float>(), hard, sizeof(hard));
    return rows;
}

bool same_bits(const Tensor& a, const Tensor& b) {
    return a.sizes() == b.sizes() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

TEST(LatentFiles, ReadBackToTheBit) {
    const test::TemporaryFolder folder;
    const Tensor rows = latents();
    const std::vector<std::string> names = {"a.png", "b, c.png", "say \"hi\".png", "1.5", "two\nlines"};
    for (const char* name : {"z.npy", "z.csv", "Z.NPY"}) {
        write_latents(folder / name, rows);
        EXPECT_TRUE(same_bits(read_latents(folder / name, 7), rows)) << name;
        write_latents(folder / name, rows, names);
        EXPECT_TRUE(same_bits(read_latents(folder / name, 0), rows)) << name;
        // a view of another layout
        write_latents(folder / name, rows.t());
        EXPECT_TRUE(same_bits(read_latents(folder / name, 5), rows.t().contiguous())) << name;
    }
}

TEST(LatentFiles, NpyIsAsNumpyWritesIt) {
    const test::TemporaryFolder folder;
    write_latents(folder / "z.npy", at::tensor({1.0F, -2.0F}).reshape({1, 2}));
    const std::string text = text_of_file(folder / "z.npy");
    std::string wanted("\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", 69);
    wanted.append(128 - 1 - wanted.size(), ' ');
    wanted += '\n';
    wanted.append("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);
    EXPECT_EQ(text, wanted);
}

TEST(LatentFiles, CsvIsATableWithATitleRow) {
    const test::TemporaryFolder folder;
    write_latents(folder / "z.csv", at::tensor({1.5F, 0.1F, -3.0F, 1e-20F}).reshape({2, 2}), {"x", "y,z"});
    EXPECT_EQ(text_of_file(folder / "z.csv"), "name,z0,z1\nx,1.5,0.100000001\n\"y,z\",-3,9.99999968e-21\n");
}

TEST(LatentFiles, TablesOfOthersAreRead) {
    const test::TemporaryFolder folder;
    for (const char* text : {"1,2\n3,4\n", "1, 2\r\n3, 4", "\357\273\2771.0e+00,2\n\n3.0,4e0\n\n", "z0,z1\n1,2\n3,4\n",
                             "name,z0,z1\n,1,2\n\"a\nb\",3,4\n"}) {
        write_file(folder / "z.csv", std::string_view(text));
        EXPECT_TRUE(at::equal(read_latents(folder / "z.csv", 2), at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).reshape({2, 2})))
            << text;
    }
}

TEST(LatentFiles, DamagedTablesAreNamedByTheirRow) {
    const test::TemporaryFolder folder;
    const std::pair<const char*, const char*> wrong[] = {
        {"1,2\n3,x\n", "'x', which is not a float32 number, in row 2"},
        {"1,2\n3\n", "1 numbers after rows of 2 in row 2"},
        {"1,2\n3,4,5\n", "3 numbers after rows of 2 in row 2"},
        {"1,,2\n", "'', which is not a float32 number, in row 1"},
        {"1,1e99\n", "'1e99', which is not a float32 number, in row 1"},
        {"name,z0\n\"a,1\n", "quotation mark that is never closed in row 2"},
        {"name,z0\na\n", "a name and nothing else in row 2"},
        {"", "no latents"},
        {"name,z0\n", "no latents"},
        {"1,nan\n", "NaN or infinity"},
    };
    for (const auto& [text, words] : wrong) {
        write_file(folder / "z.csv", std::string_view(text));
        const std::string message = test::expect_error(ErrorKind::Input, [&] { read_latents(folder / "z.csv", 0); });
        EXPECT_NE(message.find(words), std::string::npos) << message;
        EXPECT_NE(message.find("z.csv"), std::string::npos) << message;
    }
}

TEST(LatentFiles, DamagedArraysAreRefused) {
    const test::TemporaryFolder folder;
    const auto path = folder / "z.npy";
    write_latents(path, latents());
    const std::string whole = text_of_file(path);
    const auto expect_refused = [&](const std::string& text, const std::string& words) {
        write_file(path, text);
        const std::string message = test::expect_error(ErrorKind::Input, [&] { read_latents(path, 0); });
        EXPECT_NE(message.find(words), std::string::npos) << message;
        EXPECT_NE(message.find("z.npy"), std::string::npos) << message;
    };
    const auto replaced = [&](const std::string& old, const std::string& other) {
        std::string text = whole;
        text.replace(text.find(old), old.size(), other);
        return text;
    };
    // cut anywhere
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_file(path, std::string_view(whole).substr(0, length));
        test::expect_error(ErrorKind::Input, [&] { read_latents(path, 0); });
    }
    expect_refused(whole + "x", "is damaged");
    expect_refused(replaced("NUMPY", "NUMPI"), "no NPY file");
    expect_refused(replaced("<f4", "<f8"), "no float32 matrix");
    expect_refused(replaced("False", "True "), "no float32 matrix");
    expect_refused(replaced("(5, 7)", "(35,) "), "no float32 matrix");
    expect_refused(replaced("(5, 7)", "(7, 7)"), "7 x 7 numbers");
    expect_refused(replaced("(5, 7), }       ", "(4294967296, 7)}"), "4294967296 x 7");
    expect_refused(replaced("(5, 7)", "(0, 7)"), "is damaged");
}

TEST(LatentFiles, WrongWidthsAndNamesAreRefused) {
    const test::TemporaryFolder folder;
    write_latents(folder / "z.npy", latents());
    const std::string message = test::expect_error(ErrorKind::Input, [&] { read_latents(folder / "z.npy", 8); });
    EXPECT_NE(message.find("of 7 numbers; the model has 8"), std::string::npos) << message;
    test::expect_error(ErrorKind::Usage, [&] { read_latents(folder / "z.txt", 0); });
    test::expect_error(ErrorKind::Usage, [&] { write_latents(folder / "z", latents()); });
    test::expect_error(ErrorKind::Input, [&] { read_latents(folder / "none.csv", 0); });
}

}  // namespace
}  // namespace reverie
