// A web server on the loopback that misbehaves on demand.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace reverie::test {

/// How one request is answered; the default is well.
struct HttpReply {
    int status = 200;                                    ///< 200 becomes 206 when a range was asked for and is honoured
    std::string location = "";                           ///< where a redirect leads
    std::optional<std::size_t> cut_at = std::nullopt;    ///< close the connection after so many bytes of the body
    std::optional<std::size_t> stall_at = std::nullopt;  ///< send so many bytes of the body, then nothing more
    std::optional<std::size_t> declared_length = std::nullopt;  ///< a Content-Length that need not be true
    bool say_length = true;                                     ///< otherwise the body ends with the connection
    bool honour_range = true;                                   ///< otherwise the whole file comes with a 200
    bool corrupt = false;                                       ///< the body's first byte is changed
    std::chrono::milliseconds delay{0};                         ///< before the answer
};

/// Serves one content under every path, one thread per connection, until it is destroyed.
class HttpServer {
  public:
    explicit HttpServer(std::string content) : content_(std::move(content)) {
        setenv("no_proxy", "127.0.0.1", 1);  // a proxy of this machine's is not to be asked for the loopback
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::listen(listener_, 16) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
            throw std::runtime_error("no loopback server could be started");
        }
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_connections(); });
    }
    ~HttpServer() {
        stopping_ = true;
        acceptor_.join();
        for (std::thread& thread : connections_) {
            thread.join();
        }
        ::close(listener_);
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// One reply per request, in order; the last one is for all that follow.
    void answer(std::vector<HttpReply> replies) {
        const std::lock_guard lock(mutex_);
        replies_ = std::move(replies);
        answered_ = 0;
    }

    std::string url(const std::string& path = "/weights.pth") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }

    /// The ranges asked for so far, one per request: "" for none, else e.g. "bytes=100-".
    std::vector<std::string> ranges() const {
        const std::lock_guard lock(mutex_);
        return ranges_;
    }
    std::size_t requests() const { return ranges().size(); }

  private:
    bool readable(int socket) const {
        pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
        return ::poll(&wait, 1, 5) > 0;
    }

    void accept_connections() {
        while (!stopping_) {
            if (!readable(listener_)) {
                continue;
            }
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket >= 0) {
                connections_.emplace_back([this, socket] {
                    serve(socket);
                    ::close(socket);
                });
            }
        }
    }

    void serve(int socket) {
        std::string request;
        char buffer[4096];
        while (request.find("\r\n\r\n") == std::string::npos) {
            if (stopping_) {
                return;
            }
            if (readable(socket)) {
                const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
                if (count <= 0) {
                    return;
                }
                request.append(buffer, static_cast<std::size_t>(count));
            }
        }
        const std::string range = header(request, "Range: ");
        const HttpReply reply = next_reply(range);
        std::this_thread::sleep_for(reply.delay);
        respond(socket, reply, range);
    }

    static std::string header(const std::string& request, const std::string& name) {
        const std::size_t start = request.find("\r\n" + name);
        if (start == std::string::npos) {
            return "";
        }
        const std::size_t value = start + 2 + name.size();
        return request.substr(value, request.find("\r\n", value) - value);
    }

    HttpReply next_reply(const std::string& range) {
        const std::lock_guard lock(mutex_);
        ranges_.push_back(range);
        return replies_.empty() ? HttpReply() : replies_[std::min(answered_++, replies_.size() - 1)];
    }

    void respond(int socket, HttpReply reply, const std::string& range) {
        std::string body;
        if (reply.status == 200) {
            body = content_;
            if (reply.honour_range && !range.empty()) {
                const std::size_t from = std::stoul(range.substr(range.find('=') + 1));
                reply.status = from < content_.size() ? 206 : 416;
                body = from < content_.size() ? content_.substr(from) : "";
            }
        }
        if (reply.corrupt) {
            body[0] = static_cast<char>(body[0] ^ 1);
        }
        std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Status\r\nConnection: close\r\n";
        if (!reply.location.empty()) {
            head += "Location: " + reply.location + "\r\n";
        }
        if (reply.say_length) {
            head += "Content-Length: " + std::to_string(reply.declared_length.value_or(body.size())) + "\r\n";
        }
        send_all(socket, head + "\r\n" + body.substr(0, reply.stall_at.value_or(reply.cut_at.value_or(body.size()))));
        if (reply.stall_at) {
            wait_for_the_other_side(socket);
        }
        ::shutdown(socket, SHUT_WR);
    }

    static void send_all(int socket, const std::string& text) {
        for (std::size_t sent = 0; sent < text.size();) {
            const ssize_t count = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (count <= 0) {
                return;
            }
            sent += static_cast<std::size_t>(count);
        }
    }

    /// Returns when the other side has closed the connection, or the server ends.
    void wait_for_the_other_side(int socket) const {
        char byte = 0;
        while (!stopping_ && !(readable(socket) && ::recv(socket, &byte, 1, 0) <= 0)) {
        }
    }

    std::string content_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;
    std::vector<HttpReply> replies_;
    std::size_t answered_ = 0;
    std::vector<std::string> ranges_;
    std::list<std::thread> connections_;  // touched by the acceptor, and after its end
    std::thread acceptor_;
};

}  // namespace reverie::test
