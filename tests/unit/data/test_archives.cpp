// Archives as people hand them in: links, sparse members, compression, zips; and that nothing is missing in silence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <map>

#include "drawn_images.h"
#include "reverie/core/hooks.h"
#include "reverie/image/picture.h"
#include "support/expect_error.h"
#include "zip_text.h"

namespace reverie {
namespace {

using test::expect_error;
using test::flat;
using test::TarText;
using test::TemporaryFolder;
using test::ZipText;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string png(int level) { return test::encoded(flat(level), PictureFormat::Png); }

std::string zstandard(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the program zstd does: damage shows
    out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
    ZSTD_freeCCtx(context);
    return out;
}

/// Why each of the names was left out.
std::map<std::string, std::string> left_out(const Dataset& set) {
    std::map<std::string, std::string> reasons;
    for (const SkippedFile& file : set.skipped()) {
        reasons[file.path] = file.reason;
    }
    return reasons;
}

/// A header whose link field is set.
TarText& add_link(TarText& tar, const std::string& name, const std::string& target, char kind, std::size_t size = 0) {
    TarText one;
    one.add(name, std::string(size, 'x'), kind);
    std::string header = one.blocks.substr(0, 512);
    header.replace(157, target.size(), target);
    header.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : header) {
        sum += static_cast<unsigned char>(c);
    }
    std::array<char, 8> octal{};
    std::snprintf(octal.data(), octal.size(), "%06o", sum);
    header.replace(148, 7, std::string(octal.data(), 7));
    tar.blocks += header;
    return tar;
}

TEST(Tar, HardLinksAreOtherNamesOfTheMembersBeforeThem) {
    const TemporaryFolder folder;
    TarText tar;
    tar.add("blobs/1", png(10)).add("b.png", png(20));
    add_link(tar, "a/linked.png", "blobs/1", '1');
    add_link(tar, "a/chained.png", "a/linked.png", '1', 700);  // some programs repeat the size and have no bytes
    add_link(tar, "./a/dotted.png", "./b.png", '1');
    tar.add("././@LongLink", "b.png" + std::string(1, '\0'), 'K');
    add_link(tar, "a/long.png", "something cut", '1');
    add_link(tar, "a/lost.png", "nowhere.png", '1');
    test::write_text(folder / "set.tar", tar.finished());
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set), ElementsAre("a/chained.png", "a/dotted.png", "a/linked.png", "a/long.png", "b.png"));
    EXPECT_THAT(test::levels(set), ElementsAre(10, 20, 10, 20, 20));
    const auto reasons = left_out(set);
    EXPECT_THAT(reasons.at("a/lost.png"), HasSubstr("a hard link to 'nowhere.png', which is not before it"));
    EXPECT_TRUE(reasons.contains("blobs/1"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open_dataset(folder / "set.tar", {.strict = true}); }),
                HasSubstr("a/lost.png"));
}

TEST(Tar, WhatCannotBeReadIsListed) {
    const TemporaryFolder folder;
    TarText tar;
    tar.add("a.png", png(10));
    add_link(tar, "soft.png", "a.png", '2');
    tar.add("volume.png", png(20), 'M').add("odd.png", png(20), 'Z').add("pipe.png", "", '6');
    tar.add("movie.mov", "no image").add("notes.txt", "text").add("._a.png", "a shadow").add(".DS_Store", "it");
    test::write_text(folder / "set.tar", tar.finished());
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set), ElementsAre("a.png"));
    const auto reasons = left_out(set);
    EXPECT_THAT(reasons.at("soft.png"), HasSubstr("symbolic link to 'a.png'"));
    EXPECT_THAT(reasons.at("volume.png"), HasSubstr("another volume"));
    EXPECT_THAT(reasons.at("odd.png"), HasSubstr("kind 'Z'"));
    EXPECT_THAT(reasons.at("movie.mov"), HasSubstr("not named as a picture"));
    EXPECT_EQ(reasons.size(), 4U);
    EXPECT_EQ(set.sidecars(), 3);
    EXPECT_EQ(left_out_text(set.skipped()), "4 files left out (soft.png, volume.png, odd.png, ...)");
}

/// A black picture but for its first row, so that most of its bytes are zeros: [0, kHead) and [kFoot, end) are not.
struct Sparse {
    Sparse() {
        Tensor image = flat(0);
        image.narrow(1, 0, 1).fill_(200 / 255.0);
        whole = test::encoded(image, PictureFormat::Bmp);
        foot = whole.size() - 24 * 3;
        stored = whole.substr(0, kHead) + whole.substr(foot);
    }
    std::string map(const std::string& between) const {
        return "0" + between + std::to_string(kHead) + between + std::to_string(foot) + between +
               std::to_string(whole.size() - foot);
    }
    static constexpr std::size_t kHead = 138;  // of the longest header, zeros behind
    std::string whole;
    std::string stored;
    std::size_t foot = 0;
};

TEST(Tar, SparseMembersOfEveryGnuFormatAreWhole) {
    const TemporaryFolder folder;
    const Sparse sparse;
    const auto octal = [](std::size_t value) {
        std::array<char, 13> text{};
        std::snprintf(text.data(), text.size(), "%011zo", value);
        return std::string(text.data(), 12);
    };
    const auto size = std::to_string(sparse.whole.size());
    using test::pax_record;
    TarText tar;
    // 1.0: the map stands before the bytes.
    std::string with_map = "2\n" + sparse.map("\n") + "\n";
    with_map.resize(512, '\0');
    tar.add("x",
            pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                pax_record("GNU.sparse.name", "c.bmp") + pax_record("GNU.sparse.realsize", size),
            'x');
    tar.add("GNUSparseFile.0/c.bmp", with_map + sparse.stored);
    // 0.1: the map is a record.
    tar.add("x",
            pax_record("GNU.sparse.map", sparse.map(",")) + pax_record("GNU.sparse.name", "b.bmp") +
                pax_record("GNU.sparse.size", size),
            'x');
    tar.add("GNUSparseFile.0/b.bmp", sparse.stored);
    // 0.0: a record for each number.
    tar.add("x",
            pax_record("GNU.sparse.size", size) + pax_record("GNU.sparse.numblocks", "2") +
                pax_record("GNU.sparse.offset", "0") + pax_record("GNU.sparse.numbytes", "138") +
                pax_record("GNU.sparse.offset", std::to_string(sparse.foot)) + pax_record("GNU.sparse.numbytes", "72"),
            'x');
    tar.add("a.bmp", sparse.stored);
    // Before pax: the map is in the header's last fields.
    tar.add("d.bmp", sparse.stored, 'S',
            std::string(41, '\0') + octal(0) + octal(138) + octal(sparse.foot) + octal(72) + std::string(48, '\0') +
                std::string(1, '\0') + octal(sparse.whole.size()));
    // A map that reaches beyond the picture.
    tar.add("e.bmp", sparse.stored, 'S',
            std::string(41, '\0') + octal(0) + octal(138) + octal(sparse.whole.size()) + octal(72) +
                std::string(49, '\0') + octal(sparse.whole.size()));
    test::write_text(folder / "set.tar", tar.finished());
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set), ElementsAre("a.bmp", "b.bmp", "c.bmp", "d.bmp"));
    EXPECT_THAT(test::levels(set), ElementsAre(200, 200, 200, 200));
    EXPECT_EQ(set.read(all_indices(set)).sum().item<std::int64_t>(), 4 * 24 * 200);
    EXPECT_THAT(left_out(set).at("e.bmp"), HasSubstr("sparse member whose map is damaged"));
}

TEST(Tar, ASparseMemberOfMoreZerosThanAPictureNeedsIsLeftOut) {
    const TemporaryFolder folder;
    TarText tar;
    tar.add("x", test::pax_record("GNU.sparse.map", "0,4") + test::pax_record("GNU.sparse.size", "900000000000"), 'x');
    tar.add("bomb.png", "\x89PNG").add("a.png", png(10));
    test::write_text(folder / "set.tar", tar.finished());
    EXPECT_THAT(left_out(open_dataset(folder / "set.tar")).at("bomb.png"), HasSubstr("900000000000 bytes"));
}

TEST(CompressedTar, IsReadLikeThePlainOneWhateverItIsCalled) {
    const TemporaryFolder folder;
    const std::string tar = TarText().add("set/x/a.png", png(10)).add("set/y/b.png", png(20)).finished();
    test::write_text(folder / "plain.bin", tar);
    const std::string digest = open_dataset(folder / "plain.bin").digest();
    const std::size_t half = 1000;
    const std::map<std::string, std::string> packed = {
        {"set.tar.gz", test::gzipped(tar)},
        {"set.tar.zst", zstandard(tar)},
        {"set.tar", test::gzipped(tar)},
        {"parts.tgz", test::gzipped(tar.substr(0, half)) + test::gzipped(tar.substr(half)) + std::string(100, '\0')},
        {"parts.zst", zstandard(tar.substr(0, half)) + zstandard(tar.substr(half))}};
    for (const auto& [name, bytes] : packed) {
        test::write_text(folder / name, bytes);
        for (const std::string cache : {"", "cache"}) {
            DataOptions options;
            options.cache_folder = cache.empty() ? std::filesystem::path() : folder / cache;
            const Dataset set = open_dataset(folder / name, options);
            EXPECT_THAT(test::levels(set), ElementsAre(10, 20)) << name;
            EXPECT_THAT(set.classes(), ElementsAre("x", "y"));
            EXPECT_EQ(set.digest(), digest) << name;
        }
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder / "cache")) << "what was unpacked is gone";
}

TEST(CompressedTar, ThatIsDamagedCutOrABombIsRefused) {
    const TemporaryFolder folder;
    const std::string tar = TarText().add("a.png", png(10)).add("b.png", png(20)).finished();
    const auto open = [&](const std::string& bytes) {
        test::write_text(folder / "set", bytes);
        return expect_error(ErrorKind::Input, [&] { open_dataset(folder / "set"); });
    };
    const std::string gzip = test::gzipped(tar);
    const std::string zstd = zstandard(tar);
    EXPECT_THAT(open(gzip.substr(0, gzip.size() - 3)), HasSubstr("is truncated"));
    EXPECT_THAT(open(zstd.substr(0, zstd.size() - 3)), HasSubstr("is truncated"));
    std::string wrong = gzip;
    wrong[gzip.size() - 6] = static_cast<char>(wrong[gzip.size() - 6] ^ 1);
    EXPECT_THAT(open(wrong), HasSubstr("damaged gzip file"));
    wrong = zstd;
    wrong[zstd.size() / 2] = static_cast<char>(wrong[zstd.size() / 2] ^ 0x55);
    EXPECT_THAT(open(wrong), HasSubstr("damaged"));
    EXPECT_THAT(open(test::gzipped("a text")), HasSubstr("neither a tar of images nor IDX values"));
    EXPECT_THAT(open("\xfd"
                     "7zXZ of something"),
                HasSubstr("is an xz file"));
    // Whatever is cut or flipped ends in a sentence.
    for (const std::string& whole : {gzip, zstd}) {
        for (std::size_t at = 0; at < whole.size(); at += 7) {
            std::string flipped = whole;
            flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
            for (const std::string& bytes : {whole.substr(0, at), flipped}) {
                test::expect_set_or_sentence(folder / "set", bytes);
            }
        }
    }
}

TEST(Zip, IsReadLikeTheFolderItHolds) {
    const TemporaryFolder folder;
    ZipText zip;
    zip.add("set/", "").add("set/x/a.png", png(10)).add("set/y/b.png", png(20), {.deflated = true});
    zip.add("set/y/c.png", png(30), {.deflated = true, .descriptor = true}).add("set/y/d.png", png(40), {.wide = true});
    zip.add("set/y/d.png", png(50)).add("set/x/\xc3\xa9.png", png(60), {.flags = 0x800});
    zip.add("__MACOSX/set/x/._a.png", "a shadow").add("set/notes.txt", "text").add("set/movie.mov", "no image");
    test::write_text(folder / "set.tar", zip.finished());  // told by content
    const Dataset set = open_dataset(folder / "set.tar");
    EXPECT_THAT(test::names(set),
                ElementsAre("set/x/a.png", "set/x/\xc3\xa9.png", "set/y/b.png", "set/y/c.png", "set/y/d.png"));
    EXPECT_THAT(test::levels(set), ElementsAre(10, 60, 20, 30, 50));
    EXPECT_THAT(set.classes(), ElementsAre("x", "y"));
    EXPECT_EQ(set.sidecars(), 2);
    EXPECT_THAT(left_out_text(set.skipped()), "1 file left out (set/movie.mov)");
}

TEST(Zip, WhatCannotBeReadIsListed) {
    const TemporaryFolder folder;
    ZipText zip;
    zip.add("a.png", png(10)).add("locked.png", png(20), {.flags = 1}).add("soft.png", "a.png", {.mode = 0120777});
    std::string damaged = png(30);
    zip.add("damaged.png", damaged);
    zip.add("no.png", "what is no picture, " + std::string(2'000'000, 'x'), {.deflated = true});
    std::string text = zip.finished();
    const std::size_t at = text.find(damaged) + damaged.size() / 2;
    text[at] = static_cast<char>(text[at] ^ 1);
    test::write_text(folder / "set.zip", text);
    const Dataset set = open_dataset(folder / "set.zip");
    EXPECT_THAT(test::names(set), ElementsAre("a.png"));
    const auto reasons = left_out(set);
    EXPECT_THAT(reasons.at("locked.png"), HasSubstr("is encrypted"));
    EXPECT_THAT(reasons.at("soft.png"), HasSubstr("symbolic link"));
    EXPECT_THAT(reasons.at("damaged.png"), HasSubstr("is damaged"));
    EXPECT_THAT(reasons.at("no.png"), HasSubstr("not a picture"));
}

TEST(Zip, AMemberLongerThanAPictureCanBeIsLeftOut) {
    const TemporaryFolder folder;
    test::write_text(folder / "set.zip",
                     ZipText()
                         .add("a.png", png(10))
                         // NOLINTNEXTLINE(bugprone-string-constructor): it is meant to be long
                         .add("bomb.png", png(20) + std::string(20'000'000, '\0'), {.deflated = true})
                         .finished());
    EXPECT_THAT(left_out(open_dataset(folder / "set.zip", {.max_pixels = 1000})).at("bomb.png"),
                HasSubstr("more than a picture within {--max-pixels} can need"));
}

TEST(Zip, ThatIsDamagedOrCutIsASentence) {
    const TemporaryFolder folder;
    const std::string whole = ZipText().add("a.png", png(10)).add("b.png", png(20), {.deflated = true}).finished();
    const auto open = [&](const std::string& bytes) {
        test::write_text(folder / "set.zip", bytes);
        return expect_error(ErrorKind::Input, [&] { open_dataset(folder / "set.zip"); });
    };
    EXPECT_THAT(open(whole.substr(0, whole.size() - 30)), HasSubstr("damaged or cut zip"));
    EXPECT_THAT(open(ZipText().finished()), HasSubstr("holds no image"));
    for (std::size_t at = 0; at < whole.size(); at += 3) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
        test::expect_set_or_sentence(folder / "set.zip", flipped);
    }
}

}  // namespace
}  // namespace reverie
