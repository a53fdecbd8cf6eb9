// What the plugin's reader is made of.
#pragma once

#include "output/film_plugin.h"

namespace reverie::output {

std::unique_ptr<FilmDecoder> open_decoder(const FilmSource& source);

}  // namespace reverie::output
