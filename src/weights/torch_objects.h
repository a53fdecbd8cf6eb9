// From the object that a PyTorch pickle holds to named arrays.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "contents.h"
#include "pickle.h"

namespace reverie::weights {

/// The bytes of a storage: at least as many as it claims to have; throws Weights where they are missing.
using FindStorage = std::function<std::span<const std::byte>(const PickleStorage&)>;

/// Fills contents.arrays: nested dictionaries joined with dots, one wrapping dictionary looked through, everything that
/// is no tensor under a text or integer key ignored.
void collect_arrays(const Pickle& pickle, const FindStorage& find_storage, Contents& contents);

}  // namespace reverie::weights
