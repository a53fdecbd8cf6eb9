#include <cmath>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/gan.h"
#include "techniques/option_checks.h"

namespace reverie {
namespace {

void require_optimizer(const OptimizerOptions& optimizer, const char* rate_flag) {
    require_option(above_zero(optimizer.learning_rate), rate_flag, optimizer.learning_rate, "a number above 0");
    require_option(optimizer.beta1 >= 0.0 && optimizer.beta1 < 1.0, "--beta1", optimizer.beta1,
                   "a number from 0 to below 1");
}

void require_labels(const GanOptions& options) {
    constexpr LabelRange kReal = {1.0, 1.0};
    constexpr LabelRange kFake = {0.0, 0.0};
    const LabelRange& real = options.real_labels;
    const LabelRange& fake = options.fake_labels;
    if (!has_labels(options.loss) && (real != kReal || fake != kFake)) {
        throw Error(ErrorKind::Usage, "--label-smoothing and --label-noise mean nothing to --loss " +
                                          text_of(options.loss) + "; leave them out, or choose non-saturating");
    }
    const bool fine =
        real.low <= real.high && fake.low <= fake.high && fake.high < real.low && real.high <= 1.5 && fake.low >= -0.5;
    if (!fine) {
        throw Error(ErrorKind::Usage, "--label-smoothing and --label-noise together move labels of reals down to " +
                                          human_number(real.low) + " and of fakes up to " + human_number(fake.high) +
                                          "; wanted those of reals above those of fakes");
    }
}

void require_augmentation(const GanOptions& options) {
    require_option(options.augment_probability >= 0.0 && options.augment_probability <= 1.0, "--augment-probability",
                   options.augment_probability, "a share from 0 to 1");
    require_option(options.augment_target >= 0.0 && options.augment_target < 1.0, "--augment-target",
                   options.augment_target, "a number from 0 to below 1");
    if (options.augment_target > 0.0) {
        require_option(above_zero(options.augment_images), "the pace of augmentation", options.augment_images,
                       "a number of images above 0");
    }
}

}  // namespace

void validate(const GanOptions& options) {
    validate(options.net);
    require_optimizer(options.generator, "--learning-rate");
    require_optimizer(options.discriminator, "--discriminator-learning-rate");
    require_labels(options);
    require_option(at_least_zero(options.r1), "--r1", options.r1, "a number of at least 0");
    require_option(options.r1_every >= 1, "--r1-every", static_cast<double>(options.r1_every), "1 step or more");
    require_option(at_least_zero(options.gradient_penalty), "--gradient-penalty", options.gradient_penalty,
                   "a number of at least 0");
    require_option(options.critic_steps >= 1 && options.critic_steps <= 1000, "--critic-steps",
                   static_cast<double>(options.critic_steps), "1 to 1000");
    require_augmentation(options);
}

}  // namespace reverie
