// Animated WebP: whole pictures, one after the other, held compressed until the end. libwebp's own animation encoder
// stores what changes from frame to frame, but lets parts of earlier frames stand where a lossy one hardly differs,
// which leaves blocks in soft morphs.
#include <webp/encode.h>
#include <webp/mux.h>

#include <cmath>

#include "output/film.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"

namespace reverie::output {
namespace {

struct DeleteMuxer {
    void operator()(WebPMux* muxer) const noexcept { WebPMuxDelete(muxer); }
};
struct ClearData {
    void operator()(WebPData* data) const noexcept { WebPDataClear(data); }
};

class WebPFilm : public Film {
  public:
    WebPFilm(const std::filesystem::path& path, const AnimationOptions& options)
        : path_(path), file_(path, options.replacing), options_(options), muxer_(WebPMuxNew()) {
        const WebPMuxAnimParams repetition = {.bgcolor = 0, .loop_count = options.loop ? 0 : 1};
        check(muxer_ != nullptr && WebPMuxSetAnimationParams(muxer_.get(), &repetition) == WEBP_MUX_OK);
    }

    void add(const Picture& frame) override {
        const std::vector<std::byte> bytes = encode_picture(frame, PictureFormat::WebP, {.quality = options_.quality});
        const int end = milliseconds_of(++count_);
        const WebPMuxFrameInfo content = {
            .bitstream = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
            .x_offset = 0,
            .y_offset = 0,
            .duration = end - std::exchange(elapsed_, end),
            .id = WEBP_CHUNK_ANMF,
            .dispose_method = WEBP_MUX_DISPOSE_NONE,
            .blend_method = WEBP_MUX_NO_BLEND,
            .pad = {}};
        constexpr int kCopied = 1;
        check(WebPMuxPushFrame(muxer_.get(), &content, kCopied) == WEBP_MUX_OK);
    }

    std::filesystem::path finish() override {
        WebPData data = {};
        check(WebPMuxAssemble(muxer_.get(), &data) == WEBP_MUX_OK);
        const std::unique_ptr<WebPData, ClearData> owner(&data);
        file_.write(std::as_bytes(std::span(data.bytes, data.size)));
        return file_.commit();
    }

  private:
    int milliseconds_of(std::int64_t frames) const {
        return static_cast<int>(std::lround(static_cast<double>(frames) * 1000 / options_.fps));
    }

    void check(bool good) const {
        if (!good) {
            throw_unwritable(path_, "libwebp failed");
        }
    }

    std::filesystem::path path_;
    AtomicFile file_;
    AnimationOptions options_;
    std::unique_ptr<WebPMux, DeleteMuxer> muxer_;
    std::int64_t count_ = 0;
    int elapsed_ = 0;  ///< milliseconds
};

}  // namespace

std::unique_ptr<Film> make_webp(const std::filesystem::path& path, const AnimationOptions& options) {
    return std::make_unique<WebPFilm>(path, options);
}

}  // namespace reverie::output
