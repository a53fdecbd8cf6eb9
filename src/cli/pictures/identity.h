// Private: what a work in progress is, so that another one does not go on with it.
#pragma once

#include <string>

#include "reverie/cli/settings.h"
#include "reverie/core/runtime.h"
#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

/// The name of a digest among the settings: "pixels of the input".
std::string pixels_of(const std::string& picture);

/// The name of another file's digest: "bytes of the weights".
std::string bytes_of(const std::string& file);

/// SHA-256 of an image's values; "" for an undefined one.
std::string digest_of(const Tensor& image);

/// What the machine has to do with a picture's bits.
void add_machine(Settings& identity, const Runtime& runtime, Engine engine);

/// Throws Usage, naming the first setting that differs, when `what` ("the checkpoint 'work.state'") was made with
/// others than `present`. `earlier` has come out of a file.
void require_same(const Settings& earlier, const Settings& present, const std::string& what);

}  // namespace reverie
