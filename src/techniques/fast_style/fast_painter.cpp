#include "reverie/techniques/fast_painter.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/machine.h"
#include "kernels/engine.h"
#include "models/style_runner.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/color.h"
#include "techniques/fast_style/fill_transparent.h"
#include "techniques/style/job_maps.h"

namespace reverie {
namespace {

constexpr std::int64_t kLeastSide = 8;
constexpr std::int64_t kProcess = 180'000'000;  // bytes before anything is painted
constexpr std::int64_t kPhoto = 3 * 4;          // bytes a pixel
constexpr std::int64_t kAlpha = 4 + kPhoto;     // and of the photo whose transparent places are filled

/// How much of each of the net's styles, summing up to 1.
std::vector<double> shares_of(const StyleNetOptions& net, const std::vector<StyleShare>& styles) {
    std::vector<double> shares(net.styles.size());
    double sum = 0.0;
    for (const StyleShare& style : styles) {
        const auto found = std::ranges::find(net.styles, style.style);
        if (found == net.styles.end()) {
            throw Error(ErrorKind::Usage,
                        "the net has no style '" + style.style + "'; it has " + join(net.styles, ", ", " and "));
        }
        if (!(style.weight > 0.0) || style.weight > 1e6) {
            throw Error(ErrorKind::Usage,
                        "the weight of the style '" + style.style + "' must be above 0 and at most 1e6");
        }
        shares[static_cast<std::size_t>(found - net.styles.begin())] += style.weight;
        sum += style.weight;
    }
    for (double& share : shares) {
        share /= sum;
    }
    return shares;
}

/// The net in training, without training: for other devices, and as the measure of our own kernels.
class LibtorchNet {
  public:
    LibtorchNet(StyleNetWeights weights, c10::Device device) : weights_(std::move(weights)), device_(device) {}

    Tensor paint(const Tensor& photo, const std::vector<double>& shares, double strength) const {
        const TrainingEngine engine(false);
        const auto net = mixed(shares);
        const Tensor image = photo.to(device_).unsqueeze(0);
        const Tensor painted = net->forward(image, at::zeros({1}, at::kLong));
        return (image + strength * (painted - image))[0].contiguous().cpu();
    }

  private:
    /// One whose only style is the mixture.
    std::shared_ptr<StyleNet> mixed(const std::vector<double>& shares) const {
        StyleNetOptions options = weights_.options;
        options.styles = {"mixture"};
        std::shared_ptr<StyleNet> net = make_style_net(options, 0);
        const Tensor row = at::tensor(shares, at::kDouble).unsqueeze(0);
        for (const auto& item : net->named_parameters()) {
            const Tensor& array = weights_.arrays.at(item.key());
            const bool by_style = item.key().ends_with(".scale") || item.key().ends_with(".shift");
            item.value().copy_(by_style ? row.matmul(array.to(at::kDouble)) : array);
        }
        net->to(device_);
        return net;
    }

    StyleNetWeights weights_;
    c10::Device device_;
};

}  // namespace

struct FastPainter::State {
    StyleNetOptions net;
    FastPainterOptions options;
    std::optional<StyleRunner> own;
    std::optional<LibtorchNet> libtorch;

    std::optional<Tensor> pass(const Tensor& photo, const std::vector<StyleShare>& styles, bool strips,
                               const Hooks& hooks) const {
        const std::vector<double> shares = shares_of(net, styles);
        if (own) {
            return own->paint(photo, shares, options.strength, strips ? StyleMemory::Strips : StyleMemory::Whole,
                              hooks);
        }
        return hooks.cancelled() ? std::nullopt : std::optional(libtorch->paint(photo, shares, options.strength));
    }

    /// All styles blended, or each where its mask says: the photo and what they change of it, by shares of the masks.
    std::optional<Tensor> painted(const Tensor& photo, const std::vector<Tensor>& masks, bool strips,
                                  const Hooks& hooks) const {
        if (masks.empty()) {
            return pass(photo, options.styles, strips, hooks);
        }
        Tensor all = at::zeros_like(masks.front());
        for (const Tensor& mask : masks) {
            all += mask;
        }
        all.clamp_min_(1.0);
        Tensor picture = photo.clone();
        for (std::size_t i = 0; i < masks.size(); ++i) {
            const std::optional<Tensor> one = pass(photo, {options.styles[i]}, strips, hooks);
            if (!one) {
                return std::nullopt;
            }
            picture += (*one - photo) * (masks[i] / all);
        }
        return picture;
    }
};

FastPainter::FastPainter(const StyleNetWeights& net, FastPainterOptions options, c10::Device device)
    : state_(std::make_unique<State>()) {
    if (options.styles.empty()) {
        options.styles = {{net.options.styles.front(), 1.0}};
    }
    shares_of(net.options, options.styles);
    if (!(options.strength >= 0.0 && options.strength <= 1.0)) {
        throw Error(ErrorKind::Usage, "{--strength} is " + std::to_string(options.strength) + "; wanted 0 to 1");
    }
    if (options.color == StyleColor::Match || options.color == StyleColor::Histogram) {
        throw Error(ErrorKind::Usage,
                    "{--color} match and histogram need the style's picture, which a net does not hold; take style, "
                    "content or luma");
    }
    if (options.engine == Engine::Frozen && !device.is_cpu()) {
        throw Error(ErrorKind::Usage, "the engine frozen runs on the CPU, not on " + device.str() +
                                          "; take libtorch or auto with {--engine}");
    }
    state_->net = net.options;
    state_->options = std::move(options);
    if (device.is_cpu() && state_->options.engine != Engine::Libtorch) {
        state_->own.emplace(net);
    } else {
        state_->libtorch.emplace(net, device);
    }
}

FastPainter::~FastPainter() = default;

const FastPainterOptions& FastPainter::options() const { return state_->options; }

Engine FastPainter::engine() const { return state_->own ? Engine::Frozen : Engine::Libtorch; }

FastPainterPlan FastPainter::plan(Size photo, bool alpha) const {
    if (std::min(photo.height, photo.width) < kLeastSide) {
        throw Error(ErrorKind::Input, "the picture is " + text_of(photo) +
                                          " pixels, too small to be painted; wanted at least " +
                                          std::to_string(kLeastSide) + " on each side, so enlarge it with {--size}");
    }
    const std::int64_t pixels = photo.height * photo.width;
    const std::int64_t fixed = kProcess + (alpha ? pixels * kAlpha : 0);
    if (!state_->own) {
        // Maps at full size: one as it comes, its mirrored copy, and what is made of it.
        return {false, fixed + pixels * (2 * kPhoto + 3 * 4 * state_->net.channels.front())};
    }
    const std::int64_t photos = state_->options.color == StyleColor::Luma ? 2 : 1;  // the grey one too
    const auto peak = [&](StyleMemory memory) {
        return fixed + photos * pixels * kPhoto + state_->own->bytes(photo, memory);
    };
    const std::int64_t most = state_->options.max_memory;
    FastPainterPlan plan{false, peak(StyleMemory::Whole)};
    if (most > 0 && plan.peak_bytes > most) {
        plan = {true, peak(StyleMemory::Strips)};
    }
    if (most > 0 && plan.peak_bytes > most) {
        throw Error(ErrorKind::Device,
                    "painting " + text_of(photo) + " pixels takes " +
                        human_bytes(static_cast<std::uint64_t>(plan.peak_bytes) + (1 << 20)) +
                        " of memory, more than the " + human_bytes(static_cast<std::uint64_t>(most)) +
                        " that it may take here; make it smaller with {--size}, raise that with {--max-memory}, or " +
                        way_to_more_memory());
    }
    return plan;
}

Tensor FastPainter::paint(const FastPainterJob& job, const Hooks& hooks) const {
    const c10::NoGradGuard no_grad;
    require_image(job.photo, "the photo");
    require_finite(job.photo, "the photo");
    const Size size = size_of(job.photo);
    require_map(job.alpha, size, "alpha");
    require_map(job.protect, size, "{--protect}");
    for (const Tensor& mask : job.masks) {
        require_map(mask, size, "{--mask}");
    }
    const FastPainterOptions& options = state_->options;
    if (!job.masks.empty() && job.masks.size() != options.styles.size()) {
        throw Error(ErrorKind::Usage, "{--mask} is given " + std::to_string(job.masks.size()) + " times, but " +
                                          std::to_string(options.styles.size()) +
                                          " of the net's styles; wanted one mask for every style");
    }
    const FastPainterPlan planned = plan(size, job.alpha.defined());
    if (planned.strips) {
        return_freed_memory();  // what reading the photo took
    }
    const Tensor photo = job.photo.cpu().contiguous();
    const auto here = [](const Tensor& map) { return map.defined() ? map.cpu() : map; };
    const Tensor alpha = here(job.alpha);
    const bool visible = !alpha.defined() || alpha.max().item<float>() > 0.0F;
    if (options.strength == 0.0 || !visible) {
        return photo.clone();
    }
    std::vector<Tensor> masks;
    for (const Tensor& mask : job.masks) {
        masks.push_back(here(mask));
    }
    const Tensor seen = alpha.defined() ? fill_transparent(photo, alpha) : photo;
    const Tensor input = options.color == StyleColor::Luma ? luma_of(seen).expand_as(seen).contiguous() : seen;
    const std::optional<Tensor> painted = state_->painted(input, masks, planned.strips, hooks);
    if (!painted) {
        return {};
    }
    Tensor picture = painted->clamp_(0.0, 1.0);
    if (options.color == StyleColor::Luma) {
        picture = with_differences_of(luma_of(picture), seen);
    } else if (options.color == StyleColor::Content) {
        picture = with_chroma_of(picture, seen);
    }
    if (job.protect.defined()) {
        const Tensor protect = here(job.protect);
        picture = at::where(protect >= 1.0, photo, at::lerp(picture, photo, protect));
    }
    return (alpha.defined() ? at::where(alpha > 0.0, picture, photo) : picture).contiguous();
}

}  // namespace reverie
