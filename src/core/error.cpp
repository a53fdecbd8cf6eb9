#include "reverie/core/error.h"

namespace reverie {
namespace {

constexpr std::string_view kBefore = "{--";
constexpr char kBehind = '}';

/// The sentence with `prefix` before the names of options.
std::string named(std::string_view sentence, std::string_view prefix) {
    std::string text;
    for (std::size_t at = sentence.find(kBefore); at != std::string_view::npos; at = sentence.find(kBefore)) {
        const std::size_t end = sentence.find(kBehind, at);
        if (end == std::string_view::npos) {
            break;
        }
        const std::size_t name = at + kBefore.size();
        text.append(sentence.substr(0, at)).append(prefix).append(sentence.substr(name, end - name));
        sentence.remove_prefix(end + 1);
    }
    return text.append(sentence);
}

}  // namespace

std::string with_flag_names(std::string_view sentence) { return named(sentence, "--"); }
std::string with_option_names(std::string_view sentence) { return named(sentence, ""); }

Error::Error(ErrorKind kind, const std::string& sentence)
    : std::runtime_error(with_option_names(sentence)),
      kind_(kind),
      sentence_(sentence.find(kBefore) == std::string::npos ? nullptr : std::make_shared<const std::string>(sentence)) {
}

int exit_code(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::Internal:
        case ErrorKind::Ranks:
            return 1;
        case ErrorKind::Usage:
            return 2;
        case ErrorKind::Input:
            return 3;
        case ErrorKind::Weights:
            return 4;
        case ErrorKind::Device:
            return 5;
        case ErrorKind::Output:
            return 6;
        case ErrorKind::Cancelled:
            return 130;
    }
    return 1;
}

}  // namespace reverie
