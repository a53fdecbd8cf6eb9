#include "distributed/mpi_backend.h"

#include <exception>
#include <utility>

namespace reverie::distributed {
namespace {

void require_plain(const at::Tensor& tensor) {
    TORCH_CHECK(tensor.is_cpu() && tensor.is_non_overlapping_and_dense(), "MPI takes dense tensors on the CPU");
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

MpiBackend::MpiBackend(std::shared_ptr<MpiThread> thread)
    : Backend(thread->rank(), thread->count()), thread_(std::move(thread)) {}

c10::intrusive_ptr<c10d::Work> MpiBackend::start(c10d::OpType type, std::vector<at::Tensor> tensors, Begin begin) {
    auto work = c10::make_intrusive<MpiWork>(getRank(), type, std::move(tensors), thread_);
    thread_->add({std::move(begin), [work](const std::exception_ptr& fault) { work->end(fault); }});
    return work;
}

c10::intrusive_ptr<c10d::Work> MpiBackend::broadcast(std::vector<at::Tensor>& tensors,
                                                     const c10d::BroadcastOptions& options) {
    TORCH_CHECK(tensors.size() == 1, "one tensor at a time");
    require_plain(tensors[0]);
    return start(c10d::OpType::BROADCAST, tensors,
                 [tensor = tensors[0], root = static_cast<int>(options.rootRank)](MpiLines& lines) {
                     return mpi_collective({tensor}, [&](MPI_Request& request) {
                         MPI_Ibcast(tensor.data_ptr(), static_cast<int>(tensor.numel()), mpi_type_of(tensor), root,
                                    lines.all, &request);
                     });
                 });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::allreduce(std::vector<at::Tensor>& tensors,
                                                     const c10d::AllreduceOptions& options) {
    TORCH_CHECK(tensors.size() == 1 && options.reduceOp == c10d::ReduceOp::SUM, "the sum of one tensor at a time");
    require_plain(tensors[0]);
    return start(c10d::OpType::ALLREDUCE, tensors,
                 [tensor = tensors[0]](MpiLines& lines) { return sum_of_ranks(lines, tensor); });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::_allgather_base(at::Tensor& output, at::Tensor& input,
                                                           const c10d::AllgatherOptions& /*options*/) {
    require_plain(input);
    require_plain(output);
    TORCH_CHECK(output.numel() == input.numel() * getSize() && output.scalar_type() == input.scalar_type(),
                "what is gathered has no place");
    return start(c10d::OpType::_ALLGATHER_BASE, {output}, [output, input](MpiLines& lines) {
        return mpi_collective({output, input}, [&](MPI_Request& request) {
            const auto numbers = static_cast<int>(input.numel());
            const MPI_Datatype type = mpi_type_of(input);
            MPI_Iallgather(input.const_data_ptr(), numbers, type, output.data_ptr(), numbers, type, lines.all,
                           &request);
        });
    });
}

c10::intrusive_ptr<c10d::Work> MpiBackend::barrier(const c10d::BarrierOptions& /*options*/) {
    return start(c10d::OpType::BARRIER, {}, [](MpiLines& lines) {
        return mpi_collective({}, [&](MPI_Request& request) { MPI_Ibarrier(lines.all, &request); });
    });
}

}  // namespace reverie::distributed
