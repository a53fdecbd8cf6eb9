// What the checks work on: weights and pictures out of formulas, so that nothing has to be there.
#include <fstream>

#include "check.h"
#include "support/closed_formula.h"
#include "weights/contents.h"

namespace reverie::test {
namespace {

/// The arrays as one file of bare numbers: the readers of real containers want a JSON library, which is not needed
/// here.
StateDict in_a_file(const std::map<std::string, Tensor>& arrays) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "weights.raw";
    {
        std::ofstream file(path, std::ios::binary);
        for (const auto& [name, array] : arrays) {
            file.write(static_cast<const char*>(array.const_data_ptr()), static_cast<std::streamsize>(array.nbytes()));
        }
    }
    auto contents = std::make_shared<weights::Contents>(path);  // stays mapped after the file is gone
    const weights::ElementType* type = weights::find_element_type(&weights::ElementType::name, "float32");
    std::size_t offset = 0;
    for (const auto& [name, array] : arrays) {
        const std::vector<std::int64_t> shape = array.sizes().vec();
        contents->arrays[name] =
            weights::checked_array(name,
                                   {.type = type,
                                    .shape = shape,
                                    .strides = weights::row_major_strides(shape),
                                    .storage = contents->file.bytes().subspan(offset, array.nbytes())},
                                   contents->file);
        offset += array.nbytes();
    }
    return weights::Contents::as_state_dict(std::move(contents));
}

}  // namespace

FrozenNet formula_net_at(const Place& place, Graph graph) {
    StateDict weights = in_a_file(formula_weights(graph));
    return {std::move(graph), std::move(weights), place.device, place.engine};
}

Tensor drawn_picture(std::int64_t height, std::int64_t width, const std::string& name) {
    return formula_image(height, width, name).squeeze(0).clamp(0.0, 1.0);
}

Tensor drawn_pictures(std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width) {
    std::vector<Tensor> pictures;
    for (std::int64_t i = 0; i < count; ++i) {
        const Tensor picture = drawn_picture(height, width, "picture " + std::to_string(i));
        pictures.push_back(channels == 1 ? picture.narrow(0, 0, 1) : picture);
    }
    return at::stack(pictures).contiguous();
}

}  // namespace reverie::test
