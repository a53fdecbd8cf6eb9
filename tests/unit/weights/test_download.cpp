// download() against a loopback server that cuts, corrupts, redirects and stalls.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "reverie/core/files.h"
#include "reverie/weights/download.h"
#include "reverie/weights/sha256.h"
#include "support/expect_error.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::HttpReply;
using test::HttpServer;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string some_content(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        text += static_cast<char>('a' + (i * i / 7 + i) % 26);
    }
    return text;
}

class Download : public testing::Test {
  protected:
    DownloadRequest request() const {
        return {.url = server_.url(),
                .destination = destination_,
                .sha256 = sha256_of(content_),
                .bytes = static_cast<std::int64_t>(content_.size()),
                .label = "net",
                .attempts = 3,
                .stall_seconds = 5,
                .retry_seconds = 0.01};
    }

    std::string message_of_failure(ErrorKind kind, const DownloadRequest& wanted, const Hooks& hooks = {}) const {
        return expect_error(kind, [&] { download(wanted, hooks); });
    }

    std::vector<std::string> left_in_folder() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
            names.push_back(entry.path().filename().string());
        }
        return names;
    }

    static std::string text_of(const std::filesystem::path& path) {
        const std::vector<std::byte> bytes = read_file(path);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    void expect_only_the_file() const {
        EXPECT_THAT(left_in_folder(), ElementsAre("net.pth"));
        EXPECT_EQ(text_of(destination_), content_);
    }

    const std::string content_ = some_content(100'000);
    HttpServer server_{content_};
    const TemporaryFolder folder_;
    const std::filesystem::path destination_ = folder_ / "net.pth";
    const std::filesystem::path part_ = folder_ / "net.pth.part";
};

TEST_F(Download, BringsTheWholeFileReturnsItsHashAndReportsBytes) {
    std::vector<Progress> reports;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) { reports.push_back(progress); };
    EXPECT_EQ(download(request(), hooks), sha256_of(content_));
    expect_only_the_file();
    ASSERT_FALSE(reports.empty());
    EXPECT_EQ(reports.back().stage, "downloading net");
    EXPECT_EQ(reports.back().unit, "bytes");
    EXPECT_EQ(reports.back().done, 100'000);
    EXPECT_EQ(reports.back().total, 100'000);
}

TEST_F(Download, MissingFoldersAreMade) {
    DownloadRequest wanted = request();
    wanted.destination = folder_ / "a/b/net.pth";
    download(wanted);
    EXPECT_EQ(text_of(wanted.destination), content_);
}

TEST_F(Download, RightFileThatIsThereIsNotFetchedAWrongOneIsReplaced) {
    write_file(destination_, content_);
    EXPECT_EQ(download(request()), sha256_of(content_));
    EXPECT_EQ(server_.requests(), 0U);
    write_file(destination_, std::string("other"));
    download(request());
    expect_only_the_file();
}

TEST_F(Download, UnknownSizeAndHashIsTakenAsItComes) {
    DownloadRequest wanted = request();
    wanted.sha256 = "";
    wanted.bytes = 0;
    server_.answer({{.say_length = false}});
    EXPECT_EQ(download(wanted), sha256_of(content_));
    expect_only_the_file();
}

TEST_F(Download, CutTransferGoesOnWhereItWasCut) {
    server_.answer({{.cut_at = 1000}, {.cut_at = 500}, {}});
    std::vector<std::string> warnings;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& sentence) { warnings.push_back(sentence); };
    download(request(), hooks);
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("", "bytes=1000-", "bytes=1500-"));
    ASSERT_EQ(warnings.size(), 2U);
    EXPECT_THAT(warnings[0], HasSubstr("cut at 1.0 kB"));
}

TEST_F(Download, CutsThatEachBringSomethingNewAreNotCounted) {
    server_.answer({{.cut_at = 10}, {.cut_at = 10}, {.cut_at = 10}, {.cut_at = 10}, {.cut_at = 10}, {}});
    download(request());
    expect_only_the_file();
}

TEST_F(Download, ServerThatIgnoresTheRangeStartsOver) {
    server_.answer({{.cut_at = 1000}, {.honour_range = false}});
    download(request());
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("", "bytes=1000-"));
}

TEST_F(Download, CutAtTheSamePlaceForEverEndsWithAnErrorThatNamesUrlAndWays) {
    server_.answer({{.cut_at = 1000, .honour_range = false}});
    const std::string message = message_of_failure(ErrorKind::Weights, request());
    EXPECT_THAT(message, HasSubstr(server_.url()));
    EXPECT_THAT(message, HasSubstr("3 times"));
    EXPECT_THAT(message, HasSubstr(destination_.string()));
    EXPECT_THAT(message, HasSubstr("--weights"));
    EXPECT_EQ(server_.requests(), 3U);
    EXPECT_THAT(left_in_folder(), ElementsAre("net.pth.part"));
}

TEST_F(Download, StalledTransferIsGivenUpAndContinued) {
    server_.answer({{.stall_at = 2000}, {}});
    DownloadRequest wanted = request();
    wanted.stall_seconds = 0.1;
    download(wanted);
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("", "bytes=2000-"));
}

TEST_F(Download, ServerThatNeverAnswersIsAnError) {
    server_.answer({{.stall_at = 0}});
    DownloadRequest wanted = request();
    wanted.stall_seconds = 0.05;
    wanted.attempts = 2;
    EXPECT_THAT(message_of_failure(ErrorKind::Weights, wanted), HasSubstr("nothing arrived"));
    EXPECT_EQ(server_.requests(), 2U);
    EXPECT_TRUE(left_in_folder().empty());
}

TEST_F(Download, WhatAnEarlierRunLeftIsContinued) {
    write_file(part_, content_.substr(0, 60'000));
    download(request());
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("bytes=60000-"));
}

TEST_F(Download, CompletePartIsNotFetchedAgain) {
    write_file(part_, content_);
    download(request());
    expect_only_the_file();
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(Download, CompletePartOfUnknownSizeIsProvedByTheHash) {
    write_file(part_, content_);
    DownloadRequest wanted = request();
    wanted.bytes = 0;
    download(wanted);  // the server answers 416: there is nothing after the part's end
    expect_only_the_file();
    EXPECT_EQ(server_.requests(), 1U);
}

TEST_F(Download, ForeignPartIsThrownAwayAndFetchedAnew) {
    write_file(part_, std::string(60'000, '!'));
    download(request());
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("bytes=60000-", ""));
}

TEST_F(Download, PartThatIsTooLongOrCannotBeProvedIsNotContinued) {
    write_file(part_, content_ + "more");
    download(request());
    expect_only_the_file();
    std::filesystem::remove(destination_);
    write_file(part_, std::string(10, '!'));
    DownloadRequest unchecked = request();
    unchecked.sha256 = "";
    download(unchecked);
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("", ""));
}

TEST_F(Download, WrongHashIsRemovedAndSaysFoundAndWanted) {
    server_.answer({{.corrupt = true}});
    const std::string message = message_of_failure(ErrorKind::Weights, request());
    std::string corrupted = content_;
    corrupted[0] = static_cast<char>(corrupted[0] ^ 1);
    EXPECT_THAT(message, HasSubstr(sha256_of(content_)));
    EXPECT_THAT(message, HasSubstr(sha256_of(corrupted)));
    EXPECT_THAT(message, HasSubstr("the server may have changed the file"));
    EXPECT_TRUE(left_in_folder().empty());
    EXPECT_EQ(server_.requests(), 1U);
}

TEST_F(Download, HashPrefixChecksToo) {
    DownloadRequest wanted = request();
    wanted.sha256 = sha256_of(content_).substr(0, 8);
    download(wanted);
    expect_only_the_file();
    std::filesystem::remove(destination_);
    wanted.sha256 = sha256_of("another").substr(0, 8);
    message_of_failure(ErrorKind::Weights, wanted);
    EXPECT_TRUE(left_in_folder().empty());
}

TEST_F(Download, OtherSizeThanWantedIsRefusedBeforeAnythingIsLost) {
    write_file(part_, content_.substr(0, 60'000));
    server_.answer({{.declared_length = 17, .honour_range = false}});
    EXPECT_THAT(message_of_failure(ErrorKind::Weights, request()), HasSubstr("17 bytes"));
    EXPECT_EQ(text_of(part_), content_.substr(0, 60'000));
}

TEST_F(Download, UndeclaredSizeThatDiffersIsRefusedToo) {
    server_.answer({{.say_length = false}});
    DownloadRequest wanted = request();
    wanted.bytes = 99'999;
    message_of_failure(ErrorKind::Weights, wanted);
    wanted.bytes = 100'001;
    message_of_failure(ErrorKind::Weights, wanted);
    EXPECT_TRUE(left_in_folder().empty());
}

TEST_F(Download, ContentLengthThatPromisesTooMuchIsSeenThroughByTheHash) {
    server_.answer({{.declared_length = 100'100}, {}});
    DownloadRequest wanted = request();
    wanted.bytes = 0;
    download(wanted);
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("", "bytes=100000-"));
}

TEST_F(Download, RedirectsAreFollowed) {
    server_.answer({{.status = 302, .location = "/b"}, {.status = 301, .location = server_.url("/c")}, {}});
    download(request());
    expect_only_the_file();
}

TEST_F(Download, RedirectLoopsEnd) {
    server_.answer({{.status = 302, .location = "/again"}});
    EXPECT_THAT(message_of_failure(ErrorKind::Weights, request()), HasSubstr("redirect"));
    EXPECT_LE(server_.requests(), 12U);
}

TEST_F(Download, OnlyHttpIsSpoken) {
    write_file(folder_ / "secret", content_);
    const std::string address = "file://" + (folder_ / "secret").string();
    server_.answer({{.status = 302, .location = address}});
    message_of_failure(ErrorKind::Weights, request());
    EXPECT_EQ(server_.requests(), 1U);
    DownloadRequest wanted = request();
    wanted.url = address;
    EXPECT_THAT(message_of_failure(ErrorKind::Weights, wanted), HasSubstr("https://"));
    EXPECT_THAT(left_in_folder(), ElementsAre("secret"));
}

TEST_F(Download, RefusalIsNotTriedAgain) {
    for (const int status : {403, 404}) {
        server_.answer({{.status = status}});
        const std::size_t before = server_.requests();
        EXPECT_THAT(message_of_failure(ErrorKind::Weights, request()), HasSubstr(std::to_string(status)));
        EXPECT_EQ(server_.requests(), before + 1);
    }
    EXPECT_TRUE(left_in_folder().empty());
}

TEST_F(Download, ServerInTroubleIsAskedAgain) {
    server_.answer({{.status = 500}, {.status = 503}, {}});
    download(request());
    expect_only_the_file();
}

TEST_F(Download, NobodyListeningIsAnErrorThatSaysSo) {
    DownloadRequest wanted = request();
    wanted.url = "http://127.0.0.1:1/net.pth";
    EXPECT_THAT(message_of_failure(ErrorKind::Weights, wanted), HasSubstr("127.0.0.1"));
}

TEST_F(Download, TooLittleSpaceIsSaidBeforeTheServerIsAsked) {
    DownloadRequest wanted = request();
    wanted.bytes = std::int64_t{1} << 60;
    EXPECT_THAT(message_of_failure(ErrorKind::Output, wanted), HasSubstr(folder_.path().string()));
    EXPECT_EQ(server_.requests(), 0U);
    // A size that only the server knows.
    wanted.bytes = 0;
    server_.answer({{.declared_length = std::size_t{1} << 60}});
    message_of_failure(ErrorKind::Output, wanted);
    EXPECT_TRUE(left_in_folder().empty());
}

TEST_F(Download, FolderThatCannotBeMadeIsAnOutputError) {
    write_file(folder_ / "file", std::string("x"));
    DownloadRequest wanted = request();
    wanted.destination = folder_ / "file/net.pth";
    message_of_failure(ErrorKind::Output, wanted);
}

TEST_F(Download, StoppedMidwayKeepsWhatArrivedAndTheNextRunGoesOn) {
    server_.answer({{.stall_at = 30'000}, {}});
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    std::thread user([&] {
        for (int i = 0; i < 2000; ++i) {
            std::error_code error;
            if (const auto size = std::filesystem::file_size(part_, error); !error && size == 30'000) {
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        cancel.request();
    });
    EXPECT_THAT(message_of_failure(ErrorKind::Cancelled, request(), hooks), HasSubstr("30.0 kB"));
    user.join();
    EXPECT_THAT(left_in_folder(), ElementsAre("net.pth.part"));
    download(request());
    expect_only_the_file();
    EXPECT_THAT(server_.ranges(), ElementsAre("", "bytes=30000-"));
}

TEST_F(Download, StopIsHeardBetweenTries) {
    server_.answer({{.status = 500}});
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    hooks.on_warning = [&](const std::string&) { cancel.request(); };
    DownloadRequest wanted = request();
    wanted.retry_seconds = 1000;
    message_of_failure(ErrorKind::Cancelled, wanted, hooks);
}

TEST_F(Download, TwoAtOnceFetchOnce) {
    server_.answer({{.delay = std::chrono::milliseconds(150)}});
    std::atomic<int> waits = 0;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& sentence) {
        EXPECT_THAT(sentence, HasSubstr("waiting for it"));
        ++waits;
    };
    std::thread other([&] { download(request(), hooks); });
    while (server_.requests() == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    download(request(), hooks);
    other.join();
    EXPECT_EQ(server_.requests(), 1U);
    EXPECT_EQ(waits, 1);
    expect_only_the_file();
}

TEST_F(Download, WaitingForAnotherCanBeStopped) {
    write_file(folder_ / "net.pth.lock", std::string());
    const int held = ::open((folder_ / "net.pth.lock").c_str(), O_RDWR);
    ASSERT_EQ(::flock(held, LOCK_EX), 0);
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    hooks.on_warning = [&](const std::string&) { cancel.request(); };
    EXPECT_THAT(message_of_failure(ErrorKind::Cancelled, request(), hooks), HasSubstr("waiting"));
    ::close(held);
    download(request());  // a lock file that a killed program left is no hindrance
    expect_only_the_file();
}

}  // namespace
}  // namespace reverie
