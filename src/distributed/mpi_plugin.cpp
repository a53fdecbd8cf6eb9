// The plugin that talks over MPI, opened where a launcher started several ranks.
#include <utility>

#include "distributed/mpi_backend.h"
#include "distributed/rank_group.h"

namespace reverie::distributed {
namespace {

class MpiGroup final : public RankGroup {
  public:
    explicit MpiGroup(double timeout)
        : thread_(std::make_shared<MpiThread>(timeout)), backend_(c10::make_intrusive<MpiBackend>(thread_)) {}

    c10::intrusive_ptr<c10d::Backend> backend() override { return backend_; }
    std::string fault() const override { return thread_->fault(); }
    void finish() override {
        backend_->barrier({})->wait();
        thread_->finish();
    }
    void leave() noexcept override { thread_->leave(); }

  private:
    std::shared_ptr<MpiThread> thread_;
    c10::intrusive_ptr<MpiBackend> backend_;
};

}  // namespace
}  // namespace reverie::distributed

extern "C" __attribute__((visibility("default"))) std::unique_ptr<reverie::distributed::RankGroup>
reverie_open_rank_group(const reverie::distributed::RankGroupOptions& options) {
    return std::make_unique<reverie::distributed::MpiGroup>(options.timeout);
}
