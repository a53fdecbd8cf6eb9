#include "reverie/data/dataset.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "data/decode_all.h"
#include "data/digest.h"
#include "data/source.h"
#include "data/state.h"
#include "data/streams.h"
#include "reverie/core/error.h"
#include "reverie/core/random.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using data::Digest;
using data::Source;

/// "2" before "10", and numbers before words.
struct ByNumberThenText {
    bool operator()(const std::string& a, const std::string& b) const { return key(a) < key(b); }
    static std::tuple<std::size_t, std::string_view> key(const std::string& text) {
        const bool is_number = text.find_first_not_of("0123456789") == std::string::npos;
        return {is_number ? text.size() : std::string::npos, text};
    }
};

/// What a cache file holds, by everything that decided it.
std::string cache_key(const std::filesystem::path& path, const Source& source, const DataOptions& options) {
    // Of what is decoded; another number when the same file comes to mean other pixels. 2: colour profiles are applied.
    // 3: grey is found.
    constexpr std::int64_t kPixelsVersion = 3;
    Digest digest;
    digest.add(kPixelsVersion);
    std::error_code ignored;
    digest.add(std::filesystem::weakly_canonical(path, ignored).string());
    digest.add(static_cast<std::int64_t>(options.part));
    const Size size = options.size.value_or(Size{});
    for (const std::int64_t number : {size.height, size.width, options.channels, static_cast<std::int64_t>(options.fit),
                                      options.max_pixels, source.count()}) {
        digest.add(number);
    }
    digest.add(source.content());
    for (std::int64_t i = 0; i < source.count(); ++i) {
        digest.add(source.name(i));
        digest.add(source.stored_bytes(i));
        digest.add(source.time(i));
    }
    return digest.hex();
}

void name_images(const Source& source, const std::vector<std::int64_t>& kept, data::DatasetState& state) {
    std::map<std::string, std::int32_t, ByNumberThenText> classes;
    for (const std::int64_t i : kept) {
        if (const std::string name = source.class_of(i); !name.empty()) {
            classes.emplace(name, 0);
        }
    }
    for (auto& [name, label] : classes) {
        label = static_cast<std::int32_t>(state.classes.size());
        state.classes.push_back(name);
    }
    if (!classes.empty()) {
        state.labels.reserve(kept.size());
        for (const std::int64_t i : kept) {
            const auto found = classes.find(source.class_of(i));
            state.labels.push_back(found == classes.end() ? -1 : found->second);
        }
    }
    for (const std::int64_t i : kept) {
        state.names.add(source.name(i));
    }
    state.names.shrink_to_fit();
}

}  // namespace

Dataset::Dataset(std::shared_ptr<const data::DatasetState> state) : state_(std::move(state)) {}

std::int64_t Dataset::count() const { return state_->pixels.count; }
Size Dataset::size() const { return state_->pixels.size; }
std::int64_t Dataset::channels() const { return state_->pixels.channels; }
const std::vector<std::string>& Dataset::classes() const { return state_->classes; }
const std::vector<SkippedFile>& Dataset::skipped() const { return state_->skipped; }
std::int64_t Dataset::sidecars() const { return state_->sidecars; }
const std::string& Dataset::digest() const { return state_->digest; }
std::string Dataset::name(std::int64_t index) const { return std::string(state_->names[index]); }

std::int64_t Dataset::label(std::int64_t index) const {
    return state_->labels.empty() ? -1 : state_->labels[static_cast<std::size_t>(index)];
}

std::int64_t Dataset::memory() const {
    const data::Pixels& pixels = state_->pixels;
    return (pixels.memory.defined() ? pixels.count * pixels.image_bytes() : 0) + state_->names.memory() +
           static_cast<std::int64_t>(state_->labels.capacity() * sizeof state_->labels[0]);
}

Tensor Dataset::read(std::span<const std::int64_t> indices) const {
    const data::Pixels& pixels = state_->pixels;
    const auto count = static_cast<std::int64_t>(indices.size());
    Tensor images = at::empty({count, pixels.channels, pixels.size.height, pixels.size.width}, at::kByte);
    auto* out = images.data_ptr<std::uint8_t>();
    constexpr std::int64_t kGrainBytes = 1 << 18;
    const std::int64_t bytes = pixels.image_bytes();
    at::parallel_for(0, count, std::max<std::int64_t>(1, kGrainBytes / bytes),
                     [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t i = begin; i < end; ++i) {
                             std::uint8_t* place = out + i * bytes;
                             const std::uint8_t* image = pixels.image(indices[static_cast<std::size_t>(i)], place);
                             if (image != place) {
                                 std::memcpy(place, image, static_cast<std::size_t>(bytes));
                             }
                         }
                     });
    return images;
}

const std::uint8_t* data::Pixels::image(std::int64_t index, std::uint8_t* scratch) const {
    TORCH_CHECK(index >= 0 && index < count, "image ", index, " of a set of ", count, " was asked for");
    if (memory.defined()) {
        return memory.const_data_ptr<std::uint8_t>() + index * image_bytes();
    }
    file->read(start + index * image_bytes(),
               std::as_writable_bytes(std::span(scratch, static_cast<std::size_t>(image_bytes()))));
    return scratch;
}

Dataset open_dataset(const std::filesystem::path& path, const DataOptions& options, const Hooks& hooks) {
    validate(options);
    const std::unique_ptr<Source> source = data::open_source(path, options.part, options.cache_folder, hooks);
    const data::LeftOut left_out = source->left_out();
    if (const auto fault = std::ranges::find(left_out.files(), true, &SkippedFile::is_fault);
        options.strict && fault != left_out.files().end()) {
        throw Error(ErrorKind::Input, fault->reason);
    }
    const std::filesystem::path cache =
        options.cache_folder.empty()
            ? std::filesystem::path()
            : options.cache_folder / ("images-" + cache_key(path, *source, options) + ".cache");
    data::Decoded decoded = data::decode_all(*source, options, cache, hooks);

    auto state = std::make_shared<data::DatasetState>();
    state->pixels = std::move(decoded.pixels);
    state->skipped = left_out.files();
    state->sidecars = left_out.sidecars();
    std::vector<std::int64_t> kept;
    kept.reserve(static_cast<std::size_t>(state->pixels.count));
    auto fault = decoded.faults.begin();
    for (std::int64_t i = 0; i < source->count(); ++i) {
        if (fault != decoded.faults.end() && fault->index == i) {
            state->skipped.push_back({source->name(i), fault->reason});
            ++fault;
        } else {
            kept.push_back(i);
        }
    }
    name_images(*source, kept, *state);
    Digest digest;
    for (const std::int64_t number : {state->pixels.size.height, state->pixels.size.width, state->pixels.channels,
                                      static_cast<std::int64_t>(options.fit), state->pixels.count}) {
        digest.add(number);
    }
    digest.add(source->content());
    for (std::size_t i = 0; i < kept.size(); ++i) {
        digest.add(state->names[static_cast<std::int64_t>(i)]);
        digest.add(source->stored_bytes(kept[i]));
        digest.add(std::int64_t{state->labels.empty() ? -1 : state->labels[i]});
    }
    state->digest = digest.hex();
    return data::DatasetState::as_dataset(std::move(state));
}

std::string left_out_text(const std::vector<SkippedFile>& files) {
    constexpr std::size_t kNamed = 3;
    std::vector<std::string> named;
    for (const SkippedFile& file : files) {
        if (named.size() == kNamed) {
            named.emplace_back("...");
            break;
        }
        named.push_back(file.path);
    }
    return std::to_string(files.size()) + (files.size() == 1 ? " file" : " files") + " left out (" +
           join(named, ", ", ", ") + ")";
}

Split split(std::int64_t count, double fraction, std::uint64_t seed) {
    if (!(fraction >= 0 && fraction < 1)) {
        throw Error(ErrorKind::Usage,
                    "{--validation} " + human_number(fraction) + " is out of range; wanted 0 or more and less than 1");
    }
    const auto draw = [&](std::int64_t index) {
        return random_uniform(seed, data::kSplitStream, static_cast<std::uint64_t>(index));
    };
    Split parts;
    for (std::int64_t i = 0; i < count; ++i) {
        (draw(i) < fraction ? parts.validation : parts.train).push_back(i);
    }
    const auto by_draw = [&](std::int64_t a, std::int64_t b) { return draw(a) < draw(b); };
    const auto move = [](std::vector<std::int64_t>& from, std::vector<std::int64_t>::iterator which,
                         std::vector<std::int64_t>& to) {
        to = {*which};
        from.erase(which);
    };
    if (count >= 2 && fraction > 0) {
        if (parts.validation.empty()) {
            move(parts.train, std::min_element(parts.train.begin(), parts.train.end(), by_draw), parts.validation);
        } else if (parts.train.empty()) {
            move(parts.validation, std::max_element(parts.validation.begin(), parts.validation.end(), by_draw),
                 parts.train);
        }
    } else if (parts.train.empty()) {
        parts.train.swap(parts.validation);  // a lone image is trained on
    }
    return parts;
}

std::vector<std::int64_t> all_indices(const Dataset& set) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(set.count()));
    std::iota(indices.begin(), indices.end(), 0);
    return indices;
}

}  // namespace reverie
