// A training run small enough to be made a hundred times: a two-layer denoising net on drawn images.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/data/batches.h"
#include "reverie/data/dataset.h"
#include "reverie/image/picture.h"
#include "reverie/train/loop.h"
#include "reverie/weights/sha256.h"
#include "support/temporary_folder.h"

namespace reverie::test {

constexpr std::int64_t kHeight = 17;
constexpr std::int64_t kWidth = 16;
constexpr std::int64_t kImages = 20;

/// Slanted waves as grey PNG files, one of each slope.
inline void draw_images(const std::filesystem::path& folder) {
    const Tensor y = at::arange(kHeight, at::kFloat).reshape({1, kHeight, 1});
    const Tensor x = at::arange(kWidth, at::kFloat).reshape({1, 1, kWidth});
    for (std::int64_t i = 0; i < kImages; ++i) {
        const double slope = 0.1 * static_cast<double>(i + 1);
        save_image(folder / (std::to_string(100 + i) + ".png"),
                   (0.5 + 0.4 * at::sin(slope * x + (0.9 - slope) * y)).expand({3, kHeight, kWidth}).contiguous());
    }
}

/// The images all tests of this program train on.
inline const std::filesystem::path& drawn_images() {
    static const TemporaryFolder folder;
    static const bool drawn = (draw_images(folder.path()), true);
    static_cast<void>(drawn);
    return folder.path();
}

struct TinyOptions {
    bool two_phases = false;
    bool newer = false;                                                ///< has a state that earlier versions lack
    double first_rests_at = -std::numeric_limits<double>::infinity();  ///< of two phases
    /// Sees every loss on its way to the loop: may spoil it, take time, throw.
    std::function<Tensor(const Tensor& loss, const StepInput& input)> on_loss;
};

class TinyTask : public TrainTask {
  public:
    explicit TinyTask(TinyOptions options = {}) : options_(std::move(options)) {
        const std::int64_t pixels = kHeight * kWidth;
        const auto weight = [](std::uint64_t stream, std::vector<std::int64_t> shape) {
            const std::vector<std::int64_t> row(shape.begin() + 1, shape.end());
            return (0.05 * normal_noise(3, stream, 0, shape[0], row)).set_requires_grad(true);
        };
        in_ = {{"in.weight", weight(0, {5, pixels})}, {"in.bias", weight(1, {5})}};
        out_ = {{"out.weight", weight(2, {pixels, 5})}, {"out.bias", weight(3, {pixels})}};
        brightness_ = at::zeros({}, at::kDouble);
        calls_ = at::zeros({}, at::kLong);
    }

    std::vector<Phase> phases() override {
        const auto loss = [this](const StepInput& input, StepLog& log) { return loss_of(input, log); };
        if (options_.two_phases) {
            return {{.name = "first",
                     .parameters = in_,
                     .optimizer = {.learning_rate = 0.01},
                     .rests_at = options_.first_rests_at,
                     .loss = loss},
                    {.name = "second",
                     .parameters = out_,
                     .optimizer = {.kind = OptimizerKind::RmsProp, .learning_rate = 0.003, .beta2 = 0.99},
                     .every = 3,
                     .loss = loss}};
        }
        return {{.name = "net", .parameters = averaged(), .optimizer = {.learning_rate = 0.01}, .loss = loss}};
    }

    NamedTensors state() override {
        NamedTensors all = averaged();
        all["brightness"] = brightness_;
        all["calls"] = calls_;
        if (options_.newer) {
            all["newer"] = newer_;
        }
        return all;
    }

    std::vector<std::string> added_later() const override {
        return options_.newer ? std::vector<std::string>{"newer"} : std::vector<std::string>{};
    }

    NamedTensors averaged() override {
        NamedTensors all = in_;
        all.insert(out_.begin(), out_.end());
        return all;
    }

    std::map<std::string, std::string> metadata() const override { return {{"net", "tiny"}}; }

    Scalars validate(const OrderedBatches& batches, const Ranks& /*ranks*/, const Hooks& hooks) override {
        double sum = 0.0;
        std::int64_t count = 0;
        for (std::int64_t i = 0; i < batches.batches(); ++i) {
            if (hooks.cancelled()) {
                throw Error(ErrorKind::Cancelled, "stopped");
            }
            const Tensor images = batches.at(i).images.flatten(1);
            sum += (decode(encode(images)) - images).square().sum().item<double>();
            count += images.numel();
        }
        const std::int64_t shown = count / kHeight / kWidth;
        return {{"loss", sum / static_cast<double>(count)}, {"images", static_cast<double>(shown)}};
    }
    std::string metric() const override { return "loss"; }

    Tensor preview() override {
        return decode(at::ones({1, 5})).clamp(0, 1).reshape({1, kHeight, kWidth}).expand({3, -1, -1}).contiguous();
    }

    std::vector<ReportPicture> pictures(const Tensor& reals) override {
        return {{"a real one", reals[0].expand({3, -1, -1}).contiguous()}};
    }

  private:
    Tensor encode(const Tensor& x) const { return at::tanh(at::linear(x, in_.at("in.weight"), in_.at("in.bias"))); }
    Tensor decode(const Tensor& z) const { return at::linear(z, out_.at("out.weight"), out_.at("out.bias")); }

    Tensor loss_of(const StepInput& input, StepLog& log) {
        const Tensor clean = input.batch.images.flatten(1);
        const Tensor noise = normal_noise(input.seed, 7, input.batch.first, clean.size(0), {clean.size(1)});
        {
            const c10::NoGradGuard no_grad;  // states of a task that change with every step, as in batch norm
            brightness_.mul_(0.9).add_(clean.mean().to(at::kDouble), 0.1);
            calls_.add_(1);
        }
        const Tensor loss =
            (decode(encode(clean + 0.1 * noise * (0.5 + brightness_.to(at::kFloat)))) - clean).square().mean();
        log.add("brightness", brightness_);
        return options_.on_loss ? options_.on_loss(loss, input) : loss;
    }

    TinyOptions options_;
    NamedTensors in_;
    NamedTensors out_;
    Tensor brightness_;
    Tensor calls_;
    Tensor newer_ = at::full({}, 7.0);
};

/// Numbers that divide each other badly, so that every event has steps of its own.
inline TrainOptions tiny_options() {
    TrainOptions options;
    options.steps = 50;
    options.batch = 6;
    options.seed = 11;
    options.schedule = {.kind = Schedule::Cosine, .warmup_steps = 5};
    options.clip_norm = 0.3;
    options.average_half_life = 60;
    options.log_every = 7;
    options.preview_every = 20;
    options.validate_every = 12;
    options.checkpoint_minutes = 0.0;
    return options;
}

inline RunIdentity tiny_identity() {
    return {.program = "tiny",
            .options = {{"batch", "6"}, {"name", "a \"quoted\" one"}, {"digest of the images", "12ab"}},
            .free = {{"threads", "2"}}};
}

struct TinyRun {
    TinyOptions task;
    TrainOptions options = tiny_options();
    Hooks hooks;
    bool with_validation = true;
};

/// Begins a run in `folder`, or goes on with the one that is there.
inline TrainResult train_tiny(const std::filesystem::path& folder, const TinyRun& run = {},
                              const std::filesystem::path& images = drawn_images()) {
    const Dataset set = open_dataset(images, {.channels = 1});
    const Split parts = split(set.count(), 0.2, 1);
    Batches batches(set, parts.train, {.batch = run.options.batch, .seed = run.options.seed, .mirror = true});
    const OrderedBatches validation(set, parts.validation, 3);
    TinyTask task(run.task);
    RunFolder where = std::filesystem::exists(folder / kOptionsFile) ? RunFolder::resume(folder, tiny_identity())
                                                                     : RunFolder::create(folder, tiny_identity(), 1000);
    return train(task, batches, run.with_validation ? &validation : nullptr, run.options, &where,
                 {{"machine", "a test"}}, run.hooks);
}

/// SHA-256 of every file whose bytes are a function of options and data, by name.
inline std::map<std::string, std::string> digests_of(const std::filesystem::path& folder) {
    std::map<std::string, std::string> digests;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string name = std::filesystem::relative(entry.path(), folder).string();
        const bool of_times =
            name == kTimingFile || name.starts_with("events") || name == "checkpoint-previous.safetensors";
        if (entry.is_regular_file() && !of_times) {
            digests[name] = sha256_of_file(entry.path());
        }
    }
    return digests;
}

}  // namespace reverie::test
