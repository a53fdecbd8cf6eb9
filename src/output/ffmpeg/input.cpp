#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {
namespace {

// Films alone: FFmpeg also takes play lists and scripts, which name files and servers.
constexpr const char* kFormats = "mov,matroska,avi,gif,mpegts,mpeg,flv,asf,ogg,ivf,nut,mxf";

[[noreturn]] void fail(const std::string& path, int code) {
    const bool is_refused = code == AVERROR(EACCES) || code == AVERROR(EPERM) || code == AVERROR(ENOENT) ||
                            code == AVERROR(EIO) || code == AVERROR(EISDIR);
    throw FilmFault(ErrorKind::Input,
                    "'" + path + "' cannot be read as a film (" + reason_of(code) + "); " +
                        (path == "-"  ? "from standard input films come as Y4M: send that, or name the file"
                         : is_refused ? "check the path and its permissions"
                                      : "it is damaged or its end is missing: get a whole copy"));
}

}  // namespace

Input open_input(const std::string& path, bool y4m) {
    Dictionary options;
    options.set("protocol_whitelist", "file,pipe");
    options.set("format_whitelist", y4m ? "yuv4mpegpipe" : kFormats);
    const std::string address = path == "-" ? "pipe:0" : "file:" + path;
    AVFormatContext* opened = nullptr;
    const AVInputFormat* format = y4m ? av_find_input_format("yuv4mpegpipe") : nullptr;
    if (const int code = avformat_open_input(&opened, address.c_str(), format, options.get()); code < 0) {
        fail(path, code);
    }
    Input input(opened);
    if (const int code = avformat_find_stream_info(opened, nullptr); code < 0) {
        fail(path, code);
    }
    return input;
}

AVStream* find_film(AVFormatContext& format) {
    const int index = av_find_best_stream(&format, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    if (index < 0 || (format.streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
        return nullptr;  // a cover is no film
    }
    return format.streams[index];
}

}  // namespace reverie::output
