// film, of every program that trains: a time-lapse of a training.
#pragma once

#include <memory>
#include <string>

#include "reverie/cli/app.h"

namespace reverie {

std::unique_ptr<Program> film_command(const std::string& program);

}  // namespace reverie
