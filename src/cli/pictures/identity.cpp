#include "cli/pictures/identity.h"

#include <map>
#include <span>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

/// A flag and what it was, as one would type it.
std::string typed(const std::string& name, const Setting* setting) {
    return setting == nullptr ? "no " + name : name + " " + join(setting->values, ",", ",");
}

/// A digest says nothing to a reader.
bool is_digest(const Setting& setting) {
    return setting.name.starts_with(pixels_of("")) || setting.name.starts_with(bytes_of(""));
}

std::map<std::string, const Setting*> by_name(const Settings& settings) {
    std::map<std::string, const Setting*> all;
    for (const Setting& setting : settings.all()) {
        all[setting.name] = &setting;
    }
    return all;
}

}  // namespace

std::string pixels_of(const std::string& picture) { return "pixels of " + picture; }

std::string bytes_of(const std::string& file) { return "bytes of " + file; }

std::string digest_of(const Tensor& image) {
    if (!image.defined()) {
        return "";
    }
    const Tensor values = image.to(at::kCPU).contiguous();
    Sha256 hash;
    hash.update(std::as_bytes(std::span(static_cast<const char*>(values.const_data_ptr()), values.nbytes())));
    return hash.finish();
}

void add_machine(Settings& identity, const Runtime& runtime, Engine engine) {
    identity.set("device", runtime.device.str());
    identity.set("threads", static_cast<std::int64_t>(runtime.threads));
    identity.set("engine", engine == Engine::Frozen ? "frozen" : "libtorch");
    identity.set("deterministic", runtime.deterministic ? "true" : "false");
}

void require_same(const Settings& earlier, const Settings& present, const std::string& what) {
    // As it would come back from a file.
    const Settings identity = settings_of({{kSettingsKey, to_json(present)}}, what);
    const auto before = by_name(earlier);
    const auto now = by_name(identity);
    const auto refuse = [&](const Setting& setting, const Setting* old, const Setting* given) {
        const std::string differs = is_digest(setting) ? "with other " + setting.name
                                                       : "with " + typed(setting.name, old) + ", but this run has " +
                                                             typed(setting.name, given);
        throw Error(ErrorKind::Usage,
                    what + " was made " + differs + "; run with what it was made with, or remove it to start anew");
    };
    for (const bool digests : {false, true}) {  // another flag says more than the pixels that follow from it
        for (const Setting& setting : identity.all()) {
            const auto old = before.find(setting.name);
            if (is_digest(setting) == digests && (old == before.end() || old->second->values != setting.values)) {
                refuse(setting, old == before.end() ? nullptr : old->second, &setting);
            }
        }
        for (const Setting& setting : earlier.all()) {
            if (is_digest(setting) == digests && !now.contains(setting.name)) {
                refuse(setting, &setting, nullptr);
            }
        }
    }
}

}  // namespace reverie
