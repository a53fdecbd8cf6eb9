// c10d's collectives over MPI, on a thread of their own that is the only one to call MPI.
#pragma once

#include <mpi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "distributed/rank_watch.h"

namespace reverie::distributed {

/// The thread. Its collectives are done one after the other, in the order in which they were asked for.
class MpiThread {
  public:
    /// Throws std::runtime_error when MPI does not begin.
    explicit MpiThread(double timeout);
    ~MpiThread();
    MpiThread(const MpiThread&) = delete;
    MpiThread& operator=(const MpiThread&) = delete;

    int rank() const noexcept { return rank_; }
    int count() const noexcept { return count_; }
    std::string fault() const;

    /// `collective` is called there; `done` afterwards, with what it threw.
    struct Job {
        std::function<void()> collective;
        std::function<void(std::exception_ptr fault)> done;
    };
    void add(Job job);

    /// For collectives: until the request is done. Throws std::runtime_error when a rank is lost meanwhile.
    void wait(MPI_Request& request);
    MPI_Comm comm() const noexcept { return comm_; }

    /// While one waits for a collective it is driven without pauses for a while.
    void begin_waiting() noexcept { ++waiting_; }
    void end_waiting() noexcept { --waiting_; }

    void finish();
    void leave() noexcept;

  private:
    enum class End { None, Finish, Leave };

    void run(double timeout);
    void work();
    void end(End how) noexcept;
    void throw_if_lost();

    int rank_ = 0;
    int count_ = 1;
    MPI_Comm comm_ = MPI_COMM_NULL;
    std::optional<RankWatch> watch_;
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

class MpiBackend final : public c10d::Backend {
  public:
    explicit MpiBackend(std::shared_ptr<MpiThread> thread);

    const std::string getBackendName() const override { return "mpi"; }
    c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                             const c10d::BroadcastOptions& options) override;
    /// Sums alone, in the order of the ranks whatever lies beside what: a bucket's layout changes no bit.
    c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                             const c10d::AllreduceOptions& options) override;
    c10::intrusive_ptr<c10d::Work> _allgather_base(at::Tensor& output, at::Tensor& input,
                                                   const c10d::AllgatherOptions& options) override;
    c10::intrusive_ptr<c10d::Work> barrier(const c10d::BarrierOptions& options) override;

  private:
    c10::intrusive_ptr<c10d::Work> start(c10d::OpType type, std::vector<at::Tensor> tensors,
                                         std::function<void()> collective);

    std::shared_ptr<MpiThread> thread_;
};

}  // namespace reverie::distributed
