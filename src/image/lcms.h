// Little CMS's objects with owners.
#pragma once

#include <lcms2.h>

#include <memory>
#include <optional>

#include "image/rgb_light.h"

namespace reverie::image {

struct CloseProfile {
    void operator()(void* profile) const noexcept { cmsCloseProfile(profile); }
};
using ColorProfile = std::unique_ptr<void, CloseProfile>;

struct DeleteTransform {
    void operator()(void* transform) const noexcept { cmsDeleteTransform(transform); }
};
using ColorTransform = std::unique_ptr<void, DeleteTransform>;

struct FreeToneCurve {
    void operator()(cmsToneCurve* curve) const noexcept { cmsFreeToneCurve(curve); }
};
using ToneCurve = std::unique_ptr<cmsToneCurve, FreeToneCurve>;

/// The colours of the light in a profile; nothing when it does not say.
std::optional<LightMatrix> light_matrix(cmsHPROFILE profile);

}  // namespace reverie::image
