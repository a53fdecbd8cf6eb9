// Which of the ranks are still there: each sends signs of life to the first, and the first to all.
#pragma once

#include <mpi.h>

#include <sys/types.h>
#include <chrono>
#include <string>
#include <vector>

namespace reverie::distributed {

/// Used by one thread, the one that calls MPI.
class RankWatch {
  public:
    /// Collective. `comm` is for nothing else.
    RankWatch(MPI_Comm comm, double timeout);

    /// Sends and hears signs of life where they are due: to be called often.
    void look();
    /// Which rank is lost and how that is known, the beginning of a sentence; empty: none.
    const std::string& fault() const noexcept { return fault_; }
    /// Tells the others that this rank gives up, and gives the message a moment to leave.
    void say_goodbye();

  private:
    using Clock = std::chrono::steady_clock;
    enum Reason : int { kAlive, kEnded, kSilent, kGaveUp };
    struct Message {
        int rank = 0;
        int reason = kAlive;
    };
    struct Peer {
        std::string host;
        pid_t process = 0;
    };
    /// The first rank has all others, the others have the first.
    struct Partner {
        int rank = 0;
        Message heard;
        Message sent;
        MPI_Request hearing = MPI_REQUEST_NULL;
        MPI_Request sending = MPI_REQUEST_NULL;
        Clock::time_point last;
    };

    void listen(Partner& partner);
    void hear();
    bool speak();  ///< whether all have it
    void look_at_neighbours();
    void lose(int rank, Reason reason);
    std::string name_of(int rank) const;

    MPI_Comm comm_;
    int rank_ = 0;
    double timeout_;
    std::vector<Peer> peers_;
    std::vector<Partner> partners_;
    Clock::time_point looked_;
    Clock::time_point spoken_;
    Clock::time_point neighbours_;
    Message word_;  ///< what the others are told
    std::string fault_;
};

}  // namespace reverie::distributed
