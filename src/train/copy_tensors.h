// Sets of named tensors taken over in place.
#pragma once

#include <string>

#include "reverie/train/optimizer.h"

namespace reverie {

/// Copies values into the tensors of the same names. Throws Input, naming `what`, when the names or a shape differ:
/// then nothing has been copied.
void copy_all_(const NamedTensors& to, const NamedTensors& from, const std::string& what);

/// Makes `kept` a copy of `tensors`, each on its own tensor's device, in the memory that is there already where it
/// fits.
void keep_values(NamedTensors& kept, const NamedTensors& tensors);

/// The tensors whose names begin with `prefix`, without it.
NamedTensors with_prefix_removed(const NamedTensors& tensors, const std::string& prefix);

/// Adds `tensors` under `prefix` + name.
void add_with_prefix(NamedTensors& to, const std::string& prefix, const NamedTensors& tensors);

}  // namespace reverie
