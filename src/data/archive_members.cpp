// What tars, zips and lists of paths share.
#include "data/source.h"
#include "reverie/core/error.h"

namespace reverie::data {

void FileSource::find_class_start() {
    if (count() == 0) {
        return;
    }
    const std::string_view first = names_[0];
    const auto all_lie_deeper_in = [&](std::string_view folder) {
        for (std::int64_t i = 0; i < count(); ++i) {
            if (!names_[i].starts_with(folder) || names_[i].find('/', folder.size()) == std::string_view::npos) {
                return false;
            }
        }
        return true;
    };
    for (std::size_t slash = first.find('/');
         slash != std::string_view::npos && all_lie_deeper_in(first.substr(0, slash + 1));
         slash = first.find('/', slash + 1)) {
        class_start_ = slash + 1;
    }
    const auto folder_of = [this](std::int64_t i) {
        return names_[i].substr(class_start_, names_[i].find('/', class_start_) - class_start_);
    };
    for (std::int64_t i = 1; i < count() && class_start_ > 0 && !outside_has_classes_; ++i) {
        outside_has_classes_ = folder_of(i) != folder_of(0);
    }
}

std::string FileSource::class_of(std::int64_t index) const {
    std::string_view name = names_[index];
    if ((name.starts_with('/') || name.starts_with("../")) && !outside_has_classes_) {
        return "";  // a list may name files that are not below it
    }
    name.remove_prefix(class_start_);
    const std::size_t slash = name.find('/');
    return slash == std::string_view::npos ? "" : std::string(name.substr(0, slash));
}

void Members::add(std::string_view name, std::int64_t bytes, std::int64_t place) {
    names_.add(name);
    bytes_.push_back(bytes);
    places_.push_back(place);
}

void Members::move_to(Names& names, std::vector<std::int64_t>& bytes, std::vector<std::int64_t>& places) && {
    const std::vector<std::int64_t> order = names_.sort();
    for (std::int64_t i = 0; i < names_.count(); ++i) {
        if (i + 1 < names_.count() && names_[i] == names_[i + 1]) {
            continue;
        }
        const auto at = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
        names.add(names_[i]);
        bytes.push_back(bytes_[at]);
        places.push_back(places_[at]);
    }
    *this = {};
}

std::string_view member_name(std::string_view name) {
    while (name.starts_with("./")) {
        name.remove_prefix(2);
    }
    return name;
}

void throw_no_image(const std::filesystem::path& path, const LeftOut& left_out) {
    for (const SkippedFile& file : left_out.files()) {
        if (file.is_fault) {
            throw Error(ErrorKind::Input, file.reason);
        }
    }
    throw Error(ErrorKind::Input,
                "'" + path.string() +
                    "' holds no image; files named .jpg, .png, .tif, .webp, .gif, .bmp, .heic or .avif were wanted");
}

}  // namespace reverie::data
