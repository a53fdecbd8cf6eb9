// The page about a run.
#include "reverie/output/report.h"

#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "reverie/image/picture.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

const std::string kEvil = "<script>\"'&\x01</script>";
const std::string kTamed = "&lt;script&gt;&quot;&#39;&amp;\xef\xbf\xbd&lt;/script&gt;";

std::size_t count_of(const std::string& text, const std::string& piece) {
    std::size_t count = 0;
    for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) {
        ++count;
    }
    return count;
}

Report full_report() {
    const Tensor image = at::full({3, 8, 8}, 0.5);
    Report report;
    report.title = "a title";
    report.summary = "a summary";
    report.facts = {{"seed", "7"}};
    report.options = {{"learning-rate", "0.001"}};
    report.plots = {{.title = "Loss", .curves = {{"loss", {1, 2}, {4, 3}}}}};
    report.pictures = {{"reals", image}};
    report.history = {{"step 100", image}, {"step 200", image}};
    report.notes = {"3 files were skipped."};
    return report;
}

std::vector<std::byte> from_base64(const std::string& text) {
    static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<std::byte> bytes;
    unsigned value = 0;
    int bits = 0;
    for (const char c : text) {
        if (c == '=') {
            break;
        }
        value = value << 6 | static_cast<unsigned>(kDigits.find(c));
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<std::byte>(value >> bits & 0xff));
        }
    }
    return bytes;
}

TEST(Report, HoldsEverythingItWasGiven) {
    const std::string page = report_html(full_report());
    for (const char* piece : {"<title>a title</title>", "<p>a summary</p>", "<dt>seed</dt><dd>7</dd>",
                              "<dt>learning-rate</dt><dd>0.001</dd>", ">Loss</text>", "<figcaption>reals</figcaption>",
                              "<figcaption>step 200</figcaption>", "<li>3 files were skipped.</li>"}) {
        EXPECT_THAT(page, HasSubstr(piece));
    }
    EXPECT_EQ(count_of(page, "<img"), 3);
    EXPECT_EQ(count_of(page, "<svg"), 1);
    EXPECT_LT(page.find("step 100"), page.find("step 200"));
}

TEST(Report, EscapesEveryText) {
    Report report = full_report();
    report.title = report.summary = kEvil;
    report.facts = report.options = {{kEvil, kEvil}};
    report.plots[0].title = report.plots[0].curves[0].name = kEvil;
    report.pictures[0].caption = report.history[0].caption = kEvil;
    report.notes = {kEvil};
    const std::string page = report_html(report);
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("\x01")));
    // Title twice, summary, four cells, the plot's title and label, two captions and their alts, the note.
    EXPECT_EQ(count_of(page, kTamed), 1 + 1 + 1 + 4 + 2 + 4 + 1);
}

TEST(Report, NeedsNothingFromOutside) {
    const std::string page = report_html(full_report());
    for (const char* piece : {"<script", "<link", "@import", "url(", "src=\"http"}) {
        EXPECT_THAT(page, Not(HasSubstr(piece)));
    }
    EXPECT_EQ(count_of(page, "http"), count_of(page, "xmlns=\"http") + count_of(page, "http-equiv"));
    EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
    EXPECT_THAT(page, HasSubstr("name=\"viewport\""));
}

TEST(Report, HoldsPicturesAsTheyAre) {
    for (const std::int64_t channels : {1, 3, 4}) {
        Report report;
        const Tensor image = at::rand({channels, 5, 7}).mul(255).round().div(255);
        report.pictures = {{"one", image}};
        const std::string page = report_html(report);
        const std::string head = "data:image/png;base64,";
        const std::size_t start = page.find(head) + head.size();
        const Picture back = decode_picture(from_base64(page.substr(start, page.find('"', start) - start)), "page");
        EXPECT_TRUE(
            back.color.allclose(image.narrow(0, 0, std::min<std::int64_t>(channels, 3)).expand({3, 5, 7}), 0, 1e-6));
        EXPECT_EQ(back.alpha.defined(), channels == 4);
    }
}

TEST(Report, HoldsLargePicturesAsJpeg) {
    Report report;
    report.pictures = {{"sheet", at::full({3, 700, 641}, 0.25)}};
    const std::string page = report_html(report);
    EXPECT_THAT(page, HasSubstr("data:image/jpeg;base64,"));
    EXPECT_LT(page.size(), 40'000U);
}

TEST(Report, LeavesOutWhatItWasNotGiven) {
    Report report;
    report.title = "bare";
    const std::string page = report_html(report);
    EXPECT_THAT(page, Not(HasSubstr("<section")));
    EXPECT_THAT(page, HasSubstr("<h1>bare</h1>"));
}

TEST(WriteReport, WritesThePage) {
    const TemporaryFolder folder;
    write_report(folder / "run/report.html", full_report());
    std::ifstream file(folder / "run/report.html");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), report_html(full_report()));
    test::expect_error(ErrorKind::Output, [&] { write_report(folder / "run/report.html/below", full_report()); });
}

}  // namespace
}  // namespace reverie
