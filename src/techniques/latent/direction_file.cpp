#include <ATen/ATen.h>

#include <charconv>
#include <iterator>
#include <system_error>

#include "reverie/core/error.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

constexpr const char* kFormat = "reverie direction 1";

std::string digits_of(double value) {
    char digits[32];
    return {digits, std::to_chars(digits, std::end(digits), value).ptr};
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
    throw Error(ErrorKind::Input, "'" + path.string() + "' " + what + "; take one that was saved by 'vae edit'");
}

}  // namespace

void write_direction(const std::filesystem::path& path, const Direction& direction) {
    write_safetensors(path, {{"vector", direction.vector.to(at::kFloat)}},
                      {{"format", kFormat}, {"name", direction.name}, {"accuracy", digits_of(direction.accuracy)}});
}

Direction read_direction(const std::filesystem::path& path, std::int64_t dimensions) {
    const StateDict file = [&] {
        try {
            return read_state_dict(path);
        } catch (const Error& error) {
            throw Error(ErrorKind::Input, error.sentence());  // no weights: a file that was handed in
        }
    }();
    const auto note = [&](const std::string& key) {
        const auto found = file.metadata().find(key);
        return found == file.metadata().end() ? std::string() : found->second;
    };
    if (note("format") != kFormat || !file.contains("vector") || file.info("vector").type != "float32" ||
        file.info("vector").shape.size() != 1) {
        refuse(path, "is not a direction file");
    }
    Direction direction{.name = note("name"), .vector = file.load("vector")};
    const std::string accuracy = note("accuracy");
    const auto [stop, fault] = std::from_chars(accuracy.data(), accuracy.data() + accuracy.size(), direction.accuracy);
    if (fault != std::errc() || stop != accuracy.data() + accuracy.size() ||
        !direction.vector.isfinite().all().item<bool>()) {
        refuse(path, "is a damaged direction file");
    }
    if (direction.vector.numel() != dimensions) {
        throw Error(ErrorKind::Input, "'" + path.string() + "' is a direction of " +
                                          std::to_string(direction.vector.numel()) + " dimensions; the model has " +
                                          std::to_string(dimensions) + ", so learn the direction with this model");
    }
    return direction;
}

}  // namespace reverie
