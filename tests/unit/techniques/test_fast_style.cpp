#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels/engine.h"
#include "reverie/core/files.h"
#include "reverie/core/parallel.h"
#include "reverie/data/batches.h"
#include "reverie/data/dataset.h"
#include "reverie/image/picture.h"
#include "reverie/techniques/fast_style.h"
#include "reverie/train/loop.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "support/temporary_folder.h"
#include "support/textured_picture.h"
#include "techniques/fast_style/style_net_start.h"
#include "techniques/style/style_moments.h"
#include "techniques/style/style_objective.h"
#include "train/stepper.h"

namespace reverie {
namespace {

/// Shallow layers and a small net on small pictures.
FastStyleOptions small(std::vector<std::string> styles = {"night"}) {
    FastStyleOptions options = fast_style_recipe().options;
    options.net = {.channels = {8, 8, 16}, .ends = 3, .blocks = 1, .styles = std::move(styles), .adds_input = false};
    options.style.style_layers = {{"relu1_1", 2.0}, {"relu2_1", 1.0}};
    options.style.content_layers = {{"relu2_2", 1.0}};
    options.side = 64;
    return options;
}

FastStyleTeacher teacher() {
    static const std::shared_ptr<FrozenNet> net = [] {
        Graph graph = make_graph("vgg16", "torchvision");
        prepare_graph(graph, small().style);
        return std::make_shared<FrozenNet>(test::formula_net(std::move(graph)));
    }();
    return {.style = net, .content = nullptr, .notes = {{"network", "vgg16"}, {"content network", "none"}}};
}

/// Stripes of two colours that no photo here has.
StyleSource striped(double period) {
    const Tensor x = at::arange(120, at::kFloat).view({1, 1, 120}) + at::arange(90, at::kFloat).view({1, 90, 1});
    const Tensor share = 0.5 + 0.5 * at::sin(x * (6.283 / period));
    const Tensor from = at::tensor({0.9F, 0.2F, 0.1F}).view({3, 1, 1});
    const Tensor to = at::tensor({0.1F, 0.1F, 0.8F}).view({3, 1, 1});
    return {.images = {at::lerp(from, to, share).contiguous()}};
}

std::vector<StyleSource> stripes(std::size_t count) {
    std::vector<StyleSource> styles;
    for (std::size_t i = 0; i < count; ++i) {
        styles.push_back(striped(7.0 + 5.0 * static_cast<double>(i)));
    }
    return styles;
}

std::unique_ptr<FastStyleTask> task_of(const FastStyleOptions& options, std::size_t styles,
                                       const StyleNetWeights& start = {}) {
    return std::make_unique<FastStyleTask>(options, stripes(styles), teacher(), 1, start, Tensor());
}

Batch photos(std::int64_t step, std::int64_t count) {
    std::vector<Tensor> images;
    for (std::int64_t i = 0; i < count; ++i) {
        images.push_back(test::textured_picture(static_cast<std::uint64_t>((step * count + i) % 7), Size{96, 96}));
    }
    return {.images = at::stack(images).contiguous(at::MemoryFormat::ChannelsLast),
            .labels = at::zeros({count}, at::kLong),
            .indices = at::arange(count, at::kLong),
            .first = step * count};
}

TrainOptions training(std::int64_t steps) {
    TrainOptions options = fast_style_recipe().training;
    options.steps = steps;
    return options;
}

/// Values of all tensors, kept.
NamedTensors copied(const NamedTensors& tensors) {
    NamedTensors copies;
    for (const auto& [name, tensor] : tensors) {
        copies[name] = tensor.detach().clone();
    }
    return copies;
}

void take_steps(FastStyleTask& task, std::int64_t steps, std::int64_t batch = 1) {
    const TrainingEngine engine(true);
    Stepper stepper(task, training(steps));
    for (std::int64_t step = 0; step < steps; ++step) {
        stepper.step(photos(step, batch), step, steps, 3, 1.0);
    }
}

double loss_of(FastStyleTask& task, std::int64_t step, std::int64_t total) {
    const c10::NoGradGuard no_grad;
    StepLog log;
    double sum = 0.0;
    constexpr std::int64_t kPhotos = 6;
    const Batch batch = photos(0, kPhotos);
    sum += task.phases().at(0).loss({batch, step, total, 5}, log).item<double>();
    return sum;
}

TEST(StyleObjective, TakesAnotherContentAsIfMadeForIt) {
    const StyleOptions style = small().style;
    FrozenNet& net = *teacher().style;
    const Tensor first = test::textured_picture(1, Size{40, 52});
    const Tensor other = test::textured_picture(2, Size{61, 33});
    const Tensor image = test::textured_picture(3, Size{61, 33});
    const std::vector<StyleRegion> regions = {{{}, measure_style(net, style, striped(9.0).images[0], {}, 0)}};
    StyleObjective moved(net, style, first, {}, regions, 0);
    Tensor found;
    moved.value_and_gradient(first, 0, found);
    moved.keep_content_of(other);
    StyleObjective fresh(net, style, other, {}, regions, 0);
    Tensor wanted;
    const double value = moved.value_and_gradient(image, 0, found).item<double>();
    EXPECT_EQ(value, fresh.value_and_gradient(image, 0, wanted).item<double>());
    EXPECT_TRUE(at::equal(found, wanted));

    const auto parts = moved.losses();
    moved.weigh_styles(0.25);
    moved.value_and_gradient(image, 0, found);
    EXPECT_NEAR(moved.losses().at("style"), 0.25 * parts.at("style"), 1e-9);
    EXPECT_NEAR(moved.losses().at("palette"), 0.25 * parts.at("palette"), 1e-9);
    EXPECT_EQ(moved.losses().at("content"), parts.at("content"));
}

TEST(FastStyleTask, LearnsToPaint) {
    const auto task = task_of(small(), 1);
    constexpr std::int64_t kSteps = 60;
    const double before = loss_of(*task, kSteps, kSteps);
    take_steps(*task, kSteps);
    EXPECT_LE(loss_of(*task, kSteps, kSteps), 0.6 * before);
}

TEST(FastStyleTask, LossHasTheGradientOfItsPictures) {
    const auto task = task_of(small(), 1);  // whose first pictures are about grey: nothing is held to [0,1]
    // Along one weight, against differences.
    const Tensor weight = task->state().at("up.1.scale");
    const auto loss = [&] {
        StepLog log;
        const Batch batch = photos(0, 2);
        return task->phases().at(0).loss({batch, 9, 10, 5}, log);
    };
    const Tensor value = loss();
    value.backward();
    const double slope = weight.grad()[0].sum().item<double>();
    const c10::NoGradGuard no_grad;
    constexpr double kStep = 1e-2;
    weight.add_(kStep);
    const double above = loss().item<double>();
    weight.sub_(2 * kStep);
    const double below = loss().item<double>();
    const double measured = (above - below) / (2 * kStep);
    EXPECT_NEAR(slope, measured, 0.05 * std::abs(measured));  // kinks of ReLUs and maxima lie in between
}

double logged(FastStyleTask& task, const std::string& wanted) {
    StepLog log;
    const Batch batch = photos(0, 2);
    task.phases().at(0).loss({batch, 0, 10, 5}, log);
    for (const auto& [name, value] : log.values()) {
        if (name == wanted) {
            return value.item<double>();
        }
    }
    return -1.0;
}

TEST(FastStyleTask, TurnedTonesCost) {
    FastStyleOptions options = small();
    options.tone = 1.0;
    options.drawn = 0.0;
    const auto task = task_of(options, 1);
    const auto tone = [&] { return logged(*task, "tone"); };
    const double before = tone();
    EXPECT_GT(before, 0.0);
    EXPECT_LT(before, 2.0);
    const c10::NoGradGuard no_grad;
    task->state().at("out.weight").neg_();
    EXPECT_NEAR(tone(), 2.0 - before, 1e-4);  // the negatives
}

TEST(FastStyleTask, LatticesCostByTheirWeight) {
    FastStyleOptions options = small();
    options.lattice = 1.0;
    const double once = logged(*task_of(options, 1), "lattice");
    EXPECT_GT(once, 0.0);
    options.lattice = 50.0;
    EXPECT_NEAR(logged(*task_of(options, 1), "lattice"), 50.0 * once, 1e-5 * once);
}

TEST(FastStyleTask, GivesTheSameBitsWithAnyNumberOfThreads) {
    std::vector<NamedTensors> all;
    for (const int threads : {1, 3}) {
        const ThreadShare share(threads);
        const auto task = task_of(small({"night", "wave"}), 2);
        take_steps(*task, 4, 2);
        all.push_back(copied(task->state()));
    }
    for (const auto& [name, tensor] : all[0]) {
        EXPECT_TRUE(at::equal(tensor, all[1].at(name))) << name;
    }
}

TEST(FastStyleTask, AddingAStyleLeavesEverythingElseToTheBit) {
    const auto task = task_of(small({"night", "wave"}), 2);
    take_steps(*task, 4);
    const StyleNetWeights trained{small({"night", "wave"}).net, copied(task->averaged())};

    FastStyleOptions options = small({"night", "wave", "sand"});
    options.adds_styles = true;
    options.optimizer.learning_rate = 1e-2;
    const auto adding = task_of(options, 1, trained);
    for (const auto& [name, tensor] : adding->state()) {
        const Tensor& old = trained.tensors.at(name);
        if (tensor.dim() == 2) {
            EXPECT_TRUE(at::allclose(tensor[2], old.mean(0))) << name;
        }
    }
    const double before = loss_of(*adding, 9, 10);
    take_steps(*adding, 30);
    EXPECT_LT(loss_of(*adding, 9, 10), before);
    for (const auto& [name, tensor] : adding->state()) {
        const Tensor& old = trained.tensors.at(name);
        EXPECT_TRUE(at::equal(tensor.dim() == 2 ? tensor.narrow(0, 0, 2) : tensor, old)) << name;
        if (tensor.dim() == 2) {
            EXPECT_FALSE(at::equal(tensor[2], old.mean(0))) << name;
        }
    }
}

TEST(FastStyleTask, BeginsWithTheStylesOfTheSameName) {
    const auto net = make_style_net(small({"a", "b"}).net, 1);
    StyleNetWeights start{small({"a", "b"}).net, {}};
    for (const auto& item : net->named_parameters()) {
        start.tensors[item.key()] = at::arange(item.value().numel(), at::kFloat).view(item.value().sizes());
    }
    const auto task = task_of(small({"b", "new"}), 2, start);
    const Tensor scale = task->state().at("down.0.scale");
    EXPECT_TRUE(at::equal(scale[0], start.tensors.at("down.0.scale")[1]));
    EXPECT_TRUE(at::equal(scale[1], start.tensors.at("down.0.scale").mean(0)));
    EXPECT_TRUE(at::equal(task->state().at("up.0.weight"), start.tensors.at("up.0.weight")));

    FastStyleOptions wider = small({"b"});
    wider.net.channels = {16, 16, 16};
    const std::string refused = test::expect_error(ErrorKind::Input, [&] { task_of(wider, 1, start); });
    EXPECT_NE(refused.find("8-8-16"), std::string::npos) << refused;
    start.tensors.erase("up.0.weight");
    test::expect_error(ErrorKind::Input, [&] { task_of(small({"b"}), 1, start); });
}

TEST(FastStyleTask, ANetWithoutNumbersHasALossWithoutOne) {
    const auto task = task_of(small(), 1);
    {
        const c10::NoGradGuard no_grad;
        task->state().at("out.bias").fill_(std::numeric_limits<double>::quiet_NaN());
    }
    EXPECT_TRUE(std::isnan(loss_of(*task, 0, 10)));
}

TEST(FastStyleTask, RefusesStylesThatAreNotThose) {
    test::expect_error(ErrorKind::Usage, [] { task_of(small({"a", "b"}), 1); });
    test::expect_error(ErrorKind::Usage, [] { task_of(small({"a"}), 0); });
    FastStyleOptions options = small({"a"});
    options.adds_styles = true;
    test::expect_error(ErrorKind::Usage, [&] { task_of(options, 1); });
    options = small({"a"});
    options.style.strength = 0.5;
    test::expect_error(ErrorKind::Usage, [&] { task_of(options, 1); });
}

/// A run of the whole loop over photos in a folder.
class Runs {
  public:
    Runs() {
        for (std::uint64_t i = 0; i < 7; ++i) {
            save_image(photos_ / (std::to_string(i) + ".png"), test::textured_picture(i, Size{80, 96}));
        }
    }
    /// Up to `stop` of the 9 planned steps, as a process that begins or goes on.
    TrainResult go(const std::string& name, std::int64_t stop) const {
        const Dataset set = open_dataset(photos_.path(), {.size = Size{96, 96}});
        TrainOptions options = training(9);
        options.log_every = 1;
        options.validate_every = 3;
        options.preview_every = 3;
        const Split parts = split(set.count(), 0.2, 1);
        Batches batches(set, parts.train, {.batch = 1, .seed = 1});
        const OrderedBatches held(set, parts.validation, 1);
        FastStyleTask task(small({"night", "wave"}), stripes(2), teacher(), 1, {},
                           to_float(set.read(parts.validation)));
        const RunIdentity identity{.program = "styletransfer", .options = {}, .free = {}};
        const auto folder = folders_ / name;
        RunFolder run = RunFolder::holds_steps(folder) ? RunFolder::resume(folder, identity)
                                                       : RunFolder::create(folder, identity, 0);
        CancelToken cancel;
        Hooks hooks;
        hooks.cancel = &cancel;
        hooks.on_progress = [&](const Progress& progress) {
            if (progress.done >= static_cast<double>(stop) && stop < 9) {
                cancel.request();
            }
        };
        return train(task, batches, &held, options, &run, {}, hooks);
    }
    std::vector<std::byte> bytes(const std::string& name, const char* file) const {
        return read_file(folders_ / name / file);
    }
    StateDict weights(const std::string& name) const { return read_state_dict(folders_ / name / kAverageFile); }

  private:
    test::TemporaryFolder photos_, folders_;
};

TEST(FastStyleTask, GoesOnToTheBit) {
    const Runs run;
    const TrainResult whole = run.go("whole", 9);
    EXPECT_EQ(whole.steps, 9);
    for (const std::int64_t stop : {1, 4, 6}) {
        const std::string name = "stopped" + std::to_string(stop);
        EXPECT_EQ(run.go(name, stop).end, TrainEnd::Cancelled);
        EXPECT_EQ(run.go(name, 9).steps, 9);
        for (const char* file : {kWeightsFile, kAverageFile, kBestFile, kMetricsFile}) {
            EXPECT_EQ(run.bytes(name, file), run.bytes("whole", file)) << file << " after a stop at " << stop;
        }
    }
    const StateDict weights = run.weights("whole");
    const StyleNetOptions options = style_net_options(weights.metadata());
    EXPECT_EQ(options.styles, (std::vector<std::string>{"night", "wave"}));
    EXPECT_EQ(weights.metadata().at("network"), "vgg16");
    EXPECT_EQ(weights.metadata().at("program"), "styletransfer");
}

TEST(FastStyleTask, MeasuresPaintedPhotosAgainstUntouchedOnes) {
    const test::TemporaryFolder folder;
    for (std::uint64_t i = 0; i < 3; ++i) {
        save_image(folder / (std::to_string(i) + ".png"), test::textured_picture(i, Size{64, 64}));
    }
    const Dataset set = open_dataset(folder.path(), {.size = Size{64, 64}});
    const OrderedBatches batches(set, all_indices(set), 2);
    FastStyleOptions options = small();
    options.net.adds_input = true;  // an untrained one gives photos back
    const auto task = task_of(options, 1);
    const auto measured = [&] {
        std::map<std::string, double> found;
        for (const auto& [name, value] : task->validate(batches, Ranks(), {})) {
            found[name] = value;
        }
        return found;
    };
    const auto untouched = measured();
    EXPECT_DOUBLE_EQ(untouched.at("ratio"), 1.0);
    EXPECT_EQ(untouched.at("content"), 0.0);
    EXPECT_NEAR(untouched.at("style") + untouched.at("palette"), untouched.at("loss"), 1e-9);
    {
        const c10::NoGradGuard no_grad;
        task->state().at("out.bias").fill_(1.0);  // all white
    }
    const auto white = measured();
    EXPECT_GT(white.at("content"), 0.0);
    EXPECT_GT(white.at("palette"), untouched.at("palette"));
}

}  // namespace
}  // namespace reverie
