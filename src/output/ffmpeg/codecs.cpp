#include "output/ffmpeg/codecs.h"

#include <algorithm>
#include <cstring>

#include "reverie/core/text.h"

namespace reverie::output {
namespace {

constexpr auto kNone = AV_PIX_FMT_NONE;

// 4:2:0 where players expect it. The defaults of crf are visually lossless at the encoders' scales.
constexpr std::array kCodecs = {
    Codec{"h264", "libx264", 17, 0, 51, true, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10}, {kNone, kNone}},
    Codec{"h264", "libopenh264", -1, 0, 0, true, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P}, {kNone, kNone}},
    Codec{"h265", "libx265", 18, 0, 51, true, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10}, {kNone, kNone}},
    Codec{"vp9",
          "libvpx-vp9",
          20,
          0,
          63,
          false,
          {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10},
          {AV_PIX_FMT_YUVA420P, AV_PIX_FMT_YUVA420P}},
    Codec{"av1", "libaom-av1", 20, 0, 63, false, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10}, {kNone, kNone}},
    Codec{"av1", "libsvtav1", 20, 0, 63, true, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10}, {kNone, kNone}},
    Codec{"vp8", "libvpx", 8, 4, 63, false, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P}, {kNone, kNone}},
    Codec{"prores",
          "prores_ks",
          -1,
          0,
          0,
          true,
          {AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV422P10},
          {AV_PIX_FMT_YUVA444P10, AV_PIX_FMT_YUVA444P10}},
    Codec{"ffv1",
          "ffv1",
          -1,
          0,
          0,
          false,
          {AV_PIX_FMT_0RGB32, AV_PIX_FMT_GBRP16},
          {AV_PIX_FMT_RGB32, AV_PIX_FMT_GBRAP16}},
    Codec{
        "png", "png", -1, 0, 0, false, {AV_PIX_FMT_RGB24, AV_PIX_FMT_RGB48BE}, {AV_PIX_FMT_RGBA, AV_PIX_FMT_RGBA64BE}},
    Codec{"mpeg4", "mpeg4", 2, 1, 31, true, {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P}, {kNone, kNone}},
};

struct Container {
    const char* name;
    std::vector<const char*> codecs;  ///< in order of preference
};

const std::vector<Container>& containers() {
    static const std::vector<Container> all = {{"mp4", {"h264", "h265", "av1", "vp9", "mpeg4"}},
                                               {"mov", {"h264", "h265", "prores", "png", "mpeg4"}},
                                               {"matroska", {"h264", "h265", "vp9", "av1", "ffv1", "vp8", "mpeg4"}},
                                               {"webm", {"vp9", "av1", "vp8"}}};
    return all;
}

const std::vector<const char*>& held_by(const std::string& container) {
    for (const Container& known : containers()) {
        if (container == known.name) {
            return known.codecs;
        }
    }
    static const std::vector<const char*> none;
    return none;
}

std::vector<std::string> names_of(const std::vector<const Codec*>& codecs) {
    std::vector<std::string> names;
    for (const Codec* codec : codecs) {
        if (std::find(names.begin(), names.end(), codec->name) == names.end()) {
            names.emplace_back(codec->name);
        }
    }
    return names;
}

bool is_called(const Codec& codec, const std::string& name) {
    return name == codec.name || name == codec.encoder || (name == "hevc" && std::strcmp(codec.name, "h265") == 0);
}

/// VP9's lies beside its pictures, where MP4 has no place.
bool keeps_alpha(const Codec& codec, const std::string& container) {
    return codec.with_alpha[0] != kNone && container != "mp4";
}

bool lists(const AVCodec& encoder, AVPixelFormat format) {
    for (const AVPixelFormat* known = encoder.pix_fmts; known != nullptr && *known != kNone; ++known) {
        if (*known == format) {
            return true;
        }
    }
    return encoder.pix_fmts == nullptr;
}

/// The codecs of the container with the wanted one first, then others in the usual order: where it cannot be used, the
/// next best is.
std::vector<const Codec*> by_wish(const FilmSpec& spec) {
    std::vector<const Codec*> codecs = codecs_of(spec.container);
    if (spec.codec.empty()) {
        if (spec.alpha) {
            std::stable_partition(codecs.begin(), codecs.end(),
                                  [&](const Codec* codec) { return keeps_alpha(*codec, spec.container); });
        }
        return codecs;
    }
    const auto all =
        std::find_if(kCodecs.begin(), kCodecs.end(), [&](const Codec& codec) { return is_called(codec, spec.codec); });
    if (all == kCodecs.end()) {
        throw FilmFault(ErrorKind::Usage, "no codec is called '" + spec.codec + "'; pass one of those that '" +
                                              spec.path +
                                              "' can have with {--codec}: " + join(names_of(codecs), ", ", " or "));
    }
    const std::vector<const char*>& held = held_by(spec.container);
    if (std::none_of(held.begin(), held.end(), [&](const char* name) { return std::strcmp(name, all->name) == 0; })) {
        throw FilmFault(ErrorKind::Usage, "'" + spec.path + "' cannot hold " + all->name + "; pass {--codec} " +
                                              join(names_of(codecs), ", ", " or ") + ", or name it .mkv");
    }
    std::stable_partition(codecs.begin(), codecs.end(),
                          [&](const Codec* codec) { return std::strcmp(codec->name, all->name) == 0; });
    std::stable_partition(codecs.begin(), codecs.end(),
                          [&](const Codec* codec) { return spec.codec == codec->encoder; });
    return codecs;
}

}  // namespace

std::vector<const Codec*> codecs_of(const std::string& container) {
    std::vector<const Codec*> found;
    for (const char* name : held_by(container)) {
        for (const Codec& codec : kCodecs) {
            if (std::strcmp(codec.name, name) == 0 && avcodec_find_encoder_by_name(codec.encoder) != nullptr) {
                found.push_back(&codec);
            }
        }
    }
    return found;
}

std::vector<Choice> choices_for(const FilmSpec& spec) {
    std::vector<Choice> choices;
    for (const Codec* codec : by_wish(spec)) {
        const AVCodec* encoder = avcodec_find_encoder_by_name(codec->encoder);
        if (encoder->id == AV_CODEC_ID_FFV1 && std::min(spec.width, spec.height) < 2) {
            continue;  // comes back black (FFmpeg 5.1)
        }
        const bool alpha = spec.alpha && keeps_alpha(*codec, spec.container);
        const auto& formats = alpha ? codec->with_alpha : codec->plain;
        for (std::size_t depth = spec.bits > 8 ? 1 : 0;; --depth) {
            if (lists(*encoder, formats[depth])) {
                choices.push_back({codec, encoder, formats[depth], alpha});
                break;
            }
            if (depth == 0) {
                break;
            }
        }
    }
    if (choices.empty()) {
        throw FilmFault(ErrorKind::Output, "'" + spec.path +
                                               "' cannot be written, because this machine's FFmpeg has no encoder for "
                                               "its format; write .gif, .webp or a folder of PNGs");
    }
    const Codec& first = *choices.front().codec;
    if (spec.crf >= 0 && first.crf < 0) {
        throw FilmFault(ErrorKind::Usage, std::string(first.name) + " has no constant quality to choose, so {--crf} " +
                                              human_number(spec.crf) + " means nothing; leave it out");
    }
    if (spec.crf >= 0 && (spec.crf < first.lowest || spec.crf > first.highest)) {
        throw FilmFault(ErrorKind::Usage, "{--crf} " + human_number(spec.crf) + " is outside what " + first.encoder +
                                              " knows; choose " + human_number(first.lowest) + " to " +
                                              human_number(first.highest));
    }
    return choices;
}

void set_quality(AVCodecContext& context, const Codec& codec, double crf, bool alpha) {
    const auto set = [&](const char* name, const std::string& value) {
        av_opt_set(context.priv_data, name, value.c_str(), 0);
    };
    const std::string encoder = codec.encoder;
    const std::string quality = human_number(crf >= 0 ? crf : codec.crf);
    context.thread_count = 1;  // the same bytes on every machine
    if (encoder == "libx264") {
        set("crf", quality);
        // x264 164's macroblock tree depends on what lay in memory before (seen once in 600 films of 50x40 pixels).
        set("mbtree", "0");
    } else if (encoder == "libx265") {
        set("crf", quality);
        set("x265-params", "log-level=none:pools=none:frame-threads=1:no-wpp=1");
    } else if (encoder == "libvpx-vp9") {
        set("crf", quality);
        set("cpu-used", "2");
        if (alpha) {
            set("auto-alt-ref", "0");  // pictures that are not shown would have no alpha
        }
    } else if (encoder == "libaom-av1") {
        set("crf", quality);
        set("cpu-used", "6");
    } else if (encoder == "libsvtav1") {
        set("crf", quality);
        set("preset", "8");
    } else if (encoder == "libvpx") {
        set("crf", quality);
        constexpr std::int64_t kNoLimit = 200'000'000;  // quality decides, not the rate
        context.bit_rate = kNoLimit;
    } else if (encoder == "prores_ks") {
        set("profile", alpha ? "4444" : "hq");
    } else if (encoder == "ffv1") {
        context.level = 3;
        constexpr int kSmall = 64;  // tiny pictures cut into several slices come back wrong (FFmpeg 5.1)
        if (std::min(context.width, context.height) < kSmall) {
            context.slices = 1;
        }
        set("slicecrc", "1");
    } else if (encoder == "mpeg4") {
        context.flags |= AV_CODEC_FLAG_QSCALE;
        context.global_quality = static_cast<int>((crf >= 0 ? crf : codec.crf) * FF_QP2LAMBDA);
    }
}

}  // namespace reverie::output
