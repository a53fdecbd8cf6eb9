#include "cli/vae/vae_swap.h"

#include <ATen/ATen.h>

#include <optional>
#include <utility>

#include "cli/pictures/masks.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

const Choices<SwapBlend>& blends() {
    static const Choices<SwapBlend> choices = {{"poisson", SwapBlend::Poisson}, {"multi-band", SwapBlend::MultiBand}};
    return choices;
}

/// "0-15,40" -> int64 [n]. Throws Usage.
Tensor parse_dimensions(const std::string& text, std::int64_t dimensions) {
    const auto refuse = [&] {
        throw Error(ErrorKind::Usage, "--latents '" + text + "' is not a list of dimensions from 0 to " +
                                          std::to_string(dimensions - 1) + "; wanted e.g. 0-15,40");
    };
    std::vector<std::uint64_t> numbers;
    try {
        numbers = parse_seeds(text);  // written the same way
    } catch (const Error&) {
        refuse();
    }
    Tensor chosen = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kLong);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (numbers[i] >= static_cast<std::uint64_t>(dimensions)) {
            refuse();
        }
        chosen[static_cast<std::int64_t>(i)] = static_cast<std::int64_t>(numbers[i]);
    }
    return chosen;
}

/// blend_inside for images with alpha too, which stays that of the outside.
Tensor blended(const Tensor& inside, const Tensor& outside, const Tensor& mask, SwapBlend blend) {
    if (outside.size(0) != 4) {
        return blend_inside(inside, outside, mask, blend);
    }
    const Tensor color = blend_inside(inside.narrow(0, 0, 3), outside.narrow(0, 0, 3), mask, blend);
    return at::cat({color, outside.narrow(0, 3, 1)});
}

/// The images that A and B name, as many of each.
std::pair<ImageList, ImageList> pairs(const VaeRun& run, const SwapFlags& flags) {
    const ImageList a = run.images({flags.swap[0]});
    ImageList b = run.images({flags.swap[1]});
    if (a.count() != 1 && a.count() != b.count()) {
        throw Error(ErrorKind::Usage, "--swap found " + std::to_string(a.count()) + " images in '" + flags.swap[0] +
                                          "' and " + std::to_string(b.count()) + " in '" + flags.swap[1] +
                                          "'; wanted one in the first, or as many in both");
    }
    ImageList all;
    for (std::int64_t i = 0; i < b.count(); ++i) {
        all.add_from(a, a.count() == 1 ? 0 : i);
    }
    return {std::move(all), std::move(b)};
}

}  // namespace

void add_flags(CLI::App& app, SwapFlags& flags) {
    FlagGroup group(app, "Face swap");
    group.add_paths("--swap", flags.swap, "A B", "the inner face of A on B");
    group.add("--mask", flags.mask, "IMAGE", "white: what is taken from A", "an oval over eyes, nose and mouth");
    group.add_choice("--blend", flags.blend, blends(),
                     "poisson keeps A's detail and takes B's light; multi-band keeps A's colours too");
    group.add(
        "--latents", flags.latents, "0-15,40",
        "take these numbers of A's latent into B's, and what that gives instead of A's own pixels; without --mask "
        "for the whole picture");
}

bool wanted(const SwapFlags& flags) { return !flags.swap.empty() || !flags.mask.empty() || !flags.latents.empty(); }

void run_swap(Session& session, const SwapFlags& flags, const RunFlags& run_flags, const ShowFlags& show_flags) {
    if (flags.swap.size() != 2) {
        throw Error(ErrorKind::Usage,
                    flags.swap.empty()
                        ? "--mask and --latents say how to swap, not what; pass --swap A B"
                        : "--swap takes two images, A and B, but " + std::to_string(flags.swap.size()) + " follow it");
    }
    const ShowAs how = check_output(session, /*moving=*/false);
    const VaeRun run(session, run_flags);
    const Size size = run.net().size;
    Tensor mask;
    if (!flags.mask.empty()) {
        constexpr std::int64_t kMostPixels = 100'000'000;
        mask = mask_at(read_mask(flags.mask, kMostPixels), size);
    } else if (flags.latents.empty()) {
        mask = face_mask(size.height, size.width);
    }
    const auto [from, to] = pairs(run, flags);
    Latents mixed;
    if (!flags.latents.empty()) {
        const Tensor chosen = parse_dimensions(flags.latents, run.dimensions());
        mixed = run.latents_of(to);
        mixed.values.index_copy_(1, chosen, run.encode(from).mean.index_select(1, chosen));
    }
    const auto swapped = [&, &sources = from, &targets = to](std::int64_t first, std::int64_t count) {
        Tensor inside = flags.latents.empty() ? sources.read(first, count) : run.decode(mixed, first, count);
        if (!mask.defined()) {
            return inside;
        }
        const Tensor outside = targets.read(first, count);
        std::vector<Tensor> results;
        for (std::int64_t i = 0; i < count; ++i) {
            results.push_back(blended(inside[i], outside[i], mask, flags.blend));
        }
        return at::stack(results);
    };
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < to.count(); ++i) {
        names.push_back(to.name(i));
    }
    Settings settings = run.made_with();
    settings.set_list("swap", {last_part(flags.swap[0]), last_part(flags.swap[1])});
    if (!flags.mask.empty()) {
        settings.set("mask", last_part(flags.mask));
    }
    settings.set("blend", choice_text(blends(), flags.blend));
    if (!flags.latents.empty()) {
        settings.set("latents", flags.latents);
    }
    show(session, show_flags,
         {.count = to.count(),
          .images = swapped,
          .size = size,
          .names = std::move(names),
          .settings = std::move(settings)},
         how);
}

}  // namespace reverie
