// Private: layers with weights as options: how they are typed, and what they may be.
#pragma once

#include <string>
#include <vector>

#include "reverie/core/option_table.h"
#include "reverie/nn/layer_weight.h"

namespace reverie {

/// "block10" or "block10=-0.5", each. Throws Usage, naming `option`.
std::vector<LayerWeight> parse_layers(const std::string& option, const std::vector<std::string>& texts);

/// As they would be typed.
std::vector<std::string> layer_texts(const std::vector<LayerWeight>& layers);

/// Throws Usage for no layers, a weight that is not above 0, or the same name twice.
void require_layers(const std::string& option, const std::vector<LayerWeight>& layers);

/// Throws Usage: `option` ("{--layers}") names one thing twice; `thing` says what it is where it did so by two names
/// ("layer of vgg19").
[[noreturn]] void refuse_twice(const std::string& option, const std::string& earlier, const std::string& again,
                               const std::string& thing);

template <typename Options>
OptionField<Options> layers_field(const std::string& name, std::vector<LayerWeight> Options::*member) {
    OptionField<Options> field;
    field.set = [name, member](Options& options, const std::vector<std::string>& texts) {
        options.*member = parse_layers(name, texts);
        return true;
    };
    field.texts = [member](const Options& options) { return layer_texts(options.*member); };
    field.shape = OptionShape::List;
    return field;
}

}  // namespace reverie
