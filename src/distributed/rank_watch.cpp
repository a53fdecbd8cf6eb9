#include "distributed/rank_watch.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

namespace reverie::distributed {
namespace {

using namespace std::chrono_literals;

constexpr auto kNeighbours = 100ms;  // from one look at the processes of this machine to the next
constexpr auto kGoodbye = 300ms;

double seconds(std::chrono::steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

/// A process that its parent has not heard of yet is still listed, as a zombie.
bool lives(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    if (!std::getline(file, text)) {
        return false;
    }
    const std::size_t name_end = text.rfind(')');
    return name_end == std::string::npos || name_end + 2 >= text.size() ||
           (text[name_end + 2] != 'Z' && text[name_end + 2] != 'X');
}

}  // namespace

RankWatch::RankWatch(MPI_Comm comm, double timeout) : comm_(comm), timeout_(timeout) {
    int count = 1;
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &count);
    struct Card {
        std::array<char, MPI_MAX_PROCESSOR_NAME> host;
        long process;
    };
    Card own{};
    int length = 0;
    MPI_Get_processor_name(own.host.data(), &length);
    own.process = ::getpid();
    std::vector<Card> cards(static_cast<std::size_t>(count));
    MPI_Allgather(&own, sizeof own, MPI_BYTE, cards.data(), sizeof own, MPI_BYTE, comm_);
    for (const Card& card : cards) {
        peers_.push_back({card.host.data(), static_cast<pid_t>(card.process)});
    }
    for (int rank = rank_ == 0 ? 1 : 0; rank < (rank_ == 0 ? count : 1); ++rank) {
        partners_.push_back({.rank = rank, .heard = {}, .sent = {}, .last = Clock::now()});
    }
    for (Partner& partner : partners_) {  // where they stay
        listen(partner);
    }
    looked_ = spoken_ = neighbours_ = Clock::now();
}

void RankWatch::listen(Partner& partner) {
    MPI_Irecv(&partner.heard, sizeof(Message), MPI_BYTE, partner.rank, 0, comm_, &partner.hearing);
}

void RankWatch::look() {
    const auto now = Clock::now();
    hear();
    if (seconds(now - looked_) > timeout_ / 2) {  // this rank was the one that stood still
        for (Partner& partner : partners_) {
            partner.last = now;
        }
    }
    looked_ = now;
    for (const Partner& partner : partners_) {
        if (fault_.empty() && seconds(now - partner.last) > timeout_) {
            lose(partner.rank, kSilent);
        }
    }
    if (fault_.empty() && now - neighbours_ >= kNeighbours) {
        neighbours_ = now;
        look_at_neighbours();
    }
    if (fault_.empty() && seconds(now - spoken_) >= std::min(1.0, timeout_ / 10)) {
        spoken_ = now;
        speak();
    }
}

void RankWatch::hear() {
    for (Partner& partner : partners_) {
        for (int done = 1; done != 0;) {
            MPI_Test(&partner.hearing, &done, MPI_STATUS_IGNORE);
            if (done != 0) {
                partner.last = Clock::now();
                const Message message = partner.heard;
                listen(partner);
                if (message.reason != kAlive && message.rank != rank_) {
                    lose(message.rank, static_cast<Reason>(message.reason));
                }
            }
        }
    }
}

bool RankWatch::speak() {
    bool all = true;
    for (Partner& partner : partners_) {
        int done = 1;
        MPI_Test(&partner.sending, &done, MPI_STATUS_IGNORE);
        if (done != 0 &&
            (word_.reason == kAlive || partner.sent.reason == kAlive)) {  // else an earlier one is to leave
            partner.sent = word_;
            MPI_Isend(&partner.sent, sizeof(Message), MPI_BYTE, partner.rank, 0, comm_, &partner.sending);
            MPI_Test(&partner.sending, &done, MPI_STATUS_IGNORE);
        }
        all = all && done != 0 && partner.sent.reason == word_.reason;
    }
    return all;
}

void RankWatch::look_at_neighbours() {
    for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
        const Peer& peer = peers_[rank];
        if (peer.host == peers_[static_cast<std::size_t>(rank_)].host && !lives(peer.process)) {
            lose(static_cast<int>(rank), kEnded);
            return;
        }
    }
}

void RankWatch::lose(int rank, Reason reason) {
    if (!fault_.empty()) {
        return;
    }
    fault_ = name_of(rank);
    if (reason == kEnded) {
        fault_ += " has ended";
    } else if (reason == kGaveUp) {
        fault_ += " has given up and said why";
    } else {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%g", timeout_);
        fault_ += std::string(" has not answered for ") + text.data() + " s";
    }
    word_ = {rank, reason};
    speak();
}

std::string RankWatch::name_of(int rank) const {
    const Peer& peer = peers_[static_cast<std::size_t>(rank)];
    return "rank " + std::to_string(rank) + " (process " + std::to_string(peer.process) + " on '" + peer.host + "')";
}

void RankWatch::say_goodbye() {
    const auto end = Clock::now() + kGoodbye;
    if (fault_.empty()) {
        word_ = {rank_, kGaveUp};
    }
    while (!speak() && Clock::now() < end) {
        std::this_thread::sleep_for(1ms);
    }
}

}  // namespace reverie::distributed
