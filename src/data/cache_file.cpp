#include "data/cache_file.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie::data {
namespace {

constexpr std::string_view kMagic = "reverie-images-1";
constexpr std::int64_t kMagicBytes = 16;
static_assert(kMagic.size() == kMagicBytes);
constexpr std::int64_t kTailBytes = 8 + kMagicBytes;

std::string text_at(const RandomFile& file, std::int64_t offset, std::int64_t size) {
    std::string text(static_cast<std::size_t>(size), '\0');
    file.read(offset, std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace

CacheWriter::CacheWriter(const std::filesystem::path& path, std::int64_t bytes) : path_(path) {
    file_.emplace(path);  // makes the folder
    std::error_code fault;
    const auto space = std::filesystem::space(path.parent_path(), fault);
    constexpr std::int64_t kSpare = 16'000'000;
    if (!fault && space.available < static_cast<std::uintmax_t>(bytes + kSpare)) {
        throw Error(ErrorKind::Output, "'" + path.parent_path().string() + "' has " + human_bytes(space.available) +
                                           " free and the decoded images take " +
                                           human_bytes(static_cast<std::uint64_t>(bytes)) +
                                           "; free space there, choose a smaller {--size}, or let them stay in memory "
                                           "with a larger {--cache-mb}");
    }
    file_->write(kMagic);
}

void CacheWriter::append(std::span<const std::uint8_t> images) { file_->write(std::as_bytes(images)); }

void CacheWriter::commit(Decoded& decoded) {
    nlohmann::ordered_json about = {{"height", decoded.pixels.size.height},
                                    {"width", decoded.pixels.size.width},
                                    {"channels", decoded.pixels.channels},
                                    {"count", decoded.pixels.count},
                                    {"faults", nlohmann::ordered_json::array()}};
    for (const Fault& fault : decoded.faults) {
        about["faults"].push_back({fault.index, fault.reason});
    }
    std::string tail = json_text(about);
    const std::uint64_t length = tail.size();
    tail.append(reinterpret_cast<const char*>(&length), sizeof length);
    tail += kMagic;
    file_->write(tail);
    file_->commit();
    file_.reset();
    decoded.pixels.file = std::make_shared<RandomFile>(path_);
    decoded.pixels.start = kMagicBytes;
}

std::optional<Decoded> open_cache(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        return std::nullopt;
    }
    try {
        auto file = std::make_shared<RandomFile>(path);
        const std::int64_t tail = file->size() - kTailBytes;
        if (tail < kMagicBytes || text_at(*file, 0, kMagicBytes) != kMagic ||
            text_at(*file, tail + 8, kMagicBytes) != kMagic) {
            return std::nullopt;
        }
        std::int64_t length = 0;
        file->read(tail, std::as_writable_bytes(std::span(&length, 1)));
        if (length < 0 || length > tail - kMagicBytes) {
            return std::nullopt;
        }
        const auto about = json_value(text_at(*file, tail - length, length));
        Decoded decoded;
        Pixels& pixels = decoded.pixels;
        pixels.size = {about.at("height"), about.at("width")};
        pixels.channels = about.at("channels");
        pixels.count = about.at("count");
        pixels.file = std::move(file);
        pixels.start = kMagicBytes;
        for (const auto& fault : about.at("faults")) {
            decoded.faults.push_back({fault.at(0), fault.at(1)});
        }
        const bool whole = pixels.count > 0 && pixels.image_bytes() > 0 &&
                           pixels.count * pixels.image_bytes() == tail - length - kMagicBytes;
        return whole ? std::optional(std::move(decoded)) : std::nullopt;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    } catch (const Error&) {  // unreadable: decoded anew
        return std::nullopt;
    }
}

}  // namespace reverie::data
