#include "reverie/weights/download.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/file_lock.h"
#include "http.h"
#include "part_file.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

using Clock = std::chrono::steady_clock;

std::filesystem::path with_ending(const std::filesystem::path& path, const char* ending) {
    return path.string() + ending;
}

std::string in_bytes(std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); }

[[noreturn]] void stop(const DownloadRequest& request, const std::string& where) {
    throw Error(ErrorKind::Cancelled, "the download of " + request.label + " was stopped " + where);
}

/// Every sentence about a download that did not succeed: what happened, and the ways that are left.
[[noreturn]] void fail(const DownloadRequest& request, const std::string& what) {
    throw Error(ErrorKind::Weights, "'" + request.url + "' " + what + "; download it by hand to '" +
                                        request.destination.string() + "', or pass a file with {--weights} FILE");
}

bool has_right_size(const DownloadRequest& request, std::int64_t size) {
    return request.bytes == 0 || size == request.bytes;
}

/// One download, the lock being held: the policy of tries around http_get().
class Download final : private HttpReceiver {
  public:
    Download(const DownloadRequest& request, const Hooks& hooks)
        : request_(request), hooks_(hooks), part_(with_ending(request.destination, ".part")), total_(request.bytes) {}

    std::string run() {
        if (request_.sha256.empty() || (request_.bytes > 0 && part_.size() > request_.bytes)) {
            part_.clear();  // nothing would prove that it goes together with what comes now
        }
        pieced_ = part_.size() > 0;
        require_space(request_.bytes - part_.size());
        fetch();
        std::string hash = sha256_of_file(part_.path());
        if (!is_right(hash) && pieced_) {
            // The earlier piece may be of another version of the file: once from the beginning, in one piece.
            hooks_.warn("the continued download of " + request_.label + " has a wrong SHA-256; starting over");
            part_.clear();
            fetch();
            hash = sha256_of_file(part_.path());
        }
        if (!is_right(hash)) {
            const std::string found = in_bytes(part_.size()) + " with the SHA-256 " + hash;
            part_.clear();
            fail(request_, "delivered " + found + " where " + wanted() +
                               " was wanted: the server may have changed the file, or something on the way altered it");
        }
        part_.rename_to(request_.destination);
        return hash;
    }

  private:
    void fetch() {
        int failures = 0;
        std::int64_t furthest = part_.size();
        double wait = request_.retry_seconds;
        while (request_.bytes == 0 || part_.size() != request_.bytes) {
            if (request_.sha256.empty()) {
                part_.clear();
            }
            const std::int64_t from = part_.size();
            const HttpOutcome outcome = http_get(request_.url, from, request_.stall_seconds, *this);
            if (outcome.complete) {
                break;
            }
            if (outcome.status == 416 && from > 0) {
                pieced_ = true;
                break;  // the server has no more than what is here: the hash decides
            }
            if (part_.size() > furthest) {
                furthest = part_.size();
                failures = 0;
                wait = request_.retry_seconds;
            }
            ++failures;
            if (!outcome.retryable || failures >= request_.attempts) {
                fail(request_, "could not be downloaded (" + outcome.reason +
                                   (failures > 1 ? ", " + std::to_string(failures) + " times" : "") + ")");
            }
            hooks_.warn("the download of " + request_.label + " was cut at " + in_bytes(part_.size()) + " (" +
                        outcome.reason + "); trying again in " + human_seconds(wait));
            sleep(wait);
            wait *= 2;
        }
        report();
    }

    void begin(long status, std::int64_t length) override {
        const bool goes_on = status == 206;
        const std::int64_t kept = goes_on ? part_.size() : 0;
        if (length >= 0 && !has_right_size(request_, kept + length)) {
            fail(request_, "offers " + std::to_string(kept + length) + " bytes where " + wanted() +
                               " was wanted: the server may have changed the file, or something on the way answers "
                               "in its place");
        }
        if (goes_on) {
            pieced_ = true;
        } else {
            part_.clear();
            pieced_ = false;
        }
        if (length >= 0) {
            require_space(length);
            total_ = kept + length;
        }
    }

    void write(std::span<const std::byte> bytes) override {
        if (request_.bytes > 0 && part_.size() + static_cast<std::int64_t>(bytes.size()) > request_.bytes) {
            part_.clear();
            fail(request_, "sends more than the " + wanted() + " that was wanted");
        }
        part_.append(bytes);
    }

    void idle() override {
        if (hooks_.cancelled()) {
            stop(request_, "after " + in_bytes(part_.size()) + "; run again to go on from there");
        }
        if (Clock::now() - last_report_ > std::chrono::milliseconds(100)) {
            report();
        }
    }

    void report() {
        last_report_ = Clock::now();
        hooks_.progress({.stage = "downloading " + request_.label,
                         .done = static_cast<double>(part_.size()),
                         .total = static_cast<double>(total_),
                         .unit = "bytes",
                         .value_name = ""});
    }

    void sleep(double seconds) {
        const auto end = Clock::now() + std::chrono::duration<double>(seconds);
        for (auto now = Clock::now(); now < end; now = Clock::now()) {
            idle();
            std::this_thread::sleep_for(
                std::min<std::chrono::duration<double>>(end - now, std::chrono::milliseconds(50)));
        }
    }

    void require_space(std::int64_t needed) const {
        std::error_code error;
        const std::filesystem::path folder = part_.path().parent_path();
        const std::filesystem::space_info space = std::filesystem::space(folder, error);
        if (!error && needed > 0 && space.available < static_cast<std::uintmax_t>(needed)) {
            throw Error(ErrorKind::Output, "'" + folder.string() + "' has " + human_bytes(space.available) +
                                               " free, and " + request_.label + " needs " + in_bytes(needed) +
                                               " more; free space there or set REVERIE_MODELS to another folder");
        }
    }

    bool is_right(const std::string& hash) const {
        return has_right_size(request_, part_.size()) && sha256_matches(hash, request_.sha256);
    }

    std::string wanted() const {
        std::string text = request_.bytes > 0 ? std::to_string(request_.bytes) + " bytes" : "a file";
        if (!request_.sha256.empty()) {
            text += " with the SHA-256 " + request_.sha256 + (request_.sha256.size() < 64 ? "..." : "");
        }
        return text;
    }

    const DownloadRequest& request_;
    const Hooks& hooks_;
    PartFile part_;
    std::int64_t total_ = 0;
    bool pieced_ = false;  // what is here may come from more than one reply
    Clock::time_point last_report_;
};

void require_http(const DownloadRequest& request) {
    if (!request.url.starts_with("https://") && !request.url.starts_with("http://")) {
        fail(request, "is not an address that is downloaded from (wanted https:// or http://)");
    }
}

void make_parent_folder(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
        throw Error(ErrorKind::Output, "the folder '" + path.parent_path().string() + "' cannot be made (" +
                                           error.message() + "); set REVERIE_MODELS to another folder");
    }
}

}  // namespace

std::string download(const DownloadRequest& request, const Hooks& hooks) {
    require_http(request);
    make_parent_folder(request.destination);
    bool said = false;
    const FileLock lock(with_ending(request.destination, ".lock"), [&] {
        if (hooks.cancelled()) {
            stop(request, "while waiting for another program that downloads it");
        }
        if (!std::exchange(said, true)) {
            hooks.warn("another program is downloading " + request.label + "; waiting for it");
        }
    });
    if (std::filesystem::is_regular_file(request.destination)) {
        const auto size = static_cast<std::int64_t>(std::filesystem::file_size(request.destination));
        if (has_right_size(request, size)) {
            std::string hash = sha256_of_file(request.destination);
            if (sha256_matches(hash, request.sha256)) {
                return hash;
            }
        }
    }
    return Download(request, hooks).run();
}

}  // namespace reverie
