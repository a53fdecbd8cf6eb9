#include "cli/training/preset_flags.h"

namespace reverie {

void add_model_flags(FlagGroup& group, bool& conditional, std::filesystem::path& init_from) {
    group.add("--conditional", conditional,
              "learn with the labels (sub-folder names), so that a class can be asked for");
    group.add("--init-from", init_from, "RUN", "begin from the weights of another run of the same net");
}

std::vector<std::string> trained_by_recipe() {
    return option_names(train_option_table(), &OptionRow<TrainOptions>::from_recipe);
}

}  // namespace reverie
