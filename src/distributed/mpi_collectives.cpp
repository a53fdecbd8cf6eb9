#include "distributed/mpi_collectives.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace reverie::distributed {
namespace {

constexpr std::int64_t kSmall = 1 << 15;  // bytes up to which every rank sends all it has to every other
// With its head, a piece is the longest message that Open MPI sends over TCP without asking first.
constexpr std::int64_t kPiece = 60 << 10;
constexpr std::int64_t kOnTheWay = 6 * kPiece;  // enough for a link to stay busy from one look at it to the next
constexpr std::int64_t kAhead = 2;              // large sums that may hear of others before it is their turn to send
constexpr std::int64_t kTags = 1 << 14;         // what every MPI has, by two

/// Every row summed, in order; `out` may be one of them.
using AddRows = void (*)(const std::vector<const char*>& rows, std::int64_t width, char* out);

template <typename T>
void add_rows(const std::vector<const char*>& rows, std::int64_t width, char* out) {
    std::array<T, 1024> sums;
    for (std::int64_t begin = 0; begin < width; begin += sums.size()) {
        const std::int64_t count = std::min<std::int64_t>(sums.size(), width - begin);
        std::copy_n(reinterpret_cast<const T*>(rows[0]) + begin, count, sums.data());
        for (std::size_t row = 1; row < rows.size(); ++row) {
            const T* const more = reinterpret_cast<const T*>(rows[row]) + begin;
            for (std::int64_t i = 0; i < count; ++i) {
                sums[i] = static_cast<T>(sums[i] + more[i]);
            }
        }
        std::copy_n(sums.data(), count, reinterpret_cast<T*>(out) + begin);
    }
}

AddRows adding(at::ScalarType type) {
    switch (type) {
        case at::kFloat:
            return add_rows<float>;
        case at::kDouble:
            return add_rows<double>;
        case at::kInt:
            return add_rows<std::int32_t>;
        case at::kLong:
            return add_rows<std::int64_t>;
        case at::kByte:
            return add_rows<std::uint8_t>;
        default:
            throw std::runtime_error(std::string("tensors of ") + c10::toString(type) + " are not summed over MPI");
    }
}

/// The rows of all ranks that lie one behind the other.
std::vector<const char*> rows_of(const at::Tensor& all, int count) {
    std::vector<const char*> rows;
    for (int row = 0; row < count; ++row) {
        rows.push_back(static_cast<const char*>(all.const_data_ptr()) +
                       row * static_cast<std::int64_t>(all.nbytes()) / count);
    }
    return rows;
}

class MpiCollective final : public Collective {
  public:
    MpiCollective(std::vector<at::Tensor> tensors, const std::function<void(MPI_Request& request)>& begin,
                  std::function<void()> end)
        : tensors_(std::move(tensors)), end_(std::move(end)) {
        begin(request_);
    }

    bool advance() override {
        int done = 0;
        MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
        if (done != 0 && end_) {
            end_();
        }
        return done != 0;
    }

  private:
    std::vector<at::Tensor> tensors_;
    MPI_Request request_ = MPI_REQUEST_NULL;
    std::function<void()> end_;
};

std::unique_ptr<Collective> small_sum(MpiLines& lines, const at::Tensor& tensor) {
    const at::Tensor rows = at::empty({lines.count * tensor.numel()}, tensor.options());
    const AddRows add = adding(tensor.scalar_type());
    return mpi_collective(
        {tensor, rows},
        [&](MPI_Request& request) {
            const auto numbers = static_cast<int>(tensor.numel());
            const MPI_Datatype type = mpi_type_of(tensor);
            MPI_Iallgather(tensor.const_data_ptr(), numbers, type, rows.data_ptr(), numbers, type, lines.all, &request);
        },
        [tensor, rows, add, count = lines.count] {
            add(rows_of(rows, count), tensor.numel(), static_cast<char*>(tensor.data_ptr()));
        });
}

/// Each rank sums a part of all numbers, and hands it round. Two ranks send as much, and are done sooner, when each of
/// them sums all.
class LargeSum final : public Collective {
  public:
    LargeSum(MpiLines& lines, at::Tensor tensor)
        : lines_(lines),
          tensor_(std::move(tensor)),
          add_(adding(tensor_.scalar_type())),
          number_(lines.large_sums++),
          size_(static_cast<std::int64_t>(tensor_.element_size())),
          in_parts_(lines.count > 2) {}

    bool advance() override {
        if (!others_.defined()) {
            if (number_ > lines_.turn[0] + kAhead) {
                return false;
            }
            begin();
        }
        for (;;) {
            hear();
            send_more();
            if (left_ > 0 || lines_.turn[phase_] <= number_) {
                return false;
            }
            if (phase_ == 0) {
                const Part own = part_of(lines_.rank);
                add_(rows_, own.count, place_of(own.first));
            }
            if (phase_ == 1 || !in_parts_) {
                return true;
            }
            hand_round();
        }
    }

  private:
    /// Numbers of the tensor.
    struct Part {
        std::int64_t first;
        std::int64_t count;
    };
    struct Piece {
        int peer;
        Part part;
    };

    char* place_of(std::int64_t number) const { return static_cast<char*>(tensor_.data_ptr()) + number * size_; }
    int tag() const { return static_cast<int>(number_ % kTags * 2) + static_cast<int>(phase_); }

    Part part_of(int rank) const {
        const std::int64_t all = tensor_.numel();
        if (!in_parts_) {
            return {0, all};
        }
        const std::int64_t part = (all + lines_.count - 1) / lines_.count;
        const std::int64_t first = std::min(rank * part, all);
        return {first, std::min(part, all - first)};
    }

    /// Beginning with the next, so that not all send to the same one.
    std::vector<int> peers() const {
        std::vector<int> all;
        for (int i = 1; i < lines_.count; ++i) {
            all.push_back((lines_.rank + i) % lines_.count);
        }
        return all;
    }

    std::int64_t most_of_piece() const { return kPiece / size_; }

    void receive(int peer, char* to, std::int64_t numbers) {
        for (std::int64_t first = 0; first < numbers; first += most_of_piece()) {
            MPI_Irecv(to + first * size_, static_cast<int>(std::min(most_of_piece(), numbers - first)),
                      mpi_type_of(tensor_), peer, tag(), lines_.pieces, &begun(0));
        }
    }

    /// Every peer's pieces in order, the peers in turn.
    template <typename PartFor>
    void send(const PartFor& part_for) {
        pieces_.clear();
        sent_ = 0;
        const std::int64_t longest = part_of(0).count;
        for (std::int64_t first = 0; first < longest; first += most_of_piece()) {
            for (const int peer : peers()) {
                const Part part = part_for(peer);
                if (first < part.count) {
                    pieces_.push_back({peer, {part.first + first, std::min(most_of_piece(), part.count - first)}});
                }
            }
        }
    }

    /// A piece is on the way until its receiver has it, which is what MPI's synchronous sends tell. One sum after the
    /// other: would a later one keep an earlier one from sending, ranks could wait for each other in a circle.
    void send_more() {
        std::int64_t& turn = lines_.turn[phase_];
        std::int64_t& on_the_way = lines_.on_the_way[phase_];
        if (turn != number_) {
            return;
        }
        for (; sent_ < pieces_.size() && on_the_way < kOnTheWay; ++sent_) {
            const Piece& piece = pieces_[sent_];
            const std::int64_t bytes = piece.part.count * size_;
            on_the_way += bytes;
            MPI_Issend(place_of(piece.part.first), static_cast<int>(piece.part.count), mpi_type_of(tensor_), piece.peer,
                       tag(), lines_.pieces, &begun(bytes));
        }
        turn += sent_ == pieces_.size() ? 1 : 0;
    }

    MPI_Request& begun(std::int64_t sends) {
        ++left_;
        sends_.push_back(sends);
        return requests_.emplace_back(MPI_REQUEST_NULL);
    }

    void hear() {
        if (left_ == 0) {
            return;
        }
        done_.resize(requests_.size());
        int count = 0;
        MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, done_.data(), MPI_STATUSES_IGNORE);
        for (int i = 0; i < count; ++i) {
            lines_.on_the_way[phase_] -= sends_[static_cast<std::size_t>(done_[i])];
        }
        left_ -= count;
    }

    void begin() {
        const Part own = part_of(lines_.rank);
        others_ = at::empty({lines_.count * own.count}, tensor_.options());
        rows_ = rows_of(others_, lines_.count);
        for (const int peer : peers()) {
            receive(peer, const_cast<char*>(rows_[static_cast<std::size_t>(peer)]), own.count);
        }
        rows_[static_cast<std::size_t>(lines_.rank)] = place_of(own.first);
        send([this](int peer) { return part_of(peer); });
    }

    void hand_round() {
        phase_ = 1;
        requests_.clear();
        sends_.clear();
        for (const int peer : peers()) {
            const Part part = part_of(peer);
            receive(peer, place_of(part.first), part.count);
        }
        send([this](int /*peer*/) { return part_of(lines_.rank); });
    }

    MpiLines& lines_;
    at::Tensor tensor_;
    AddRows add_;
    std::int64_t number_;
    std::int64_t size_;  ///< bytes of a number
    bool in_parts_;
    std::size_t phase_ = 0;  ///< 0: what is to be summed is sent, 1: sums
    at::Tensor others_;
    std::vector<const char*> rows_;  ///< of each rank, what this one sums
    std::vector<Piece> pieces_;      ///< to be sent in this phase
    std::size_t sent_ = 0;           ///< of them
    std::vector<MPI_Request> requests_;
    std::vector<std::int64_t> sends_;  ///< bytes of each request, if it is one to send
    std::vector<int> done_;
    int left_ = 0;  ///< requests that are not done
};

}  // namespace

MPI_Datatype mpi_type_of(const at::Tensor& tensor) {
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

std::unique_ptr<Collective> mpi_collective(std::vector<at::Tensor> tensors,
                                           const std::function<void(MPI_Request& request)>& begin,
                                           std::function<void()> end) {
    return std::make_unique<MpiCollective>(std::move(tensors), begin, std::move(end));
}

std::unique_ptr<Collective> sum_of_ranks(MpiLines& lines, const at::Tensor& tensor) {
    if (static_cast<std::int64_t>(tensor.nbytes()) > kSmall) {
        return std::make_unique<LargeSum>(lines, tensor);
    }
    return small_sum(lines, tensor);
}

}  // namespace reverie::distributed
