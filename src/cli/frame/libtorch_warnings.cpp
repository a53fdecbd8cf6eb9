#include "cli/frame/libtorch_warnings.h"

#include <sstream>

namespace reverie {

void LibtorchWarnings::process(const c10::Warning& warning) {
    std::istringstream words(warning.msg());
    std::string line = "LibTorch:";
    for (std::string word; words >> word;) {
        line += " " + word;
    }
    console_.warning(line);
}

}  // namespace reverie
