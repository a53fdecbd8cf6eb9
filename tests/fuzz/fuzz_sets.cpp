#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <vector>

#include "fuzz/scratch.h"
#include "reverie/data/dataset.h"
#include "reverie/image/picture.h"

namespace reverie::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

/// Small pictures that lists find beside themselves.
void put_neighbours() {
    static const bool done = [] {
        fs::create_directories(scratch_folder() / "cats");
        for (const char* name : {"a.png", "b.jpg", "cats/c.bmp"}) {
            save_image(scratch_folder() / name, at::rand({3, 5, 7}));
        }
        return true;
    }();
    static_cast<void>(done);
}

void open(const fs::path& path) {
    for (const bool strict : {false, true}) {
        is_read({ErrorKind::Input}, [&] {
            const Dataset set = open_dataset(path, {.size = Size{16, 16}, .strict = strict, .max_pixels = 1 << 16});
            require(set.count() > 0, "a set without images");
            const std::vector<std::int64_t> ends = {0, set.count() - 1};
            require(set.read(ends).sizes() == at::IntArrayRef({2, set.channels(), 16, 16}), "images of another shape");
            for (const std::int64_t index : ends) {
                require(!set.name(index).empty(), "an image without a name");
                require(set.label(index) < static_cast<std::int64_t>(set.classes().size()),
                        "a label beyond the classes");
            }
        });
    }
}

/// `bytes` as both files of a folder like MNIST's, beside a good other one.
void open_in_folder(Bytes bytes) {
    const auto images = "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x01\x80\x40"sv;
    const auto labels = "\0\0\x08\x01\0\0\0\x02\x00\x07"sv;
    fs::create_directories(scratch_folder() / "idx");
    put("idx/train-images-idx3-ubyte", bytes);
    put("idx/train-labels-idx1-ubyte", bytes_of(std::string(labels)));
    open(scratch_folder() / "idx");
    put("idx/train-images-idx3-ubyte", bytes_of(std::string(images)));
    put("idx/train-labels-idx1-ubyte", bytes);
    open(scratch_folder() / "idx");
}

}  // namespace

void sets(Bytes bytes) {
    put_neighbours();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    open(put("set", bytes));
    if (text.size() >= 512 && text.substr(257, 5) != "ustar") {
        open(put("set.tar", bytes));  // one from before there was a mark
    }
    if (text.starts_with("\0\0\x08"sv) || text.starts_with("\x1f\x8b"sv)) {
        open_in_folder(bytes);
    }
}

}  // namespace reverie::fuzz
