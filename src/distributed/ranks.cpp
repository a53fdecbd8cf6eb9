#include "reverie/distributed/ranks.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "core/machine.h"
#include "core/plugin.h"
#include "distributed/ranks_state.h"
#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::array<const char*, 2> kNames = {"mpi", "nccl"};
constexpr std::array<const char*, 2> kPlugins = {"libreverie_mpi.so", "libreverie_nccl.so"};

/// Inside a catch block.
[[noreturn]] void rethrow_of(const Ranks::State& state) {
    if (const std::string fault = state.fault(); !fault.empty()) {
        throw Error(ErrorKind::Ranks,
                    fault + ", so rank " + std::to_string(state.processes->getRank()) + " ends as well");
    }
    throw;
}

/// What a collective does with a copy of x that lies where the backend takes it.
template <typename Collective>
Tensor with_copy(const Ranks::State& state, const Tensor& x, const Collective& collective) {
    const Ranks::State::Way way = state.way_of(x.device());
    std::vector<Tensor> copy = {
        x.detach().to(way.device, x.scalar_type(), /*non_blocking=*/false, /*copy=*/true).contiguous()};
    try {
        collective(*way.group->backend(), copy)->wait();
    } catch (const std::exception&) {
        rethrow_of(state);
    }
    return on_device(copy[0], x.device());
}

/// Every rank's result depends on every rank's x, so the gradient is summed as well.
struct Sum : Function<Sum> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Ranks::State* state) {
        ctx->saved_data["state"] = reinterpret_cast<std::int64_t>(state);
        return with_copy(*state, x,
                         [](c10d::Backend& backend, std::vector<Tensor>& copy) { return backend.allreduce(copy); });
    }
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
        return {Sum::apply(gradients[0], reinterpret_cast<const Ranks::State*>(ctx->saved_data["state"].toInt())),
                Tensor()};
    }
};

}  // namespace

std::vector<std::string> rank_transports() {
    std::vector<std::string> found;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (is_there(library_folder() / kPlugins[i])) {
            found.emplace_back(kNames[i]);
        }
    }
    return found;
}

Ranks::State::~State() {
    for (const auto* group : {&gpu, &cpu}) {
        if (*group && !finished) {
            (*group)->leave();
        }
    }
}

Ranks::State::Way Ranks::State::way_of(c10::Device of) const {
    return gpu && (of.is_cuda() || !cpu) ? Way{gpu.get(), device} : Way{cpu.get(), c10::Device(c10::kCPU)};
}

std::string Ranks::State::fault() const {
    const std::string of_cpu = cpu ? cpu->fault() : "";
    return of_cpu.empty() && gpu ? gpu->fault() : of_cpu;
}

namespace {

std::unique_ptr<distributed::RankGroup> open_group(RankTransport transport,
                                                   const distributed::RankGroupOptions& options) {
    const auto which = static_cast<std::size_t>(transport);
    if (!is_there(library_folder() / kPlugins[which])) {
        throw Error(ErrorKind::Device, std::string("this build cannot talk over ") + kNames[which] + ", for '" +
                                           kPlugins[which] + "' is not beside its library; " +
                                           (which == 0 ? "install libopenmpi-dev and build it again"
                                                       : "build it against a LibTorch for CUDA") +
                                           ", or pass {--distributed} off");
    }
    try {
        return reinterpret_cast<distributed::OpenRankGroup*>(
            plugin_function(kPlugins[which], distributed::kOpenRankGroupName))(options);
    } catch (const std::exception& fault) {
        throw Error(ErrorKind::Device, std::string("the ranks do not find each other over ") + kNames[which] + " (" +
                                           fault.what() + "); start them by mpirun or srun");
    }
}

/// The first rank's, at an address and port that all know, or that it tells by MPI.
c10::intrusive_ptr<c10d::Store> common_store(const RankOptions& options, const distributed::RankGroupOptions& who,
                                             const Ranks& over_mpi) {
    const auto timeout = std::chrono::milliseconds(static_cast<std::int64_t>(1000.0 * options.timeout));
    const bool told = !options.address.empty();
    const auto connect = [&](const std::string& host, int port) {
        c10d::TCPStoreOptions wanted;
        wanted.port = static_cast<std::uint16_t>(port);
        wanted.isServer = who.rank == 0 && !options.store_is_there;
        wanted.numWorkers = who.count;
        wanted.waitWorkers = false;
        wanted.timeout = timeout;
        return c10::make_intrusive<c10d::TCPStore>(host, wanted);
    };
    if (told) {
        return connect(options.address, options.port);
    }
    std::string host = host_name();
    host.resize(256);
    c10::intrusive_ptr<c10d::TCPStore> store;
    if (who.rank == 0) {
        store = connect(host.c_str(), 0);
    }
    const Tensor name = over_mpi.of_first(at::from_blob(host.data(), {256}, at::kByte).clone());
    const auto port = static_cast<int>(over_mpi.of_first(store ? static_cast<double>(store->getPort()) : 0.0));
    return store ? store : connect(reinterpret_cast<const char*>(name.const_data_ptr<std::uint8_t>()), port);
}

}  // namespace

Ranks Ranks::join(const RankOptions& options) {
    Ranks ranks;
    ranks.state_ = std::make_shared<State>();
    State& state = *ranks.state_;
    distributed::RankGroupOptions who{
        .timeout = options.timeout, .rank = options.rank, .count = options.count, .device = options.device};
    const bool by_mpi = options.transport == RankTransport::Mpi || options.address.empty();
    if (by_mpi) {
        state.cpu = open_group(RankTransport::Mpi, who);
        who.rank = state.cpu->backend()->getRank();
        who.count = state.cpu->backend()->getSize();
    }
    state.processes = c10::make_intrusive<c10d::ProcessGroup>(
        c10::static_intrusive_pointer_cast<c10d::Store>(c10::make_intrusive<c10d::HashStore>()), who.rank, who.count);
    const auto add = [&](c10::DeviceType device, c10d::ProcessGroup::BackendType type, distributed::RankGroup& group) {
        state.processes->setBackend(device, type, group.backend());
        state.processes->setDefaultBackend(type);
    };
    if (state.cpu) {
        add(c10::kCPU, c10d::ProcessGroup::BackendType::CUSTOM, *state.cpu);
    }
    if (options.transport == RankTransport::Nccl) {
        who.store = common_store(options, who, ranks);
        state.gpu = open_group(RankTransport::Nccl, who);
        state.device = options.device;
        add(c10::kCUDA, c10d::ProcessGroup::BackendType::NCCL, *state.gpu);
    }
    return ranks;
}

std::int64_t Ranks::rank() const noexcept { return state_ ? state_->processes->getRank() : 0; }
std::int64_t Ranks::count() const noexcept { return state_ ? state_->processes->getSize() : 1; }

Tensor Ranks::sum(const Tensor& x) const { return alone() ? x : Sum::apply(x, state()); }

Tensor Ranks::mean(const Tensor& x) const { return alone() ? x : sum(x) / static_cast<double>(count()); }

Tensor Ranks::gather(const Tensor& rows) const {
    if (alone()) {
        return rows;
    }
    const State::Way way = state_->way_of(rows.device());
    Tensor own = on_device(rows.detach(), way.device).contiguous();
    std::vector<std::int64_t> shape = own.sizes().vec();
    shape.at(0) *= count();
    Tensor all = at::empty(shape, own.options());
    try {
        way.group->backend()->_allgather_base(all, own)->wait();
    } catch (const std::exception&) {
        rethrow();
    }
    return on_device(all, rows.device());
}

Tensor Ranks::of_first(const Tensor& x) const {
    return alone() ? x : with_copy(*state_, x, [](c10d::Backend& backend, std::vector<Tensor>& copy) {
        return backend.broadcast(copy);
    });
}

double Ranks::of_first(double x) const {
    return alone() ? x : of_first(at::scalar_tensor(x, at::kDouble)).item<double>();
}

Tensor Ranks::made_by_first(const std::function<Tensor()>& make) const {
    if (alone()) {
        return make();
    }
    constexpr std::int64_t kMostDimensions = 8;
    Tensor made;
    std::vector<std::int64_t> sizes(kMostDimensions, -1);
    if (first()) {
        made = make().to(at::kCPU, at::kFloat).contiguous();
        std::ranges::copy(made.sizes(), sizes.begin());
    }
    const Tensor shape = of_first(at::tensor(sizes, at::kLong));
    sizes.assign(shape.const_data_ptr<std::int64_t>(), shape.const_data_ptr<std::int64_t>() + kMostDimensions);
    sizes.erase(std::ranges::find(sizes, -1), sizes.end());
    return of_first(first() ? made : at::empty(sizes, at::kFloat));
}

bool Ranks::any(bool here) const {
    return alone() ? here : sum(at::scalar_tensor(here ? 1 : 0, at::kInt)).item<std::int32_t>() > 0;
}

Ranks::Share Ranks::share_of(std::int64_t items) const { return share_of(items, rank()); }

Ranks::Share Ranks::share_of(std::int64_t items, std::int64_t rank) const {
    const auto begin_of = [&](std::int64_t which) { return (items * which + count() - 1) / count(); };
    return {begin_of(rank), begin_of(rank + 1) - begin_of(rank)};
}

Tensor Ranks::gather_shares(const Tensor& rows, std::int64_t items) const {
    if (alone()) {
        return rows;
    }
    const std::int64_t most = (items + count() - 1) / count();
    std::vector<std::int64_t> shape = rows.sizes().vec();
    shape.at(0) = most;
    const Tensor padded = at::zeros(shape, rows.options());
    padded.narrow(0, 0, rows.size(0)).copy_(rows.detach());
    const Tensor all = gather(padded);
    std::vector<Tensor> shares;
    for (std::int64_t rank = 0; rank < count(); ++rank) {
        shares.push_back(all.narrow(0, rank * most, share_of(items, rank).count));
    }
    return at::cat(shares);
}

void Ranks::finish() const {
    if (state_ && !state_->finished) {
        try {
            for (const auto* group : {&state_->gpu, &state_->cpu}) {
                if (*group) {
                    (*group)->finish();
                }
            }
            state_->finished = true;
        } catch (const std::exception&) {
            rethrow();
        }
    }
}

void Ranks::rethrow() const {
    if (state_) {
        rethrow_of(*state_);
    }
    throw;
}

}  // namespace reverie
