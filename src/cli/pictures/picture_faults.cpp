#include "cli/pictures/picture_faults.h"

#include "core/json_text.h"

namespace reverie {

nlohmann::ordered_json line_for(const PictureProgram& program, const BatchItem& item) {
    nlohmann::ordered_json object = {{"input", item.input}};
    if (!program.variants.empty()) {
        object["style"] = program.variants[item.variant].style;
    }
    return object;
}

std::string label_of(const PictureProgram& program, const BatchItem& item) {
    return program.variants.empty() ? item.input : item.input + " in " + program.variants[item.variant].style;
}

void Faults::report(const BatchItem& item, const Error& error, bool shared) {
    session_.console().end();
    const std::string what = with_flag_names(error.sentence());
    if (said_.insert({shared ? "" : item.input, what}).second) {  // a bad input fails with every style
        const bool named = shared || !several_ || what.find(item.input) != std::string::npos;
        session_.console().error(named ? what : "'" + item.input + "': " + what);
    }
    if (session_.common().json) {
        nlohmann::ordered_json object = line_for(program_, item);
        object["error"] = what;
        object["exit_code"] = exit_code(error.kind());
        session_.print(json_text(object));
    }
    if (count_++ == 0) {
        first_ = exit_code(error.kind());
    }
}

int Faults::finish(std::size_t total) const {
    if (count_ > 0 && several_) {
        session_.console().warning(std::to_string(count_) + " of " + std::to_string(total) +
                                   (program_.variants.empty() ? " inputs failed" : " pictures failed"));
    }
    return first_;
}

}  // namespace reverie
