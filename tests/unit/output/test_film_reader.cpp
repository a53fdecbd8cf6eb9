// What frames look like: geometry, colours, transparency; and films that are not as they should be.
#include "reverie/output/film_reader.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "film_tools.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using namespace test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::int64_t> ones(std::size_t count) { return std::vector<std::int64_t>(count, 1); }

class Turned : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(FilmReader, Turned, testing::Values(90, 180, 270));

TEST_P(Turned, FilmsComeUpright) {
    const TemporaryFolder folder;
    const Size stored = {36, 50};
    const auto film = write_soft_film(folder / "a.mp4", stored, {.pixel_aspect = {16, 15}}, ones(3));
    add_extras(film, folder / "b.mp4", {.turned = GetParam()});
    FilmReader reader(folder / "b.mp4");
    EXPECT_EQ(reader.info().rotation, GetParam());
    EXPECT_FALSE(reader.info().mirrored);
    const bool lies = GetParam() != 180;
    EXPECT_EQ(reader.size(), (lies ? Size{50, 36} : stored));
    EXPECT_EQ(reader.info().pixel_aspect, (lies ? Rational{15, 16} : Rational{16, 15}));
    const Tensor expected = at::rot90(soft_frame(0, 36, 50), -GetParam() / 90, {1, 2});  // rot90 turns to the left
    EXPECT_LT(mean_error(reader.next()->image, expected), 0.01);
}

TEST(FilmReader, KeepsTheShapeOfPixels) {
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.mov", "a.mkv", "a.webm"}) {
        const auto film = write_soft_film(folder / name, {576 / 8, 720 / 8}, {.pixel_aspect = {16, 15}}, ones(2));
        EXPECT_EQ(FilmReader(film).info().pixel_aspect, (Rational{16, 15})) << name;
        EXPECT_EQ(FilmReader(film).size(), (Size{72, 90})) << name;
    }
}

TEST(FilmWriter, KeepsOddSizesOrSaysWhatItPads) {
    const TemporaryFolder folder;
    for (const auto& [height, width] : {std::pair(33, 47), std::pair(1, 1), std::pair(2, 5), std::pair(71, 16)}) {
        // What has a few pixels has one colour, of which 4:2:0 keeps all.
        const Tensor frame = height * width > 100
                                 ? soft_frame(1, height, width)
                                 : at::tensor({0.7F, 0.4F, 0.2F}).view({3, 1, 1}).expand({3, height, width});
        for (const char* name : {"a.webm", "a.mkv", "frames", "a.mp4"}) {
            const std::string codec = std::string(name) == "a.mkv" ? "ffv1" : "";
            FilmWriter film(folder / name, {.codec = codec});
            film.add(frame, {0, 1});
            film.add(frame, {1, 1});
            const bool padded = std::string(name) == "a.mp4" || (codec == "ffv1" && width == 1);
            EXPECT_EQ(testing::Value(film.notes(), Contains(HasSubstr("even sides"))), padded) << name;
            const Tensor back = read_all(film.finish()).at(0).image;
            EXPECT_EQ(back.size(1), padded ? height + height % 2 : height);
            EXPECT_EQ(back.size(2), padded ? width + width % 2 : width);
            EXPECT_LT(mean_error(back.narrow(1, 0, height).narrow(2, 0, width), frame), 0.02) << name;
        }
    }
}

struct Colors {
    const char* name;
    FilmColor color;
};
class EveryMatrix : public testing::TestWithParam<Colors> {};
INSTANTIATE_TEST_SUITE_P(Films, EveryMatrix,
                         testing::Values(Colors{"Bt601Limited", {6, 6, 6, false}}, Colors{"Bt601Full", {6, 6, 6, true}},
                                         Colors{"Bt709Limited", {1, 1, 1, false}}, Colors{"Bt709Full", {1, 1, 1, true}},
                                         Colors{"Bt2020Limited", {9, 9, 14, false}}),
                         [](const auto& test) { return test.param.name; });

TEST_P(EveryMatrix, IsUndoneAndDoneAgain) {
    const TemporaryFolder folder;
    const FilmColor& color = GetParam().color;
    for (const char* name : {"a.mp4", "a.mkv", "a.webm"}) {
        const std::string where = std::string(name) + " " + GetParam().name;
        const Size size = {64, 96};
        const auto film = write_soft_film(folder / name, size, {.color = color, .crf = 4}, ones(3));
        FilmReader reader(film);
        EXPECT_EQ(reader.info().color, color) << where;
        const Tensor first = reader.next()->image;
        // Half-size chroma loses a little; another matrix or range is off by 4/255 and more.
        EXPECT_LT(mean_error(first, soft_frame(0, 64, 96)), 1.5 / 255) << where;
        // A round trip of what was read, as of a style of strength 0.
        FilmWriter again(folder / (std::string("again_") + name), {.color = reader.info().color, .crf = 4});
        again.add(first, {0, 1});
        const Tensor second = read_all(again.finish()).at(0).image;
        EXPECT_LT(mean_error(second, first), 1.0 / 255) << where;
        EXPECT_NEAR((second - first).mean().item<double>(), 0, 0.3 / 255) << where;
    }
}

TEST_P(EveryMatrix, LeavesGreyGrey) {
    const TemporaryFolder folder;
    const Tensor ramp = at::linspace(0, 1, 256).expand({3, 32, 256}).contiguous();
    FilmWriter film(folder / "ramp.mp4", {.color = GetParam().color, .crf = 4});
    film.add(ramp, {0, 1});
    const Tensor back = read_all(film.finish()).at(0).image;
    EXPECT_LT(mean_error(back, ramp), 1.0 / 255);
    EXPECT_LT((back.amax(0) - back.amin(0)).max().item<double>(), 2.5 / 255);
    EXPECT_LT((back.amax(0) - back.amin(0)).mean().item<double>(), 0.5 / 255);
    EXPECT_GT(back.max().item<double>(), 0.98);
    EXPECT_LT(back.min().item<double>(), 0.02);
}

TEST(FilmReader, TakesUnstatedColoursByTheNumberOfLines) {
    const TemporaryFolder folder;
    const FilmColor none = {FilmColor::kNotStated, FilmColor::kNotStated, FilmColor::kNotStated, false};
    // MJPEG says nothing of its matrix but its range.
    write_mjpeg(folder / "small.avi", {soft_frame(0, 48, 64), soft_frame(1, 48, 64)});
    const FilmInfo small = FilmReader(folder / "small.avi").info();
    EXPECT_TRUE(small.color.full_range);
    EXPECT_LT(mean_error(read_all(folder / "small.avi").at(1).image, soft_frame(1, 48, 64)), 0.01);
    // What is written without a wish is tagged as BT.709.
    const auto film = write_soft_film(folder / "a.mp4", {32, 32}, {.color = none}, ones(1));
    EXPECT_EQ(FilmReader(film).info().color, (FilmColor{1, 1, 13, false}));
}

TEST(FilmWriter, KeepsTenBits) {
    const TemporaryFolder folder;
    const Tensor ramp = at::linspace(0, 1, 1024).expand({3, 16, 1024}).contiguous();
    const auto levels = [](const Tensor& back) {
        const Tensor row = back.select(0, 1).select(0, 8).mul(1023).round().to(at::kLong);
        return std::get<0>(at::_unique(row)).numel();
    };
    for (const char* name : {"a.mkv", "a.mp4", "a.webm"}) {
        FilmWriter film(folder / name, {.color = {1, 1, 13, true}, .bits = 10, .crf = 0});
        film.add(ramp, {0, 1});
        const auto path = film.finish();
        FilmReader reader(path);
        EXPECT_EQ(reader.info().bits, 10) << name;
        const Tensor back = reader.next()->image;
        EXPECT_GE(levels(back), 900) << name;
        EXPECT_LT(mean_error(back, ramp), 0.5 / 255) << name;
    }
    const auto eight = write_soft_film(folder / "b.mp4", {16, 16}, {}, ones(1));
    EXPECT_EQ(FilmReader(eight).info().bits, 8);
}

struct Transparent {
    const char* name;
    std::string file;
    std::string codec;
    double tolerance;
};
class WithAlpha : public testing::TestWithParam<Transparent> {};
INSTANTIATE_TEST_SUITE_P(
    Films, WithAlpha,
    testing::Values(Transparent{"ProRes", "a.mov", "prores", 0.01}, Transparent{"PngInMov", "a.mov", "png", 0.003},
                    Transparent{"Vp9", "a.webm", "", 0.01}, Transparent{"Vp9InMatroska", "a.mkv", "", 0.01},
                    Transparent{"Ffv1", "a.mkv", "ffv1", 0.003}, Transparent{"WebP", "a.webp", "", 0.01},
                    Transparent{"Pngs", "frames", "", 0.003}),
    [](const auto& test) { return test.param.name; });

TEST_P(WithAlpha, KeepsIt) {
    const TemporaryFolder folder;
    const auto film = write_soft_film(folder / GetParam().file, {48, 64}, {.codec = GetParam().codec}, ones(4), 0, 4);
    const FilmReader reader(film);
    EXPECT_TRUE(reader.info().alpha);
    const std::vector<FilmFrame> frames = read_all(film);
    ASSERT_EQ(frames.size(), 4);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        ASSERT_EQ(frames[i].image.size(0), 4);
        const Tensor expected = soft_frame(std::int64_t(i), 48, 64, 4);
        EXPECT_LT(mean_error(frames[i].image[3], expected[3]), GetParam().tolerance) << i;
        EXPECT_LT(mean_error(frames[i].image, expected), GetParam().tolerance) << i;
    }
}

TEST(FilmWriter, PutsAlphaOnWhiteWhereItCannotStayAndSaysSo) {
    const TemporaryFolder folder;
    Tensor faint = at::zeros({4, 16, 16});
    faint[3] = 0.25;
    for (const char* name : {"a.mp4", "a.gif", "a.y4m"}) {
        FilmWriter film(folder / name, {});
        film.add(faint, {0, 1});
        film.add(faint, {1, 1});
        EXPECT_THAT(film.notes(), Contains(HasSubstr("on white"))) << name;
        const Tensor back = read_all(film.finish()).at(0).image;
        EXPECT_EQ(back.size(0), 3) << name;
        EXPECT_NEAR(back.mean().item<double>(), 0.75, 0.02) << name;
    }
}

class Seeking : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(FilmReader, Seeking, testing::Values("a.mp4", "a.mkv", "a.webm", "a.gif", "a.webp", "frames"));

TEST_P(Seeking, GivesTheFrameThatComesFrameByFrame) {
    const TemporaryFolder folder;
    // Closed segments bring key frames amid the film.
    FilmWriteOptions options = {.time_base = {1, 100}, .state = folder / "state", .segment_frames = 7};
    std::vector<std::int64_t> durations;
    for (std::int64_t i = 0; i < 24; ++i) {
        durations.push_back(2 + i % 4);
    }
    const auto film = write_soft_film(folder / GetParam(), {34, 46}, options, durations);
    const std::vector<FilmFrame> frames = read_all(film);
    ASSERT_EQ(frames.size(), durations.size());
    FilmReader reader(film);
    for (const std::size_t i : {std::size_t{13}, std::size_t{3}, std::size_t{0}, std::size_t{7}, std::size_t{23},
                                std::size_t{22}, std::size_t{8}}) {
        reader.seek(frames[i].time.pts);
        const std::optional<FilmFrame> frame = reader.next();
        ASSERT_TRUE(frame.has_value()) << i;
        EXPECT_EQ(frame->time, frames[i].time) << i;
        EXPECT_TRUE(frame->image.equal(frames[i].image)) << i;
        if (i + 1 < frames.size()) {
            EXPECT_EQ(reader.next()->time, frames[i + 1].time) << i;
        } else {
            EXPECT_FALSE(reader.next().has_value());
        }
    }
    const std::string sentence = expect_error(ErrorKind::Input, [&] { reader.seek(frames.back().time.pts + 1000); });
    EXPECT_THAT(sentence, HasSubstr("tick"));
}

TEST(FilmReader, ReadsPicturesByTheirNumbers) {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "shot");
    for (const int number : {9, 10, 11, 100}) {
        save_image(folder / ("shot/f" + std::to_string(number) + "_x.png"), at::full({3, 6, 7}, number / 255.0));
    }
    for (const auto& path : {folder / "shot", folder / "shot/f%d_x.png"}) {
        FilmReader reader(path, {.picture_rate = {12, 1}});
        EXPECT_EQ(reader.info().frames, 4);
        EXPECT_EQ(reader.info().time_base, (Rational{1, 12}));
        EXPECT_THAT(reader.info().notes, Contains(HasSubstr("88 numbers")));
        for (const int number : {9, 10, 11, 100}) {
            EXPECT_NEAR(reader.next()->image[0][0][0].item<double>(), number / 255.0, 1e-6);
        }
        EXPECT_FALSE(reader.next().has_value());
    }
    save_image(folder / "shot/f101_x.png", at::zeros({3, 6, 8}));
    FilmReader reader(folder / "shot");
    for (int i = 0; i < 4; ++i) {
        reader.next();
    }
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { reader.next(); }), HasSubstr("f101_x.png"));
    save_image(folder / "shot/g1.png", at::zeros({3, 6, 7}));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { FilmReader(folder / "shot"); }), HasSubstr("several rows"));
    expect_error(ErrorKind::Input, [&] { FilmReader(folder / "shot/h%04d.png"); });
}

TEST(FilmReader, ReadsAPipeOfY4mFrameByFrame) {
    const TemporaryFolder folder;
    const auto file =
        write_soft_film(folder / "a.y4m", {35, 41}, {.time_base = {1001, 24000}, .rate = {24000, 1001}}, ones(6));
    const std::filesystem::path pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer([&] {
        const std::vector<std::byte> bytes = read_file(file);
        std::ofstream(pipe, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    });
    FilmReader reader(pipe);
    EXPECT_EQ(reader.size(), (Size{35, 41}));
    EXPECT_EQ(reader.info().time_base, (Rational{1001, 24000}));
    std::size_t count = 0;
    while (const std::optional<FilmFrame> frame = reader.next()) {
        EXPECT_EQ(frame->time, (FilmTime{std::int64_t(count), 1}));
        EXPECT_LT(mean_error(frame->image, soft_frame(std::int64_t(count), 35, 41)), 0.005);
        ++count;
    }
    EXPECT_EQ(count, 6);
    expect_error(ErrorKind::Input, [&] { reader.seek(0); });
    writer.join();
}

// Films that are not as they should be.

void cut_file(const std::filesystem::path& path, double share) {
    std::filesystem::resize_file(path, std::uintmax_t(double(std::filesystem::file_size(path)) * share));
}

TEST(BrokenFilm, ThatIsCutOffGivesTheFramesBeforeAndThenSaysSo) {
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.mkv", "a.webm", "a.avi", "a.gif", "a.y4m"}) {
        const std::filesystem::path path = folder / name;
        if (path.extension() == ".avi") {
            std::vector<Tensor> pictures;
            for (int i = 0; i < 20; ++i) {
                pictures.push_back(soft_frame(i, 48, 64));
            }
            write_mjpeg(path, pictures);
        } else if (path.extension() == ".y4m") {  // within a frame: a stream that ends between two is whole
            write_soft_film(path, {48, 64}, {}, ones(20));
        } else {
            write_soft_film(
                path, {48, 64},
                {.crf = path.extension() == ".gif" ? -1.0 : 1.0, .state = folder / "state", .segment_frames = 4},
                ones(20));
        }
        cut_file(path, 0.7);
        FilmReader reader(path);
        std::int64_t count = 0;
        const std::string sentence = expect_error(ErrorKind::Input, [&] {
            while (const std::optional<FilmFrame> frame = reader.next()) {
                EXPECT_LT(mean_error(frame->image, soft_frame(count, 48, 64)), 0.02) << name << count;
                ++count;
            }
        });
        EXPECT_THAT(sentence, testing::AllOf(HasSubstr(name), HasSubstr("whole"))) << name;
        EXPECT_GT(count, 4) << name;
        EXPECT_LT(count, 20) << name;
    }
    // Without its index, which stands behind the frames in what cameras write, nothing can be read.
    write_soft_film(folder / "b.mov", {48, 64}, {}, ones(5));
    cut_file(folder / "b.mov", 0.1);
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { FilmReader(folder / "b.mov"); }), HasSubstr("b.mov"));
}

TEST(BrokenFilm, WithADamagedPacketGivesTheFramesBeforeIt) {
    const TemporaryFolder folder;
    for (const char* codec : {"h264", "mpeg4", "ffv1"}) {
        const auto path = write_soft_film(folder / "a.mkv", {48, 64},
                                          {.codec = codec, .crf = std::string(codec) == "ffv1" ? -1.0 : 2.0}, ones(12));
        const auto packets = take_apart(path).of("video");
        std::vector<std::byte> bytes = read_file(path);
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const std::size_t at = text.find(packets[7]);
        ASSERT_NE(at, std::string_view::npos);
        for (std::size_t i = packets[7].size() / 3; i < packets[7].size(); ++i) {
            bytes[at + i] ^= std::byte{0x5a};
        }
        write_file(path, bytes);
        FilmReader reader(path);
        std::int64_t count = 0;
        const std::string sentence = expect_error(ErrorKind::Input, [&] {
            while (const std::optional<FilmFrame> frame = reader.next()) {
                EXPECT_LT(mean_error(frame->image, soft_frame(count, 48, 64)), 0.02) << codec << count;
                ++count;
            }
        });
        EXPECT_THAT(sentence, HasSubstr("damaged")) << codec;
        EXPECT_GT(count, 3) << codec;
        EXPECT_LT(count, 12) << codec;
    }
}

TEST(BrokenFilm, ThatChangesItsSizeIsReadUpToThere) {
    const TemporaryFolder folder;
    write_mjpeg(folder / "a.mkv", {soft_frame(0, 48, 64), soft_frame(1, 48, 64), soft_frame(2, 48, 80)});
    FilmReader reader(folder / "a.mkv");
    EXPECT_TRUE(reader.next().has_value());
    EXPECT_TRUE(reader.next().has_value());
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { reader.next(); }),
                testing::AllOf(HasSubstr("64x48"), HasSubstr("80x48")));
}

TEST(BrokenFilm, WithoutAnyFrameIsRefused) {
    const TemporaryFolder folder;
    write_mjpeg(folder / "none.avi", {});
    write_mjpeg(folder / "none.mkv", {});
    write_file(folder / "none.y4m", std::string_view("YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C444\n"));
    write_file(folder / "empty.mp4", std::string_view(""));
    write_file(folder / "words.mp4", std::string_view("#EXTM3U\nhttp://example.org/film.ts\n"));
    for (const char* name : {"none.avi", "none.mkv", "none.y4m", "empty.mp4", "words.mp4", "missing.mp4"}) {
        EXPECT_THAT(expect_error(ErrorKind::Input, [&] { FilmReader(folder / name); }), HasSubstr(name));
    }
}

TEST(BrokenFilm, IsRefusedBeyondTheLimit) {
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.webp"}) {
        write_soft_film(folder / name, {40, 60}, {}, ones(2));
        EXPECT_THAT(
            expect_error(ErrorKind::Input, [&] { FilmReader(folder / name, {.limits = {.max_pixels = 2399}}); }),
            HasSubstr("60x40"));
        EXPECT_EQ(FilmReader(folder / name, {.limits = {.max_pixels = 2400}}).size(), (Size{40, 60}));
    }
}

TEST(HoldsFilm, GoesByContentAlone) {
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "a.y4m"}) {
        const auto path = write_soft_film(folder / name, {16, 16}, {}, ones(2));
        std::filesystem::rename(path, folder / "IMG_0001");
        EXPECT_TRUE(holds_film(folder / "IMG_0001")) << name;
        EXPECT_EQ(read_all(folder / "IMG_0001").size(), 2) << name;
    }
    write_soft_film(folder / "still.gif", {16, 16}, {}, ones(1));
    write_soft_film(folder / "still.webp", {16, 16}, {}, ones(1));
    save_image(folder / "still.png", soft_frame(0, 16, 16));
    std::filesystem::rename(folder / "still.png", folder / "still.mp4");
    for (const char* name : {"still.gif", "still.webp", "still.mp4", ".", "missing"}) {
        EXPECT_FALSE(holds_film(folder / name)) << name;
    }
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { FilmReader(folder / "still.mp4"); }), HasSubstr("still picture"));
}

TEST(FilmMemory, DoesNotGrowWithTheFilm) {
    const TemporaryFolder folder;
    const auto peak = [] {  // kB
        std::ifstream status("/proc/self/status");
        std::string line;
        while (std::getline(status, line)) {
            if (line.starts_with("VmHWM:")) {
                return std::stod(line.substr(6));
            }
        }
        return 0.0;
    };
    const auto peak_of = [&](std::int64_t frames) {
        std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
        const std::filesystem::path path = folder / (std::to_string(frames) + ".mp4");
        FilmWriter film(path, {.state = folder / "state"});
        for (std::int64_t i = 0; i < frames; ++i) {
            film.add(soft_frame(i, 96, 128), {i, 1});
            if (i % 100 == 99) {  // no frames on disk but those of the open segment, its packets and what says of them
                const std::filesystem::directory_iterator entries(folder / "state");
                const auto raw = std::count_if(begin(entries), end(entries),
                                               [](const auto& entry) { return entry.path().extension() == ".raw"; });
                EXPECT_LE(raw, 48);
            }
        }
        film.finish();
        FilmReader reader(path);
        while (reader.next()) {
        }
        return peak();
    };
    peak_of(200);
    const double few = peak_of(200);
    const double many = peak_of(1000);  // their frames alone would be 118 MB
    EXPECT_LT(many, 1.05 * few);
    EXPECT_GT(few, 0);
}

}  // namespace
}  // namespace reverie
