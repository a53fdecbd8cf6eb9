// The numbers of tests/parity/make_vae_references.py.
#pragma once

#include "support/net_reference.h"

namespace reverie::test {

inline nlohmann::json vae_references() { return references("vae"); }

}  // namespace reverie::test
