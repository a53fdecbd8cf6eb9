#include "reverie/core/option_table.h"

#include "reverie/core/text.h"

namespace reverie {

void refuse_option(const std::string& name, const std::vector<std::string>& texts, const std::string& wanted,
                   const std::vector<std::string>& words) {
    const std::string found = "{--" + name + "} '" + join(texts, " ", " ") + "' ";
    if (!words.empty()) {
        throw Error(ErrorKind::Usage, found + "is not known; wanted " + join(words, ", ", " or ") +
                                          (texts.empty() ? "" : did_you_mean(texts.front(), words)));
    }
    throw Error(ErrorKind::Usage, found + "is not " + wanted);
}

void require_in_range(const std::string& name, double value, const OptionRange& range) {
    if (!(value >= range.low && value <= range.high)) {
        const std::string wanted =
            range.wanted.empty() ? human_number(range.low) + " to " + human_number(range.high) : range.wanted;
        throw Error(ErrorKind::Usage, "{--" + name + "} " + human_number(value) + " is out of range; wanted " + wanted);
    }
}

}  // namespace reverie
