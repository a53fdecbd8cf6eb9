#include "output/film_plugin.h"

#include "core/plugin.h"

namespace reverie::output {

const FilmPlugin& film_plugin(const std::string& path, bool reads) {
    static const FilmPlugin* loaded = nullptr;
    try {
        static auto* const get =
            reinterpret_cast<GetFilmPlugin*>(plugin_function("libreverie_film.so", kGetFilmPluginName));
        loaded = get();
    } catch (const std::runtime_error& error) {
        throw Error(reads ? ErrorKind::Input : ErrorKind::Output,
                    "'" + path + "' cannot be " + (reads ? "read" : "written") + " on this machine (" + error.what() +
                        "); install FFmpeg's libraries (libavformat59, libavcodec59, libswscale6)" +
                        (reads ? "" : ", or write .gif, .webp or a folder of PNGs"));
    }
    return *loaded;
}

}  // namespace reverie::output
