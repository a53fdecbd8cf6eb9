#include "reverie/techniques/vae.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "reverie/train/run_folder.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/vae_reference.h"

namespace reverie {
namespace {

const c10::Device kCpu(c10::kCPU);

VaeOptions options_of(LikelihoodKind kind, std::int64_t grid = 0) {
    VaeOptions options;
    options.net = {.size = {18, 21}, .channels = 3, .latent = 4, .latent_grid = grid, .width = 8};
    options.likelihood.kind = kind;
    return options;
}

/// A task with weights that do something, exported as a run's.
void export_run(VaeTask& task, const std::filesystem::path& path) {
    const c10::NoGradGuard no_grad;
    const Phase phase = task.phases().at(0);
    for (const auto& [name, tensor] : phase.parameters) {
        tensor.copy_(test::formula_tensor(name, tensor.sizes().vec(), false));
    }
    write_safetensors(path, task.averaged(), task.metadata());
}

TEST(Vae, WorksAsTheTaskThatWroteIt) {
    const c10::NoGradGuard no_grad;
    for (const std::int64_t grid : {0, 4}) {
        const test::TemporaryFolder folder;
        VaeTask task(options_of(LikelihoodKind::Gaussian, grid), 1, kCpu, nullptr);
        export_run(task, folder / kWeightsFile);
        const Vae vae = load_vae(folder.path(), RunWeights::Average, kCpu);
        EXPECT_EQ(vae.options().likelihood.kind, LikelihoodKind::Gaussian);
        EXPECT_EQ(vae.options().net.size, (Size{18, 21}));
        EXPECT_FALSE(vae.likelihood_is_probability());

        VaeNetOptions plain = vae.options().net;
        const auto net = make_vae(plain, 9);
        test::fill_with_formula(*net, 1.0);
        const Tensor images = test::reference_images(3, 3, 18, 21);
        const Posterior wanted = net->encode(images, {});
        const Posterior found = vae.encode(images);
        EXPECT_EQ(found.mean.sizes().vec(), (std::vector<std::int64_t>{3, vae.dimensions()}));
        // Another batch size may take another kernel: rounding.
        EXPECT_TRUE(at::allclose(found.mean, wanted.mean.flatten(1), 1e-4, 1e-4));
        EXPECT_TRUE(at::allclose(found.log_variance, wanted.log_variance.flatten(1), 1e-4, 1e-4));
        const Tensor decoded = vae.decode(found.mean);
        EXPECT_EQ(decoded.sizes().vec(), images.sizes().vec());
        EXPECT_TRUE(at::allclose(decoded, net->decode(wanted.mean, {}).clamp(0, 1), 1e-3, 1e-3));
    }
}

TEST(Vae, NeighboursDoNotMatter) {
    const test::TemporaryFolder folder;
    VaeTask task(options_of(LikelihoodKind::Logistic), 1, kCpu, nullptr);
    export_run(task, folder / kWeightsFile);
    const Vae vae = load_vae(folder / kWeightsFile, RunWeights::Last, kCpu);
    const Tensor images = test::reference_images(70, 3, 18, 21);
    const Posterior all = vae.encode(images);
    const Tensor decoded = vae.decode(all.mean);
    const Tensor logs = vae.log_likelihood(all.mean, images);
    EXPECT_EQ(decoded.size(0), 70);
    for (const std::int64_t i : {0, 31, 32, 69}) {
        EXPECT_TRUE(at::equal(vae.encode(images.narrow(0, i, 1)).mean[0], all.mean[i])) << i;
        EXPECT_TRUE(at::equal(vae.decode(all.mean.narrow(0, i, 1))[0], decoded[i])) << i;
        EXPECT_TRUE(at::equal(vae.log_likelihood(all.mean.narrow(0, i, 1), images.narrow(0, i, 1))[0], logs[i])) << i;
    }
    EXPECT_TRUE(vae.likelihood_is_probability());
    EXPECT_LT(logs.max().item<double>(), 0.0);
    EXPECT_FALSE(decoded.requires_grad());
}

TEST(Vae, LikelihoodIsThatOfTheDecodedImage) {
    const test::TemporaryFolder folder;
    VaeOptions options = options_of(LikelihoodKind::Bernoulli);
    VaeTask task(options, 1, kCpu, nullptr);
    write_safetensors(folder / kWeightsFile, task.averaged(), task.metadata());
    const Vae vae = load_vae(folder.path(), RunWeights::Last, kCpu);
    const Tensor images = test::reference_images(2, 3, 18, 21);
    const Tensor latents = test::reference_latents({2, 4});
    const Tensor p = vae.decode(latents).to(at::kDouble);
    const Tensor wanted = (images * at::log(p) + (1 - images) * at::log1p(-p)).flatten(1).sum(1);
    EXPECT_TRUE(at::allclose(vae.log_likelihood(latents, images).to(at::kDouble), wanted, 1e-4, 0));
}

TEST(Vae, ConditionalOnesTakeLabels) {
    const test::TemporaryFolder folder;
    VaeOptions options = options_of(LikelihoodKind::Gaussian);
    options.net.classes = 2;
    VaeTask task(options, 1, kCpu, nullptr);
    {
        const c10::NoGradGuard no_grad;
        task.state().at("decoder.labels")[1].fill_(0.7);
    }
    write_safetensors(folder / kWeightsFile, task.state(), task.metadata());
    const Vae vae = load_vae(folder.path(), RunWeights::Last, kCpu);
    const Tensor latents = test::reference_latents({3, 4});
    const Tensor zero = vae.decode(latents);
    EXPECT_TRUE(at::equal(vae.decode(latents, at::zeros({3}, at::kLong)), zero));
    const Tensor mixed = vae.decode(latents, at::tensor({0, 1, 0}, at::kLong));
    EXPECT_TRUE(at::equal(mixed[0], zero[0]));
    EXPECT_FALSE(at::equal(mixed[1], zero[1]));
}

TEST(Vae, TakesTheWeightsAskedFor) {
    const test::TemporaryFolder folder;
    VaeTask task(options_of(LikelihoodKind::Gaussian), 1, kCpu, nullptr);
    const c10::NoGradGuard no_grad;
    const auto write = [&](const char* name, double bias) {
        task.state().at("encoder.head.bias").fill_(bias);
        write_safetensors(folder / name, task.averaged(), task.metadata());
    };
    const auto mean = [&](RunWeights which) {
        return load_vae(folder.path(), which, kCpu).encode(at::zeros({1, 3, 18, 21})).mean.mean().item<double>();
    };
    write(kWeightsFile, 1.0);
    const double last = mean(RunWeights::Last);
    EXPECT_EQ(mean(RunWeights::Average), last);
    const std::string none = test::expect_error(ErrorKind::Input, [&] { mean(RunWeights::Best); });
    EXPECT_NE(none.find("measured on the way"), std::string::npos) << none;
    write(kAverageFile, 2.0);
    write(kBestFile, 3.0);
    EXPECT_NEAR(mean(RunWeights::Average), last + 1.0, 1e-5);
    EXPECT_NEAR(mean(RunWeights::Best), last + 2.0, 1e-5);
    EXPECT_EQ(mean(RunWeights::Last), last);
}

TEST(Vae, RefusesWhatIsNoRun) {
    const test::TemporaryFolder folder;
    const auto refused = [&] {
        return test::expect_error(ErrorKind::Input, [&] { load_vae(folder.path(), RunWeights::Average, kCpu); });
    };
    const std::string empty = refused();
    EXPECT_NE(empty.find(folder.path().string()), std::string::npos);
    EXPECT_NE(empty.find(kWeightsFile), std::string::npos);
    write_safetensors(folder / kWeightsFile, {{"x", at::zeros({2})}}, {{"program", "gan"}});
    const std::string other = refused();
    EXPECT_NE(other.find("`gan`"), std::string::npos) << other;
    EXPECT_NE(other.find(folder.path().string()), std::string::npos) << other;
    write_safetensors(folder / kWeightsFile, {{"x", at::zeros({2})}});
    EXPECT_NE(refused().find("'program'"), std::string::npos);
    VaeTask task(options_of(LikelihoodKind::Gaussian), 1, kCpu, nullptr);
    write_safetensors(folder / kWeightsFile, {{"x", at::zeros({2})}}, task.metadata());
    EXPECT_NE(refused().find("lack"), std::string::npos);
}

}  // namespace
}  // namespace reverie
