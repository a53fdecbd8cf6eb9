// SHA-256 of files and bytes, by OpenSSL.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace reverie {

/// A running SHA-256.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(std::span<const std::byte> bytes);
    std::string finish();  ///< 64 lower-case hexadecimal digits; the last call

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_of(std::string_view text);

/// Throws Weights, naming the path, when it cannot be read to its end.
std::string sha256_of_file(const std::filesystem::path& path);

/// Whether `hash` is the one wanted: all of it, or the prefix that torch.hub puts into file names; "" wants nothing.
bool sha256_matches(std::string_view hash, std::string_view wanted);

}  // namespace reverie
