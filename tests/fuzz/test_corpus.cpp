// Every file that a fuzzer kept, read again: whatever was once found stays mended, in every build.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "fuzz/families.h"
#include "reverie/core/files.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=512"; }
#endif

namespace reverie::fuzz {
namespace {

class Corpus : public ::testing::TestWithParam<Family> {};

TEST_P(Corpus, IsReadOrRefusedInGoodOrder) {
    const std::filesystem::path folder = std::filesystem::path(REVERIE_TEST_DATA) / "fuzz" / "corpus" / GetParam().name;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    ASSERT_GT(files.size(), 10U);
    for (const std::filesystem::path& file : files) {
        try {
            GetParam().run(read_file(file));
        } catch (const std::exception& finding) {
            ADD_FAILURE() << file.filename() << ": " << finding.what();
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Families, Corpus, ::testing::ValuesIn(kFamilies),
                         [](const auto& family) { return std::string(family.param.name); });

}  // namespace
}  // namespace reverie::fuzz
