#include "techniques/style/job_maps.h"

#include <string>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {

void require_map(const Tensor& map, Size content, const char* flag) {
    if (!map.defined()) {
        return;
    }
    require_image(map, flag, {1});
    require_finite(map, flag);
    if (size_of(map) != content) {
        throw Error(ErrorKind::Usage, std::string(flag) + " has " + text_of(size_of(map)) +
                                          " pixels where the content has " + text_of(content) +
                                          "; resize it to the content's size");
    }
}

}  // namespace reverie
