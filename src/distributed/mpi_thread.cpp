#include "distributed/mpi_thread.h"

#include <sched.h>
#include <sys/prctl.h>

#include <stdexcept>
#include <utility>

namespace reverie::distributed {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdle = 5ms;      // from one look around to the next while there is nothing to do
constexpr auto kBusy = 1ms;      // of a collective that is waited for, without pauses
constexpr auto kPause = 20us;    // between two looks at it from then on
constexpr auto kSoon = 100ms;    // what lasts longer waits for one of the ranks, which does something else
constexpr auto kBeside = 200us;  // between two looks at collectives beside which others compute, who want the core
constexpr int kTests = 16;       // of a look: Open MPI asks the network only at every eighth

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
    MPI_Comm_dup(MPI_COMM_WORLD, &lines_.all);
    MPI_Comm_dup(MPI_COMM_WORLD, &lines_.pieces);
    MPI_Comm_dup(MPI_COMM_WORLD, &watched);
    MPI_Comm_rank(lines_.all, &lines_.rank);
    MPI_Comm_size(lines_.all, &lines_.count);
    watch_.emplace(watched, timeout);
    {
        const std::lock_guard lock(mutex_);
        begun_ = true;
    }
    changed_.notify_all();
    work();
}

void MpiThread::work() {
    try {
        for (;;) {
            throw_if_lost();
            for (const Job& job : jobs_after(pause())) {
                begin(job);
            }
            if (under_way_.empty() && end_ == End::Finish) {
                break;
            }
            drive();
        }
    } catch (...) {
        fail_all(std::current_exception());
        return;  // what is under way cannot be taken back, so MPI is not ended either
    }
    MPI_Finalize();
}

std::deque<MpiThread::Job> MpiThread::jobs_after(std::chrono::nanoseconds pause) {
    std::unique_lock lock(mutex_);
    const auto called = [this] { return !jobs_.empty() || end_ != End::None; };
    if (pause > 0ns) {
        changed_.wait_for(lock, pause, called);
    } else if (!called()) {
        lock.unlock();
        ::sched_yield();
        lock.lock();
    }
    return std::exchange(jobs_, {});
}

void MpiThread::begin(const Job& job) {
    try {
        under_way_.push_back({job.begin(lines_), job.done});
        changed_at_ = Clock::now();
    } catch (...) {
        job.done(std::current_exception());
    }
}

void MpiThread::drive() {
    for (int tests = 0; tests < kTests && !under_way_.empty(); tests += static_cast<int>(under_way_.size())) {
        for (auto each = under_way_.begin(); each != under_way_.end();) {
            if (each->collective->advance()) {
                each->done(nullptr);
                each = under_way_.erase(each);
                changed_at_ = Clock::now();
            } else {
                ++each;
            }
        }
    }
}

std::chrono::nanoseconds MpiThread::pause() const {
    if (under_way_.empty()) {
        return kIdle;
    }
    const auto since = Clock::now() - changed_at_;
    if (waiting_ > 0 && since < kBusy) {
        return 0ns;
    }
    return waiting_ > 0 && since < kSoon ? kPause : kBeside;
}

/// Until the end. What is under way stays where it is, because MPI may still write there.
void MpiThread::fail_all(const std::exception_ptr& fault) {
    for (const UnderWay& each : under_way_) {
        each.done(fault);
    }
    std::unique_lock lock(mutex_);
    for (;;) {
        while (!jobs_.empty()) {
            const Job job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job.done(fault);
            lock.lock();
        }
        if (end_ != End::None) {
            break;
        }
        changed_.wait(lock);
    }
    if (end_ == End::Leave) {
        watch_->say_goodbye();
    }
}

}  // namespace reverie::distributed
