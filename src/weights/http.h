// One HTTP GET by libcurl, handed over piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace reverie {

/// Takes a reply as it arrives. Whatever a member throws ends the transfer and comes out of http_get().
class HttpReceiver {
  public:
    virtual ~HttpReceiver() = default;
    /// Before the first byte of a successful reply. `status` is 206 when the server goes on at the byte asked for, else
    /// the body starts from the beginning; `length` is the body's, -1: the server does not say.
    virtual void begin(long status, std::int64_t length) = 0;
    virtual void write(std::span<const std::byte> bytes) = 0;
    virtual void idle() = 0;  ///< several times a second, also while nothing arrives: the place to look at cancel
};

struct HttpOutcome {
    bool complete = false;    ///< the whole body was received
    bool retryable = false;   ///< not complete, and another try may fare better
    long status = 0;          ///< the server's last answer; 0: none
    std::string reason = "";  ///< why it is not complete, in a few words
};

/// Gets `url` from the byte `from` on. Follows redirects, but never from https to http nor to another protocol.
HttpOutcome http_get(const std::string& url, std::int64_t from, double stall_seconds, HttpReceiver& receiver);

}  // namespace reverie
