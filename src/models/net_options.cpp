#include "models/net_options.h"

#include <charconv>

namespace reverie {
namespace {

constexpr std::int64_t kLeastSide = 16;
constexpr std::int64_t kLargestSide = 4096;

}  // namespace

void require_range(const char* flag, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least || value > most) {
        throw Error(ErrorKind::Usage, std::string(flag) + " is " + std::to_string(value) + "; wanted " +
                                          std::to_string(least) + " to " + std::to_string(most));
    }
}

void require_images(Size size, std::int64_t channels) {
    require_range("{--size}: the width", size.width, kLeastSide, kLargestSide);
    require_range("{--size}: the height", size.height, kLeastSide, kLargestSide);
    if (channels != 1 && channels != 3 && channels != 4) {
        throw Error(ErrorKind::Usage,
                    "{--channels} is " + std::to_string(channels) + "; wanted 1 (grey), 3 (RGB) or 4 (RGBA)");
    }
}

std::string channels_text(std::int64_t channels) {
    return channels == 1 ? "grey" : channels == 3 ? "RGB" : std::to_string(channels) + "-channel";
}

void refuse_images(const std::string& preset, const std::string& wanted, const std::string& flags, Size size,
                   std::int64_t channels) {
    throw Error(ErrorKind::Usage, "{--preset} " + preset + " is a net for " + wanted + ", not for " +
                                      channels_text(channels) + " ones of " + text_of(size) + "; pass " + flags +
                                      ", or leave the preset out");
}

void require_as_published(const std::string& preset,
                          std::initializer_list<std::pair<const char*, std::int64_t>> flags) {
    for (const auto& [flag, value] : flags) {
        if (value != 0) {
            throw Error(ErrorKind::Usage, std::string(flag) + " changes the net, and {--preset} " + preset +
                                              " stands for a published one; leave one of the two out");
        }
    }
}

std::string NetNotes::net() const {
    const auto found = metadata_.find("net");
    return found == metadata_.end() ? "" : found->second;
}

std::int64_t NetNotes::number(const std::string& key) const {
    const auto found = metadata_.find(key);
    std::int64_t value = 0;
    if (found != metadata_.end()) {
        const char* end = found->second.data() + found->second.size();
        const auto [stop, fault] = std::from_chars(found->second.data(), end, value);
        if (fault == std::errc() && stop == end) {
            return value;
        }
    }
    throw Error(ErrorKind::Input, "the weights' notes hold no number for '" + key + "'" + another_program());
}

void NetNotes::refuse_net() const {
    const std::string name = net();
    throw Error(ErrorKind::Input,
                "the weights' notes name " + (name.empty() ? "no net" : "the net '" + name + "'") + another_program());
}

void NetNotes::refuse_name(const std::string& key, const std::string& name) const {
    throw Error(ErrorKind::Input, "the weights' notes name the " + key + " '" + name +
                                      "', which this program does not know" + another_program());
}

std::string NetNotes::another_program() const {
    return ", so they are not of `" + program_ + "`; pass a run folder or weights that `" + program_ + " train` wrote";
}

}  // namespace reverie
