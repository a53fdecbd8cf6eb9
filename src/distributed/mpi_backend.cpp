#include "distributed/mpi_backend.h"

#include <ATen/ATen.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

namespace reverie::distributed {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdle = 5ms;      // from one look around to the next while there is nothing to do
constexpr auto kBusy = 1ms;      // of a collective that is waited for, without pauses
constexpr auto kPause = 20us;    // between two looks at it from then on
constexpr auto kSoon = 100ms;    // what lasts longer waits for one of the ranks, which does something else
constexpr auto kBeside = 200us;  // between two looks at a collective beside which others compute, who want the core
constexpr int kTests = 16;       // of a look: Open MPI asks the network only at every eighth
constexpr std::int64_t kWhole = 1 << 15;  // bytes up to which every rank sends all it has to every other

MPI_Datatype type_of(const at::Tensor& tensor) {
    switch (tensor.element_size()) {
        case 1:
            return MPI_BYTE;
        case 2:
            return MPI_SHORT;
        case 4:
            return MPI_FLOAT;
        case 8:
            return MPI_DOUBLE;
        default:
            throw std::runtime_error(std::string("tensors of ") + c10::toString(tensor.scalar_type()) +
                                     " are not sent over MPI");
    }
}

template <typename T>
void add_rows(const T* rows, std::int64_t count, std::int64_t width, T* out) {
    std::copy_n(rows, width, out);
    for (std::int64_t row = 1; row < count; ++row) {
        const T* const more = rows + row * width;
        for (std::int64_t i = 0; i < width; ++i) {
            out[i] = static_cast<T>(out[i] + more[i]);
        }
    }
}

/// [count,width] summed row after row into `out`, which may not be part of it.
void add_rows(const at::Tensor& rows, std::int64_t count, std::int64_t width, void* out) {
    const auto add = [&](auto* typed) {
        using T = std::remove_pointer_t<decltype(typed)>;
        add_rows(rows.const_data_ptr<T>(), count, width, typed);
    };
    switch (rows.scalar_type()) {
        case at::kFloat:
            return add(static_cast<float*>(out));
        case at::kDouble:
            return add(static_cast<double*>(out));
        case at::kInt:
            return add(static_cast<std::int32_t*>(out));
        case at::kLong:
            return add(static_cast<std::int64_t*>(out));
        case at::kByte:
            return add(static_cast<std::uint8_t*>(out));
        default:
            throw std::runtime_error(std::string("tensors of ") + c10::toString(rows.scalar_type()) +
                                     " are not summed over MPI");
    }
}

void require_plain(const at::Tensor& tensor) {
    TORCH_CHECK(tensor.is_cpu() && tensor.is_non_overlapping_and_dense(), "MPI takes dense tensors on the CPU");
}

void all_reduce(MpiThread& mpi, const at::Tensor& tensor) {
    const std::int64_t ranks = mpi.count();
    const std::int64_t numbers = tensor.numel();
    const MPI_Datatype type = type_of(tensor);
    auto* const data = static_cast<char*>(tensor.data_ptr());
    const auto flat = tensor.options();
    MPI_Request request = MPI_REQUEST_NULL;
    if (numbers * static_cast<std::int64_t>(tensor.element_size()) <= kWhole) {
        const at::Tensor rows = at::empty({ranks * numbers}, flat);
        MPI_Iallgather(data, static_cast<int>(numbers), type, rows.data_ptr(), static_cast<int>(numbers), type,
                       mpi.comm(), &request);
        mpi.wait(request);
        add_rows(rows, ranks, numbers, data);
        return;
    }
    // Each rank sums a part of all, and hands it round.
    const std::int64_t part = (numbers + ranks - 1) / ranks;
    std::vector<int> counts;
    std::vector<int> places;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
        const std::int64_t first = std::min(rank * part, numbers);
        places.push_back(static_cast<int>(first));
        counts.push_back(static_cast<int>(std::min(part, numbers - first)));
    }
    const auto own = static_cast<std::size_t>(mpi.rank());
    const std::vector<int> own_counts(counts.size(), counts[own]);
    std::vector<int> own_places;
    for (int rank = 0; rank < static_cast<int>(ranks); ++rank) {
        own_places.push_back(rank * counts[own]);
    }
    const at::Tensor rows = at::empty({ranks * counts[own]}, flat);
    MPI_Ialltoallv(data, counts.data(), places.data(), type, rows.data_ptr(), own_counts.data(), own_places.data(),
                   type, mpi.comm(), &request);
    mpi.wait(request);
    add_rows(rows, ranks, counts[own], data + places[own] * static_cast<std::int64_t>(tensor.element_size()));
    MPI_Iallgatherv(MPI_IN_PLACE, 0, type, data, counts.data(), places.data(), type, mpi.comm(), &request);
    mpi.wait(request);
}

/// What c10d's callers hold of a collective.
class MpiWork final : public c10d::Work {
  public:
    MpiWork(int rank, c10d::OpType type, std::vector<at::Tensor> tensors, std::shared_ptr<MpiThread> thread)
        : Work(rank, type),
          tensors_(std::move(tensors)),
          thread_(std::move(thread)),
          future_(c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()))) {}

    bool wait(std::chrono::milliseconds /*timeout*/) override {
        thread_->begin_waiting();
        future_->wait();
        thread_->end_waiting();
        if (future_->hasError()) {
            std::rethrow_exception(future_->exception_ptr());
        }
        return true;
    }
    bool isCompleted() override { return future_->completed(); }
    bool isSuccess() const override { return future_->completed() && !future_->hasError(); }
    std::vector<at::Tensor> result() override { return tensors_; }
    c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

    void end(const std::exception_ptr& fault) {
        if (fault) {
            future_->setError(fault);
        } else {
            future_->markCompleted(c10::IValue(tensors_));
        }
    }

  private:
    std::vector<at::Tensor> tensors_;
    std::shared_ptr<MpiThread> thread_;
    c10::intrusive_ptr<c10::ivalue::Future> future_;
};

}  // namespace

MpiThread::MpiThread(double timeout) {
    thread_ = std::thread([this, timeout] { run(timeout); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return begun_ || !failed_.empty(); });
    if (!failed_.empty()) {
        lock.unlock();
        thread_.join();
        throw std::runtime_error(failed_);
    }
}

MpiThread::~MpiThread() { leave(); }

std::string MpiThread::fault() const {
    const std::lock_guard lock(mutex_);
    return fault_;
}

void MpiThread::add(Job job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
}

void MpiThread::end(End how) noexcept {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        end_ = how;
    }
    changed_.notify_all();
    thread_.join();
}

void MpiThread::finish() { end(End::Finish); }
void MpiThread::leave() noexcept { end(End::Leave); }

void MpiThread::throw_if_lost() {
    watch_->look();
    if (!watch_->fault().empty()) {
        {
            const std::lock_guard lock(mutex_);
            fault_ = watch_->fault();
        }
        throw std::runtime_error(watch_->fault());
    }
    if (end_ == End::Leave) {
        throw std::runtime_error("this rank gives up");
    }
}

void MpiThread::wait(MPI_Request& request) {
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        for (int i = 0; i < kTests; ++i) {
            int done = 0;
            MPI_Test(&request, &done, MPI_STATUS_IGNORE);
            if (done != 0) {
                return;
            }
        }
        throw_if_lost();
        const auto since = std::chrono::steady_clock::now() - begin;
        if (waiting_ > 0 && since < kBusy) {
            ::sched_yield();
        } else {
            std::this_thread::sleep_for(waiting_ > 0 && since < kSoon ? kPause : kBeside);
        }
    }
}

void MpiThread::run(double timeout) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // else a pause lasts 50 microseconds longer
    int given = 0;
    // Errors end the process by MPI's own choice, with its own words.
    if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS || given < MPI_THREAD_FUNNELED) {
        const std::lock_guard lock(mutex_);
        failed_ = "MPI does not begin on a thread of its own";
        changed_.notify_all();
        return;
    }
    MPI_Comm watched = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
    MPI_Comm_dup(MPI_COMM_WORLD, &watched);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &count_);
    watch_.emplace(watched, timeout);
    {
        const std::lock_guard lock(mutex_);
        begun_ = true;
    }
    changed_.notify_all();
    work();
}

void MpiThread::work() {
    for (;;) {
        std::optional<Job> job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, kIdle, [this] { return !jobs_.empty() || end_ != End::None; });
            if (!jobs_.empty()) {
                job = std::move(jobs_.front());
                jobs_.pop_front();
            } else if (end_ == End::Finish) {
                break;
            }
        }
        std::exception_ptr fault;
        try {
            throw_if_lost();
            if (job) {
                job->collective();
            }
        } catch (...) {
            fault = std::current_exception();
        }
        if (job) {
            job->done(fault);
        }
        if (end_ == End::Leave) {
            watch_->say_goodbye();
            return;  // what is under way cannot be taken back, so MPI is not ended either
        }
        if (fault && !job) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return !jobs_.empty() || end_ != End::None; });
            if (end_ == End::Finish && jobs_.empty()) {
                return;
            }
        }
    }
    MPI_Finalize();
}

MpiBackend::MpiBackend(std::shared_ptr<MpiThread> thread)
    : Backend(thread->rank(), thread->count()), thread_(std::move(thread)) {}

c10::intrusive_ptr<c10d::Work> MpiBackend::start(c10d::OpType type, std::vector<at::Tensor> tensors,
                                                 std::function<void()> collective) {
    auto work = c10::make_intrusive<MpiWork>(getRank(), type, std::move(tensors), thread_);
    thread_->add({std::move(collective), [work](const std::exception_ptr& fault) { work->end(fault); }});
    return work;
}

c10::intrusive_ptr<c10d::Work> MpiBackend::broadcast(std::vector<at::Tensor>& tensors,
                                                     const c10d::BroadcastOptions& options) {
    TORCH_CHECK(tensors.size() == 1, "one tensor at a time");
    require_plain(tensors[0]);
    return start(c10d::OpType::BROADCAST, tensors,
                 [mpi = thread_.get(), tensor = tensors[0], root = static_cast<int>(options.rootRank)] {
                     MPI_Request request = MPI_REQUEST_NULL;
                     MPI_Ibcast(tensor.data_ptr(), static_cast<int>(tensor.numel()), type_of(tensor), root, mpi->comm(),
                                &request);
                     mpi->wait(request);
                 });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::allreduce(std::vector<at::Tensor>& tensors,
                                                     const c10d::AllreduceOptions& options) {
    TORCH_CHECK(tensors.size() == 1 && options.reduceOp == c10d::ReduceOp::SUM, "the sum of one tensor at a time");
    require_plain(tensors[0]);
    return start(c10d::OpType::ALLREDUCE, tensors,
                 [mpi = thread_.get(), tensor = tensors[0]] { all_reduce(*mpi, tensor); });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::_allgather_base(at::Tensor& output, at::Tensor& input,
                                                           const c10d::AllgatherOptions& /*options*/) {
    require_plain(input);
    require_plain(output);
    TORCH_CHECK(output.numel() == input.numel() * getSize() && output.scalar_type() == input.scalar_type(),
                "what is gathered has no place");
    return start(c10d::OpType::_ALLGATHER_BASE, {output}, [mpi = thread_.get(), output, input] {
        MPI_Request request = MPI_REQUEST_NULL;
        const auto numbers = static_cast<int>(input.numel());
        MPI_Iallgather(input.const_data_ptr(), numbers, type_of(input), output.data_ptr(), numbers, type_of(output),
                       mpi->comm(), &request);
        mpi->wait(request);
    });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::barrier(const c10d::BarrierOptions& /*options*/) {
    return start(c10d::OpType::BARRIER, {}, [mpi = thread_.get()] {
        MPI_Request request = MPI_REQUEST_NULL;
        MPI_Ibarrier(mpi->comm(), &request);
        mpi->wait(request);
    });
}

}  // namespace reverie::distributed
