// What the options of every trainable net share: their checks, and how they are read from a file's notes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/size.h"

namespace reverie {

/// Throws Usage.
void require_range(const char* flag, std::int64_t value, std::int64_t least, std::int64_t most);
/// Throws Usage for images that no net of ours takes.
void require_images(Size size, std::int64_t channels);

/// "grey", "RGB", "4-channel".
std::string channels_text(std::int64_t channels);

/// Refuses a published net for images it is not for. `wanted`: "grey images of 28x28"; `flags`: what asks for them.
[[noreturn]] void refuse_images(const std::string& preset, const std::string& wanted, const std::string& flags,
                                Size size, std::int64_t channels);
/// Throws Usage for the first flag whose value is not 0, since it would make another net than the published one.
void require_as_published(const std::string& preset, std::initializer_list<std::pair<const char*, std::int64_t>> flags);

/// Runs validate(options) and throws what it throws as Input, since a file said it and not the user.
template <typename Options>
void validate_notes(const Options& options) {
    try {
        validate(options);
    } catch (const Error& error) {
        throw Error(ErrorKind::Input,
                    std::string("the weights' notes describe a net that cannot be: ") + error.sentence());
    }
}

/// A file's notes about a net of `program` ("vae").
class NetNotes {
  public:
    NetNotes(const std::map<std::string, std::string>& metadata, std::string program)
        : metadata_(metadata), program_(std::move(program)) {}
    /// The net's name, empty when there is none.
    std::string net() const;
    /// Throws Input.
    std::int64_t number(const std::string& key) const;
    /// The value whose name a note is, of (value, name) pairs; files that say nothing were written before there was a
    /// choice. Throws Input for another name.
    template <typename Names, typename Value>
    Value one_of(const std::string& key, const Names& names, Value unsaid) const {
        const auto note = metadata_.find(key);
        if (note == metadata_.end()) {
            return unsaid;
        }
        const auto found = std::ranges::find(names, note->second, [](const auto& one) { return one.second; });
        if (found == names.end()) {
            refuse_name(key, note->second);
        }
        return found->first;
    }
    /// Throws Input: net() is not one of this program's.
    [[noreturn]] void refuse_net() const;

  private:
    [[noreturn]] void refuse_name(const std::string& key, const std::string& name) const;
    std::string another_program() const;

    const std::map<std::string, std::string>& metadata_;
    std::string program_;
};

}  // namespace reverie
