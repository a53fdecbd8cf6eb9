// What ranks do together over MPI, each as a machine of its own: several are under way at once, and none waits.
#pragma once

#include <mpi.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

namespace reverie::distributed {

/// What collectives talk over. Used by one thread, the one that calls MPI.
struct MpiLines {
    MPI_Comm all = MPI_COMM_NULL;     ///< for MPI's own collectives, which all ranks begin in the same order
    MPI_Comm pieces = MPI_COMM_NULL;  ///< for those of large sums
    int rank = 0;
    int count = 1;
    std::int64_t large_sums = 0;  ///< begun so far
    /// Of what is to be summed, and of sums: the number of the large sum whose pieces leave next, and the bytes that
    /// have left and not arrived.
    std::array<std::int64_t, 2> turn = {};
    std::array<std::int64_t, 2> on_the_way = {};
};

/// Holds the tensors that MPI reads and writes until it is done.
class Collective {
  public:
    Collective() = default;
    virtual ~Collective() = default;
    Collective(const Collective&) = delete;
    Collective& operator=(const Collective&) = delete;

    /// Goes on as far as that is possible without waiting. Whether all is done; not to be called again then.
    virtual bool advance() = 0;
};

/// One of MPI's own, of these tensors: `begin` begins it, `end` comes when it is done.
std::unique_ptr<Collective> mpi_collective(std::vector<at::Tensor> tensors,
                                           const std::function<void(MPI_Request& request)>& begin,
                                           std::function<void()> end = {});

/// In place, in the order of the ranks whatever lies beside what. A large one is cut into pieces of which only some are
/// on the way at once: what is asked for later and small does not have to wait until all of them are through. Throws
/// std::runtime_error for numbers that are not summed.
std::unique_ptr<Collective> sum_of_ranks(MpiLines& lines, const at::Tensor& tensor);

/// Throws std::runtime_error for one that MPI has no word for.
MPI_Datatype mpi_type_of(const at::Tensor& tensor);

}  // namespace reverie::distributed
