// SHA-256 of files and bytes, by OpenSSL.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace reverie {

/// A running SHA-256.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(std::span<const std::byte> bytes);
    std::string finish();  ///< 64 lower-case hexadecimal digits

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace reverie
