#include "reverie/data/batches.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "data/state.h"
#include "data/streams.h"
#include "reverie/core/error.h"
#include "reverie/core/random.h"

namespace reverie {
namespace {

void to_float(const std::uint8_t* bytes, std::int64_t rows, std::int64_t width, bool mirrored, float* out) {
    if (!mirrored) {
        for (std::int64_t i = 0; i < rows * width; ++i) {
            out[i] = static_cast<float>(bytes[i]) / 255.0F;
        }
        return;
    }
    for (std::int64_t y = 0; y < rows; ++y, bytes += width, out += width) {
        for (std::int64_t x = 0; x < width; ++x) {
            out[x] = static_cast<float>(bytes[width - 1 - x]) / 255.0F;
        }
    }
}

constexpr std::int64_t kGrainBytes = 1 << 16;  // below that a second thread costs more than it brings

/// `mirrored`: empty or one entry an image. On the calling thread alone when it is in the background, where it must not
/// take cores from the training.
Batch make_batch(const Dataset& set, std::vector<std::int64_t> indices, const std::vector<bool>& mirrored, bool alone) {
    const data::Pixels& pixels = data::DatasetState::of(set).pixels;
    const auto count = static_cast<std::int64_t>(indices.size());
    const std::int64_t height = pixels.size.height;  // no binding: clang 14 catches none in a lambda
    const std::int64_t width = pixels.size.width;
    const std::int64_t bytes = pixels.image_bytes();
    Batch batch;
    batch.images = at::empty({count, pixels.channels, height, width}, at::kFloat);
    batch.labels = at::empty({count}, at::kLong);
    auto* images = batch.images.data_ptr<float>();
    auto* labels = batch.labels.data_ptr<std::int64_t>();
    const auto work = [&](std::int64_t begin, std::int64_t end) {
        std::vector<std::uint8_t> scratch(static_cast<std::size_t>(pixels.memory.defined() ? 0 : bytes));
        for (std::int64_t i = begin; i < end; ++i) {
            const auto place = static_cast<std::size_t>(i);
            to_float(pixels.image(indices[place], scratch.data()), pixels.channels * height, width,
                     !mirrored.empty() && mirrored[place], images + i * bytes);
            labels[i] = set.label(indices[place]);
        }
    };
    if (alone) {
        work(0, count);
    } else {
        at::parallel_for(0, count, std::max<std::int64_t>(1, kGrainBytes / bytes), work);
    }
    batch.indices = at::tensor(indices, at::kLong);
    return batch;
}

}  // namespace

Tensor to_float(const Tensor& bytes, const std::vector<bool>& mirrored) {
    TORCH_CHECK(bytes.dim() == 4 && bytes.scalar_type() == at::kByte && bytes.is_cpu(),
                "to_float takes uint8 [N,C,H,W] on the CPU and not ", bytes.toString(), " ", bytes.sizes());
    TORCH_CHECK(mirrored.empty() || static_cast<std::int64_t>(mirrored.size()) == bytes.size(0), "of ", bytes.size(0),
                " images ", mirrored.size(), " are said to be mirrored or not");
    const Tensor whole = bytes.contiguous();
    Tensor images = at::empty(whole.sizes(), at::kFloat);
    const std::int64_t rows = whole.size(1) * whole.size(2);
    const std::int64_t width = whole.size(3);
    const auto* in = whole.const_data_ptr<std::uint8_t>();
    auto* out = images.data_ptr<float>();
    const std::int64_t grain = std::max<std::int64_t>(1, kGrainBytes / std::max<std::int64_t>(1, rows * width));
    at::parallel_for(0, whole.size(0), grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            to_float(in + i * rows * width, rows, width, !mirrored.empty() && mirrored[static_cast<std::size_t>(i)],
                     out + i * rows * width);
        }
    });
    return images;
}

/// One thread makes the steps from `from` to `from + ahead`; a batch is a function of its step alone, so it does not
/// matter who makes it.
struct Batches::State {
    struct Made {
        Batch batch;
        std::exception_ptr fault;
    };

    State(Dataset set_, std::vector<std::int64_t> indices_, const BatchOptions& options_)
        : set(std::move(set_)), indices(std::move(indices_)), options(options_) {
        if (options.ahead > 0 && at::get_num_threads() > 1) {  // on one thread there is nobody to make them meanwhile
            worker = std::thread([this] { work(); });
        }
    }
    ~State() {
        {
            const std::lock_guard lock(mutex);
            stopping = true;
        }
        changed.notify_all();
        if (worker.joinable()) {
            worker.join();
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Batch make(std::int64_t step, bool alone) const {
        const std::int64_t part = options.batch / options.ranks;
        const std::int64_t first = step * options.batch + options.rank * part;
        const auto count = static_cast<std::int64_t>(indices.size());
        std::vector<std::int64_t> chosen;
        std::vector<bool> mirrored;
        for (std::int64_t sample = first; sample < first + part; ++sample) {
            chosen.push_back(indices[static_cast<std::size_t>(shuffled_index(options.seed, sample, count))]);
            if (options.mirror) {
                mirrored.push_back(
                    random_uniform(options.seed, data::kMirrorStream, static_cast<std::uint64_t>(sample)) < 0.5);
            }
        }
        Batch batch = make_batch(set, std::move(chosen), mirrored, alone);
        batch.images = batch.images.contiguous(at::MemoryFormat::ChannelsLast);  // as convolutions take them
        batch.first = first;
        return batch;
    }

    void work() {
        std::unique_lock lock(mutex);
        while (!stopping) {
            std::int64_t step = from;
            while (step < from + options.ahead && made.contains(step)) {
                ++step;
            }
            if (from < 0 || step == from + options.ahead) {
                changed.wait(lock);
                continue;
            }
            making = step;
            lock.unlock();
            Made result;
            try {
                result.batch = make(step, /*alone=*/true);
            } catch (...) {
                result.fault = std::current_exception();
            }
            lock.lock();
            made[step] = std::move(result);
            making = -1;
            changed.notify_all();
        }
    }

    Batch take(std::int64_t step) {
        std::unique_lock lock(mutex);
        from = step + 1;
        changed.notify_all();
        changed.wait(lock, [&] { return making != step; });
        std::optional<Made> found;
        if (auto node = made.extract(step)) {
            found = std::move(node.mapped());
        }
        std::erase_if(made, [&](const auto& entry) {
            return entry.first < from || entry.first >= from + options.ahead;  // another order than expected
        });
        lock.unlock();
        if (!found) {
            return make(step, /*alone=*/false);
        }
        if (found->fault) {
            std::rethrow_exception(found->fault);
        }
        return std::move(found->batch);
    }

    Dataset set;
    std::vector<std::int64_t> indices;
    BatchOptions options;

    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::int64_t, Made> made;
    std::int64_t from = -1;    ///< the next step to be made; -1: none was asked for
    std::int64_t making = -1;  ///< the step under way; -1: none
    bool stopping = false;
    std::thread worker;
};

namespace {

void require_batch(std::int64_t images) {
    require_in_range("batch", static_cast<double>(images), {1.0, std::numeric_limits<double>::max(), "1 or more"});
}

}  // namespace

Batches::Batches(Dataset set, std::vector<std::int64_t> indices, const BatchOptions& options) {
    require_batch(options.batch);
    if (options.batch % options.ranks != 0) {
        throw Error(ErrorKind::Usage, "{--batch} " + std::to_string(options.batch) + " is not to be shared alike by " +
                                          std::to_string(options.ranks) + " ranks; give a multiple of " +
                                          std::to_string(options.ranks));
    }
    if (indices.empty()) {
        throw Error(ErrorKind::Input,
                    "no image is left to make batches of; give more images or a smaller {--validation}");
    }
    state_ = std::make_unique<State>(std::move(set), std::move(indices), options);
}
Batches::~Batches() = default;
Batches::Batches(Batches&&) noexcept = default;
Batches& Batches::operator=(Batches&&) noexcept = default;

Batch Batches::at(std::int64_t step) {
    TORCH_CHECK(step >= 0, "step ", step, " was asked for; they are counted from 0");
    return state_->take(step);
}

const Dataset& Batches::dataset() const { return state_->set; }
std::int64_t Batches::count() const { return static_cast<std::int64_t>(state_->indices.size()); }
std::int64_t Batches::batch() const { return state_->options.batch; }
std::int64_t Batches::steps_per_epoch() const { return (count() + batch() - 1) / batch(); }

OrderedBatches::OrderedBatches(Dataset set, std::vector<std::int64_t> indices, std::int64_t batch)
    : set_(std::move(set)), indices_(std::move(indices)), batch_(batch) {
    require_batch(batch);
}

std::int64_t OrderedBatches::batches() const {
    return (static_cast<std::int64_t>(indices_.size()) + batch_ - 1) / batch_;
}

Batch OrderedBatches::at(std::int64_t number) const {
    TORCH_CHECK(number >= 0 && number < batches(), "batch ", number, " of ", batches(), " was asked for");
    const std::int64_t first = number * batch_;
    const std::int64_t last = std::min<std::int64_t>(first + batch_, static_cast<std::int64_t>(indices_.size()));
    Batch batch = make_batch(set_, {indices_.begin() + first, indices_.begin() + last}, {}, /*alone=*/false);
    batch.first = first;
    return batch;
}

}  // namespace reverie
