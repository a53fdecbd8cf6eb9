// What the plugin gives to the library.
#include "output/ffmpeg/codecs.h"
#include "output/ffmpeg/coder.h"
#include "output/ffmpeg/decoder.h"
#include "output/ffmpeg/encoder.h"

namespace reverie::output {
namespace {

class Plugin : public FilmPlugin {
  public:
    std::unique_ptr<FilmDecoder> read(const FilmSource& source) const override { return open_decoder(source); }
    std::unique_ptr<FilmCoder> write(const FilmSpec& spec) const override { return open_coder(spec); }
    std::unique_ptr<SegmentEncoder> write_y4m(const FilmSpec& spec) const override { return open_y4m(spec); }
    std::vector<std::string> codecs(const std::string& container) const override {
        std::vector<std::string> names;
        for (const Codec* codec : codecs_of(container)) {
            if (names.empty() || names.back() != codec->name) {
                names.emplace_back(codec->name);
            }
        }
        return names;
    }
};

}  // namespace
}  // namespace reverie::output

extern "C" const reverie::output::FilmPlugin* reverie_film_plugin() {
    static const reverie::output::Plugin plugin;
    return &plugin;
}
