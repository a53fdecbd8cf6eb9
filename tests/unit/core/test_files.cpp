#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;

std::string text_of(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t entries(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

TEST(Files, WrittenFileComesBackWholeAndMissingFoldersAreMade) {
    const TemporaryFolder folder;
    const auto path = folder / "a/b/c.txt";
    write_file(path, std::string_view("hello"));
    EXPECT_EQ(text_of(path), "hello");
    EXPECT_EQ(entries(path.parent_path()), 1U);
}

TEST(Files, UncommittedFileLeavesTheOldOneAndNothingElse) {
    const TemporaryFolder folder;
    const auto path = folder / "a.txt";
    write_file(path, std::string_view("old"));
    {
        AtomicFile file(path);
        file.write(std::string_view("new, but cut"));
    }
    EXPECT_EQ(text_of(path), "old");
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Files, NameAsLongAsTheSystemTakesCanBeWritten) {
    const TemporaryFolder folder;
    const auto path = folder / std::string(255, 'n');
    write_file(path, std::string_view("x"));
    EXPECT_EQ(text_of(path), "x");
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Files, SymbolicLinksStayAndWhatTheyLeadToIsWritten) {
    namespace fs = std::filesystem;
    const TemporaryFolder folder;
    fs::create_directories(folder / "store");
    write_file(folder / "store/real.txt", std::string_view("old"));
    fs::create_symlink("store/real.txt", folder / "near");
    fs::create_symlink(folder / "near", folder / "far");
    fs::create_symlink("store/none.txt", folder / "dangling");
    EXPECT_EQ(write_file(folder / "far", std::string_view("new")), folder / "far");
    write_file(folder / "dangling", std::string_view("first"));
    for (const char* name : {"near", "far", "dangling"}) {
        EXPECT_TRUE(fs::is_symlink(folder / name)) << name;
    }
    EXPECT_EQ(text_of(folder / "store/real.txt"), "new");
    EXPECT_EQ(text_of(folder / "store/none.txt"), "first");
    EXPECT_EQ(entries(folder / "store"), 2U);

    fs::create_symlink("unmounted/none.txt", folder / "lost");
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { write_file(folder / "lost", std::string_view("x")); }),
                testing::AllOf(testing::HasSubstr("lost"), testing::HasSubstr("unmounted")));
    EXPECT_FALSE(fs::exists(folder / "unmounted"));

    fs::create_symlink("circle", folder / "circle");
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { write_file(folder / "circle", std::string_view("x")); }),
                testing::HasSubstr("circle"));
}

TEST(Files, TheModeOfAReplacedFileStays) {
    namespace fs = std::filesystem;
    const TemporaryFolder folder;
    const auto mode = [&](const std::string& name) { return fs::status(folder / name).permissions(); };
    write_file(folder / "secret", std::string_view("old"));
    const fs::perms usual = mode("secret");
    for (const auto perms : {fs::perms{0600}, fs::perms{0640}, fs::perms{0666}}) {
        fs::permissions(folder / "secret", perms);
        write_file(folder / "secret", std::string_view("new"));
        EXPECT_EQ(mode("secret"), perms);
    }
    write_file(folder / "other", std::string_view("x"));
    EXPECT_EQ(mode("other"), usual);
}

TEST(Files, WhatHasComeToBeInTheMeantimeIsKeptUnlessItMayBeReplaced) {
    const TemporaryFolder folder;
    const auto path = folder / "a.txt";
    const auto late = [&](Replacing replacing) {
        AtomicFile file(path, replacing);
        file.write(std::string_view("ours"));
        write_file(path, std::string_view("theirs"));
        return file.commit();
    };
    EXPECT_EQ(late(Replacing::Beside), folder / "a.2.txt");
    EXPECT_EQ(late(Replacing::Beside), folder / "a.3.txt");
    EXPECT_EQ(late(Replacing::Withdrawn), "");
    EXPECT_EQ(text_of(path), "theirs");
    EXPECT_EQ(text_of(folder / "a.2.txt"), "ours");
    EXPECT_EQ(entries(folder.path()), 3U);
    EXPECT_EQ(late(Replacing::Allowed), path);
    EXPECT_EQ(text_of(path), "ours");
    EXPECT_EQ(write_file(folder / "free.txt", std::string_view("x"), Replacing::Withdrawn), folder / "free.txt");
}

TEST(Files, APipeIsWrittenIntoAndStays) {
    const TemporaryFolder folder;
    const auto path = folder / "pipe";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
    ASSERT_GE(reader, 0);
    write_file(path, std::string_view("hello"));
    std::array<char, 8> text{};
    EXPECT_EQ(read(reader, text.data(), text.size()), 5);
    close(reader);
    EXPECT_TRUE(std::filesystem::is_fifo(path));
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Files, MissingFileIsNamedWithTheKindAskedFor) {
    EXPECT_THAT(expect_error(ErrorKind::Input, [] { read_file("/no/such/file"); }),
                testing::HasSubstr("/no/such/file"));
    expect_error(ErrorKind::Weights, [] { read_file("/no/such/file", ErrorKind::Weights); });
    expect_error(ErrorKind::Weights, [] { MappedFile("/no/such/file", ErrorKind::Weights); });
}

TEST(Files, FolderInPlaceOfAFileIsRefused) {
    const TemporaryFolder folder;
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { read_file(folder.path()); }), testing::HasSubstr("is a folder"));
}

TEST(Files, OutputUnderAFileInsteadOfAFolderIsAnOutputError) {
    const TemporaryFolder folder;
    write_file(folder / "file", std::string_view("x"));
    expect_error(ErrorKind::Output, [&] { write_file(folder / "file/below.txt", std::string_view("y")); });
}

TEST(Files, WhatKilledProcessesWereWritingIsRemovedByName) {
    const TemporaryFolder folder;
    const std::string alive = std::to_string(::getpid());
    const std::string dead = "2147483646";  // beyond any process number
    // "-<this machine>.partial", as they are named here.
    const std::string name = AtomicFile(folder / "a.png").temporary().filename();
    const std::string end = name.substr(name.rfind('-'));
    const std::string abandoned = ".a.png." + dead + "-0" + end;
    const std::vector<std::string> others = {".a.png." + alive + "-9" + end,
                                             ".b.png." + dead + "-0" + end,
                                             ".a.png." + dead + "-0-12345678.partial",
                                             ".a.png.x-0" + end,
                                             ".a.png.partial",
                                             "a.png"};
    write_file(folder / abandoned, "x");
    for (const std::string& other : others) {
        write_file(folder / other, "x");
    }
    remove_abandoned(folder.path(), {"a.png", "c.png"});
    EXPECT_FALSE(is_there(folder / abandoned));
    for (const std::string& other : others) {
        EXPECT_TRUE(is_there(folder / other)) << other;
    }
    remove_abandoned(folder / "none", {"a.png"});
}

TEST(Files, FaultAtTheVeryEndIsAnOutputErrorThatNamesTheFinalPath) {
    // The final name is a folder: the rename fails.
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "taken");
    const std::string message =
        expect_error(ErrorKind::Output, [&] { write_file(folder / "taken", std::string_view("x")); });
    EXPECT_THAT(message, testing::HasSubstr("taken"));
    EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Files, WhatAMappingReleasedComesBackFromTheFile) {
    const TemporaryFolder folder;
    std::string text;
    for (int i = 0; text.size() < 100'000; ++i) {
        text += std::to_string(i) + " ";
    }
    write_file(folder / "long", text);
    const MappedFile mapped(folder / "long");
    const auto all = [&] {
        return std::string(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
    };
    EXPECT_EQ(all(), text);
    mapped.release(mapped.bytes().subspan(7, 90'000));
    mapped.release(mapped.bytes().subspan(3, 2));
    EXPECT_EQ(all(), text);
}

TEST(Files, MappingShowsTheFilesBytes) {
    const TemporaryFolder folder;
    write_file(folder / "m", std::string_view("abc"));
    const MappedFile mapped(folder / "m");
    ASSERT_EQ(mapped.bytes().size(), 3U);
    EXPECT_EQ(static_cast<char>(mapped.bytes()[2]), 'c');
    write_file(folder / "empty", std::string_view(""));
    EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

}  // namespace
}  // namespace reverie
