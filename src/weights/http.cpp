#include "http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>

#include "reverie/core/error.h"
#include "reverie/core/runtime.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMilliseconds = 100;  // how long a request to cancel may wait
constexpr long kMostRedirects = 10;

void require(bool success) {
    if (!success) {
        throw Error(ErrorKind::Internal, "libcurl could not be set up; check its installation");
    }
}

void initialise_curl_once() {
    static std::once_flag once;
    static CURLcode result = CURLE_OK;
    std::call_once(once, [] { result = curl_global_init(CURL_GLOBAL_DEFAULT); });
    require(result == CURLE_OK);
}

struct Reply {
    CURL* easy = nullptr;
    HttpReceiver* receiver = nullptr;
    bool begun = false;
    Clock::time_point last_byte = Clock::now();
    std::exception_ptr thrown;  // an exception must not cross libcurl's C frames; it waits here until they are left

    long status() const {
        long code = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
        return code;
    }

    void begin() {
        curl_off_t length = -1;
        curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        begun = true;
        receiver->begin(status(), length);
    }
};

std::size_t receive(const char* data, std::size_t, std::size_t count, void* user) {
    Reply& reply = *static_cast<Reply*>(user);
    try {
        if (!reply.begun) {
            reply.begin();
        }
        reply.receiver->write(std::as_bytes(std::span(data, count)));
        reply.last_byte = Clock::now();
        return count;
    } catch (...) {
        reply.thrown = std::current_exception();
        return CURL_WRITEFUNC_ERROR;
    }
}

bool is_retryable(CURLcode code, long status) {
    switch (code) {
        case CURLE_HTTP_RETURNED_ERROR:
            return status >= 500 || status == 408 || status == 429;
        case CURLE_COULDNT_CONNECT:
        case CURLE_GOT_NOTHING:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_SSL_CONNECT_ERROR:
            return true;
        default:
            return false;
    }
}

class Handles {
  public:
    Handles() {
        require(easy_ != nullptr && multi_ != nullptr);
        require(curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK);
    }
    ~Handles() { curl_multi_remove_handle(multi_.get(), easy_.get()); }
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
    CURL* easy() const noexcept { return easy_.get(); }
    CURLM* multi() const noexcept { return multi_.get(); }

  private:
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_{curl_easy_init(), &curl_easy_cleanup};
    std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{curl_multi_init(), &curl_multi_cleanup};
};

void set_options(CURL* easy, const std::string& url, std::int64_t from, Reply& reply, char* error_text) {
    const bool secure = url.starts_with("https://");
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMostRedirects);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, ("reverie/" + version()).c_str());
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
    if (from > 0) {
        // Not CURLOPT_RESUME_FROM: that fails when the server ignores the range, where starting over does.
        curl_easy_setopt(easy, CURLOPT_RANGE, (std::to_string(from) + "-").c_str());
    }
}

}  // namespace

HttpOutcome http_get(const std::string& url, std::int64_t from, double stall_seconds, HttpReceiver& receiver) {
    initialise_curl_once();
    std::array<char, CURL_ERROR_SIZE> error_text{};
    Reply reply;
    const Handles handles;
    reply.easy = handles.easy();
    reply.receiver = &receiver;
    set_options(handles.easy(), url, from, reply, error_text.data());

    // The multi interface, because only it returns to us while a server is silent.
    const int poll_milliseconds = std::clamp(static_cast<int>(stall_seconds * 1000 / 4), 1, kPollMilliseconds);
    for (int running = 1; running > 0;) {
        const CURLMcode fault = curl_multi_perform(handles.multi(), &running);
        if (reply.thrown) {
            std::rethrow_exception(reply.thrown);
        }
        require(fault == CURLM_OK);
        receiver.idle();
        if (Clock::now() - reply.last_byte > std::chrono::duration<double>(stall_seconds)) {
            return {.retryable = true,
                    .status = reply.status(),
                    .reason = "nothing arrived for " + human_seconds(stall_seconds)};
        }
        if (running > 0) {
            curl_multi_poll(handles.multi(), nullptr, 0, poll_milliseconds, nullptr);
        }
    }

    int waiting = 0;
    const CURLMsg* message = curl_multi_info_read(handles.multi(), &waiting);
    require(message != nullptr);
    const CURLcode code = message->data.result;
    const long status = reply.status();
    if (code == CURLE_OK) {
        if (!reply.begun) {
            reply.begin();  // an empty body
        }
        return {.complete = true, .status = status};
    }
    HttpOutcome outcome{.retryable = is_retryable(code, status), .status = status};
    if (code == CURLE_HTTP_RETURNED_ERROR) {
        outcome.reason = "the server answered " + std::to_string(status);
    } else {
        outcome.reason = error_text[0] != '\0' ? error_text.data() : curl_easy_strerror(code);
    }
    return outcome;
}

}  // namespace reverie
