#include <gtest/gtest.h>

#include "reverie/core/files.h"
#include "reverie/weights/sha256.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;

// FIPS 180-2, appendix B.1, and the well-known hash of nothing.
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Sha256, GivesThePublishedHashes) {
    EXPECT_EQ(sha256_of("abc"), kAbc);
    EXPECT_EQ(sha256_of(""), kNothing);
}

TEST(Sha256, OfAFileIsThatOfItsBytesWhateverTheirNumber) {
    const TemporaryFolder folder;
    for (const std::size_t size : {0U, 1U, (1U << 20) - 1, 1U << 20, (1U << 20) + 1}) {
        const std::string text(size, 'x');
        write_file(folder / "file", text);
        EXPECT_EQ(sha256_of_file(folder / "file"), sha256_of(text)) << size;
    }
}

TEST(Sha256, UnreadableFileIsAWeightsErrorThatNamesIt) {
    const TemporaryFolder folder;
    EXPECT_NE(expect_error(ErrorKind::Weights, [] { sha256_of_file("/no/such/file"); }).find("/no/such/file"),
              std::string::npos);
    expect_error(ErrorKind::Weights, [&] { sha256_of_file(folder.path()); });
}

TEST(Sha256, MatchesWholeHashesAndPrefixesOnly) {
    EXPECT_TRUE(sha256_matches(kAbc, kAbc));
    EXPECT_TRUE(sha256_matches(kAbc, "ba7816bf"));
    EXPECT_TRUE(sha256_matches(kAbc, ""));
    EXPECT_FALSE(sha256_matches(kAbc, "ba7816be"));
    EXPECT_FALSE(sha256_matches(kAbc, std::string(kAbc) + "00"));
}

}  // namespace
}  // namespace reverie
