// The options of a struct, each declared once: what it is called, how it is typed and explained, what it may be, and
// what depends on it. A program's flags, their help and messages, the settings kept in pictures, the identity of a run
// and validate() all follow from such a table.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/option_text.h"

namespace reverie {

/// What was given by name, as one would type it; several texts for a list.
class GivenOptions {
  public:
    void set(const std::string& name, std::vector<std::string> texts) { all_[name] = std::move(texts); }
    bool has(const std::string& name) const { return all_.contains(name); }
    const std::vector<std::string>* find(const std::string& name) const {
        const auto found = all_.find(name);
        return found == all_.end() ? nullptr : &found->second;
    }

    /// What was given for that name, and nothing else.
    GivenOptions only(const std::string& name) const {
        GivenOptions one;
        if (const std::vector<std::string>* texts = find(name)) {
            one.set(name, *texts);
        }
        return one;
    }

  private:
    std::map<std::string, std::vector<std::string>> all_;
};

enum class OptionShape {
    Value,
    List,    ///< several values
    Switch,  ///< true or false; as a flag it is true by being there
};

/// A field of an options struct seen as text.
template <typename Options>
struct OptionField {
    /// False: the texts are no such value. May throw Usage with a better sentence.
    std::function<bool(Options&, const std::vector<std::string>&)> set;
    std::function<std::vector<std::string>(const Options&)> texts;
    std::function<double(const Options&)> number;  ///< of a field that can have a range
    std::string wanted;                            ///< "a whole number"
    std::vector<std::string> words;                ///< of a choice: all there are
    OptionShape shape = OptionShape::Value;
};

/// Values an option may have, both ends included. Without `wanted` a sentence says "LOW to HIGH".
struct OptionRange {
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    std::string wanted = "";
};

template <typename Options>
struct OptionRow {
    std::string name;         ///< "step-size"
    std::string heading;      ///< what it stands under in the help
    std::string placeholder;  ///< "N": what stands for the value in the help; empty for choices and switches
    std::string help;
    OptionField<Options> field;
    OptionRange range;          ///< by itself none
    bool shapes_result = true;  ///< another value gives another result: it is kept with it, and a resume holds to it
    bool from_recipe = true;    ///< a recipe decides it where it is not given
    /// Options that are set along when this one is given, before those that come later in the table.
    std::function<void(Options& now, const Options& before, const GivenOptions& given)> then;
    /// Options whose kept values mean nothing when this one is given another value than the kept one.
    std::vector<std::string> followers;
};

template <typename Options>
using OptionTable = std::vector<OptionRow<Options>>;

/// `access`: a member pointer, or [](auto& o) -> auto& { return o.net.latent; }
template <typename Options, typename Access>
OptionField<Options> option_field(Access access) {
    using T = std::remove_cvref_t<decltype(std::invoke(access, std::declval<Options&>()))>;
    OptionField<Options> field;
    field.set = [access](Options& options, const std::vector<std::string>& texts) {
        return texts.size() == 1 && parse_value(texts.front(), std::invoke(access, options));
    };
    field.texts = [access](const Options& options) {
        return std::vector<std::string>{value_text(std::invoke(access, options))};
    };
    field.wanted = wanted_text(T{});
    if constexpr (std::is_same_v<T, bool>) {
        field.shape = OptionShape::Switch;
    } else if constexpr (std::is_arithmetic_v<T>) {
        field.number = [access](const Options& options) { return static_cast<double>(std::invoke(access, options)); };
    }
    return field;
}

/// A number that is not a field of its own.
template <typename Options>
OptionField<Options> option_number(double (*get)(const Options&), void (*set)(Options&, double)) {
    OptionField<Options> field;
    field.set = [set](Options& options, const std::vector<std::string>& texts) {
        double value = 0.0;
        if (texts.size() != 1 || !parse_value(texts.front(), value)) {
            return false;
        }
        set(options, value);
        return true;
    };
    field.texts = [get](const Options& options) { return std::vector<std::string>{number_text(get(options))}; };
    field.number = get;
    field.wanted = wanted_text(0.0);
    return field;
}

/// One of a few words.
template <typename Options, typename Access, typename T>
OptionField<Options> option_choice(Access access, Choices<T> choices) {
    OptionField<Options> field;
    field.words = words_of(choices);
    field.texts = [access, choices](const Options& options) {
        return std::vector<std::string>{choice_text(choices, T(std::invoke(access, options)))};
    };
    field.set = [access, choices = std::move(choices)](Options& options, const std::vector<std::string>& texts) {
        for (const auto& [word, meaning] : choices) {
            if (texts.size() == 1 && texts.front() == word) {
                std::invoke(access, options) = meaning;
                return true;
            }
        }
        return false;
    };
    return field;
}

/// Throws Usage for texts that are no value of an option: "{--step-size} 'x' is not a number".
[[noreturn]] void refuse_option(const std::string& name, const std::vector<std::string>& texts,
                                const std::string& wanted, const std::vector<std::string>& words);

/// Throws Usage when the value is outside: "{--tone} 2 is out of range; wanted 0 to 1".
void require_in_range(const std::string& name, double value, const OptionRange& range);

/// The row's option with the texts for its value. Throws Usage for what is none.
template <typename Options>
void set_option(Options& options, const OptionRow<Options>& row, const std::vector<std::string>& texts) {
    if (!row.field.set(options, texts)) {
        refuse_option(row.name, texts, row.field.wanted, row.field.words);
    }
}

/// What was given put over a recipe, in the table's order. Throws Usage.
template <typename Options>
Options with_given(const Options& recipe, const OptionTable<Options>& table, const GivenOptions& given) {
    Options options = recipe;
    for (const OptionRow<Options>& row : table) {
        if (const std::vector<std::string>* texts = given.find(row.name)) {
            const Options before = options;
            set_option(options, row, *texts);
            if (row.then) {
                row.then(options, before, given);
            }
        }
    }
    return options;
}

/// Throws Usage for the first option outside its range.
template <typename Options>
void require_in_range(const OptionTable<Options>& table, const Options& options) {
    for (const OptionRow<Options>& row : table) {
        if (row.field.number) {
            require_in_range(row.name, row.field.number(options), row.range);
        }
    }
}

/// Names of those options for which `which` holds.
template <typename Options, typename Which>
std::vector<std::string> option_names(const OptionTable<Options>& table, Which which) {
    std::vector<std::string> names;
    for (const OptionRow<Options>& row : table) {
        if (std::invoke(which, row)) {
            names.push_back(row.name);
        }
    }
    return names;
}

}  // namespace reverie
