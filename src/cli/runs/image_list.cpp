#include "cli/runs/image_list.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/data/batches.h"
#include "reverie/weights/sha256.h"

namespace reverie {

std::pair<std::string, std::string> source_and_label(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || is_there(text) || !is_there(text.substr(0, colon))) {
        return {text, ""};
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

Tensor ImageList::read(std::int64_t first, std::int64_t count) const {
    std::vector<Tensor> parts;
    for (std::int64_t number = first; number < first + count; ++number) {
        const std::int64_t at = index(number);
        parts.push_back(set(number).read({&at, 1}));
    }
    return to_float(at::cat(parts));
}

Tensor ImageList::indices(std::int64_t first, std::int64_t count) const {
    Tensor indices = at::empty({count}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) {
        indices[i] = index(first + i);
    }
    return indices;
}

std::string ImageList::label(std::int64_t number) const {
    const std::int64_t label = set(number).label(index(number));
    return label < 0 ? "" : set(number).classes()[static_cast<std::size_t>(label)];
}

std::string ImageList::digest() const {
    std::string text;
    for (const auto& [set, index] : images_) {
        text += set.digest() + " " + std::to_string(index) + "\n";
    }
    return sha256_of(text);
}

ImageList ImageList::sample(std::int64_t count, std::uint64_t seed) const {
    if (count <= 0 || count >= this->count()) {
        return *this;
    }
    ImageList some;
    for (const std::int64_t number : sample_indices(this->count(), count, seed)) {
        some.add(set(number), index(number));
    }
    return some;
}

ImageSource source_of(const ImageList& list) {
    return {.count = list.count(),
            .images = [&list](std::int64_t first, std::int64_t count) { return list.read(first, count); },
            .indices = [&list](std::int64_t first, std::int64_t count) { return list.indices(first, count); }};
}

std::string last_part(const std::string& source) {
    const std::string trimmed = source.substr(0, source.find_last_not_of('/') + 1);
    return trimmed.substr(trimmed.rfind('/') + 1);
}

bool is_news_of(Session& session, const std::filesystem::path& source) {
    std::error_code ignored;
    return session.is_news("left out of " + std::filesystem::weakly_canonical(source, ignored).string());
}

ImageList open_images(Session& session, const std::vector<std::string>& sources, const DataOptions& options) {
    ImageList list;
    for (const std::string& text : sources) {
        const auto [source, label] = source_and_label(text);
        if (sources.size() == 1) {
            session.console().begin(source);
        }
        const Dataset set = open_dataset(source, options, session.hooks());
        session.console().end();
        if (const std::vector<SkippedFile>& left_out = set.skipped();
            !left_out.empty() && is_news_of(session, source)) {
            session.console().warning("'" + source + "': " + left_out_text(left_out) +
                                      (left_out.size() == 1 ? ": " : "; the first: ") + left_out.front().reason);
        }
        std::int64_t wanted = -1;
        if (!label.empty()) {
            const auto found = std::find(set.classes().begin(), set.classes().end(), label);
            if (found == set.classes().end()) {
                throw Error(ErrorKind::Input, "'" + source + "' has no label '" + label + "'; it has " +
                                                  (set.classes().empty() ? "none" : join(set.classes())) +
                                                  did_you_mean(label, set.classes()));
            }
            wanted = found - set.classes().begin();
        }
        for (std::int64_t index = 0; index < set.count(); ++index) {
            if (wanted < 0 || set.label(index) == wanted) {
                list.add(set, index);
            }
        }
    }
    return list;
}

}  // namespace reverie
