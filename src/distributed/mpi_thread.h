// The only thread that calls MPI: it drives what is under way, and watches over the other ranks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "distributed/mpi_collectives.h"
#include "distributed/rank_watch.h"

namespace reverie::distributed {

/// Collectives are begun in the order in which they are asked for, and end in any.
class MpiThread {
  public:
    /// Throws std::runtime_error when MPI does not begin.
    explicit MpiThread(double timeout);
    ~MpiThread();
    MpiThread(const MpiThread&) = delete;
    MpiThread& operator=(const MpiThread&) = delete;

    int rank() const noexcept { return lines_.rank; }
    int count() const noexcept { return lines_.count; }
    std::string fault() const;

    /// Both are called there: `begin`, and `done` when it is, or with what it threw or the rank that is lost.
    struct Job {
        std::function<std::unique_ptr<Collective>(MpiLines& lines)> begin;
        std::function<void(std::exception_ptr fault)> done;
    };
    void add(Job job);

    /// While one waits for a collective all are driven without pauses for a while.
    void begin_waiting() noexcept { ++waiting_; }
    void end_waiting() noexcept { --waiting_; }

    void finish();
    void leave() noexcept;

  private:
    using Clock = std::chrono::steady_clock;
    enum class End { None, Finish, Leave };
    struct UnderWay {
        std::unique_ptr<Collective> collective;
        std::function<void(std::exception_ptr fault)> done;
    };

    void run(double timeout);
    void work();
    std::deque<Job> jobs_after(std::chrono::nanoseconds pause);
    void begin(const Job& job);
    void drive();
    std::chrono::nanoseconds pause() const;
    void fail_all(const std::exception_ptr& fault);
    void end(End how) noexcept;
    void throw_if_lost();

    MpiLines lines_;
    std::optional<RankWatch> watch_;
    std::list<UnderWay> under_way_;
    Clock::time_point changed_at_;  ///< when one began or ended
    std::atomic<int> waiting_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;
    std::string fault_;
    std::string failed_;  ///< why MPI did not begin
    bool begun_ = false;
    std::atomic<End> end_ = End::None;
    std::thread thread_;
};

}  // namespace reverie::distributed
