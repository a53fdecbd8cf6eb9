#include "hash_stamps.h"

#include <sys/stat.h>

#include <fstream>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

/// "size seconds.nanoseconds": what a stamp is valid for; empty when the file cannot be looked at.
std::string state_of(const std::filesystem::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return "";
    }
    return std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
           std::to_string(status.st_mtim.tv_nsec);
}

std::string absolute_path(const std::filesystem::path& file) {
    std::error_code error;
    const std::filesystem::path canonical = std::filesystem::weakly_canonical(file, error);
    return (error ? file : canonical).string();
}

/// A stamp's text, three lines: path, state, hash.
std::string stamp_text(const std::filesystem::path& file, const std::string& state) {
    return absolute_path(file) + "\n" + state + "\n";
}

}  // namespace

HashStamps::HashStamps(std::filesystem::path folder) : folder_(std::move(folder)) {}

std::string HashStamps::sha256(const std::filesystem::path& file) const {
    const std::string state = state_of(file);
    std::ifstream stamp(stamp_of(file), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stamp), std::istreambuf_iterator<char>()};
    const std::string valid = stamp_text(file, state);
    if (constexpr std::size_t kDigits = 64; text.size() == valid.size() + kDigits && text.starts_with(valid)) {
        return text.substr(valid.size());
    }
    std::string hash = sha256_of_file(file);
    if (state_of(file) == state) {  // else it was written to meanwhile
        remember(file, hash);
    }
    return hash;
}

void HashStamps::remember(const std::filesystem::path& file, const std::string& hash) const {
    try {
        write_file(stamp_of(file), stamp_text(file, state_of(file)) + hash);
    } catch (const Error&) {
        // As the contract says: only time is lost.
    }
}

std::filesystem::path HashStamps::stamp_of(const std::filesystem::path& file) const {
    return folder_ / (sha256_of(absolute_path(file)).substr(0, 16) + ".stamp");
}

}  // namespace reverie
