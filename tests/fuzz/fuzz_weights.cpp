#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/scratch.h"
#include "reverie/weights/state_dict.h"

namespace reverie::fuzz {

void weights(Bytes bytes) {
    const std::filesystem::path path = put("weights", bytes);
    is_read({ErrorKind::Weights}, [&] {
        const StateDict state = read_state_dict(path);
        for (const std::string& name : state.names()) {
            // An array on its own may be refused (views that repeat elements), the file's others not.
            is_read({ErrorKind::Weights}, [&] {
                const Tensor values = state.load(name);
                require(values.sizes() == at::IntArrayRef(state.info(name).shape), "an array of another shape");
                require(values.is_contiguous(), "an array with gaps");
                values.sum();  // every byte is touched
            });
        }
        const std::vector<std::string> names = state.names();
        require(state.contains("other") == (std::ranges::count(names, "other") > 0), "a name that is not there");
    });
}

}  // namespace reverie::fuzz
