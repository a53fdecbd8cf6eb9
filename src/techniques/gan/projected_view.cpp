#include "techniques/gan/projected_view.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <string>
#include <utility>

#include "image/bilinear.h"
#include "reverie/core/error.h"
#include "reverie/nn/projector.h"

namespace reverie {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr const char* kPass = "pass";
constexpr const char* kLooking = "looking";

}  // namespace

struct ProjectedView::Looking {
    std::shared_ptr<FrozenNet> net;
    std::vector<std::string> taps;
    std::int64_t passes = 0;  ///< tells whether what the net remembers is what a gradient is asked of

    variable_list maps(const Tensor& images, bool keep) {
        ++passes;
        const Features features = net->forward(images, taps, keep);
        variable_list maps;
        for (const std::string& tap : taps) {
            maps.push_back(features.at(tap));
        }
        return maps;
    }
};

namespace {

template <typename Looking>
struct Look : Function<Look<Looking>> {
    struct Held : torch::CustomClassHolder {
        explicit Held(std::shared_ptr<Looking> held) : looking(std::move(held)) {}
        std::shared_ptr<Looking> looking;
    };

    static variable_list forward(AutogradContext* ctx, const Tensor& images, const std::shared_ptr<Looking>& looking) {
        variable_list maps = looking->maps(images, /*keep=*/true);
        ctx->saved_data[kLooking] = c10::IValue::make_capsule(c10::make_intrusive<Held>(looking));
        ctx->saved_data[kPass] = looking->passes;
        return maps;
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
        const auto held = c10::static_intrusive_pointer_cast<Held>(ctx->saved_data[kLooking].toCapsule());
        const std::shared_ptr<Looking>& looking = held->looking;
        if (ctx->saved_data[kPass].toInt() != looking->passes || c10::GradMode::is_enabled()) {
            throw Error(ErrorKind::Internal,
                        "a gradient through the frozen net was asked for twice, or after it had seen something else; "
                        "please report this");
        }
        ++looking->passes;
        Features of;
        for (std::size_t i = 0; i < gradients.size(); ++i) {
            if (gradients[i].defined()) {
                of[looking->taps[i]] = gradients[i];
            }
        }
        return {looking->net->backward(of), Tensor()};
    }
};

}  // namespace

ProjectedView::ProjectedView(std::shared_ptr<FrozenNet> net, Size shown)
    : looking_(std::make_shared<Looking>()), shown_(shown) {
    looking_->net = std::move(net);
    for (const Projection& projection : projections()) {
        looking_->taps.push_back(projection.tap);
    }
}

std::vector<Tensor> ProjectedView::of(const Tensor& images, const Tensor& backgrounds) const {
    Tensor seen = images;
    if (images.size(1) == 4) {
        const Tensor alpha = images.narrow(1, 3, 1);
        seen = images.narrow(1, 0, 3) * alpha + backgrounds * (1.0 - alpha);
    }
    if (size_of(seen) != shown_) {
        seen = image::bilinear(seen, shown_, image::Corners::Centres);
    }
    seen = seen.expand({-1, 3, -1, -1});
    if (!seen.requires_grad() || !c10::GradMode::is_enabled()) {
        return looking_->maps(seen, /*keep=*/false);
    }
    return Look<Looking>::apply(seen, looking_);
}

}  // namespace reverie
