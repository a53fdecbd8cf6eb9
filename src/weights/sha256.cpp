#include "reverie/weights/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

#include "reverie/core/error.h"

namespace reverie {
namespace {

/// OpenSSL fails here only without memory or when its own installation is broken.
void require(int success) {
    if (success != 1) {
        throw Error(ErrorKind::Internal, "OpenSSL's SHA-256 does not work; check the installation of libcrypto");
    }
}

}  // namespace

struct Sha256::State {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    require(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    require(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &length));
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
        text += kDigits[digest[i] >> 4];
        text += kDigits[digest[i] & 15];
    }
    return text;
}

std::string sha256_of(std::string_view text) {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(text)));
    return hash.finish();
}

std::string sha256_of_file(const std::filesystem::path& path) {
    // Read, not mapped: a file that another program cuts short meanwhile is then an error instead of a SIGBUS.
    std::ifstream file(path, std::ios::binary);
    std::vector<char> buffer(1 << 20);
    Sha256 hash;
    while (file.good()) {
        file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        hash.update(std::as_bytes(std::span(buffer.data(), static_cast<std::size_t>(file.gcount()))));
    }
    if (!file.eof() || file.bad()) {
        throw Error(ErrorKind::Weights, "'" + path.string() + "' cannot be read; check the path and its permissions");
    }
    return hash.finish();
}

bool sha256_matches(std::string_view hash, std::string_view wanted) { return hash.starts_with(wanted); }

}  // namespace reverie
