// What the plugin's writer is made of.
#pragma once

#include "output/film_plugin.h"

namespace reverie::output {

std::unique_ptr<FilmCoder> open_coder(const FilmSpec& spec);

}  // namespace reverie::output
