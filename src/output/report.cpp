#include "reverie/output/report.h"

#include <openssl/evp.h>

#include <algorithm>

#include "output/escape.h"
#include "output/report_style.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace {

using output::escaped;

std::string element(const std::string& name, const std::string& content) {
    return "<" + name + ">" + content + "</" + name.substr(0, name.find(' ')) + ">";
}

std::string section(const std::string& heading, const std::string& content) {
    return content.empty() ? "" : element("section", element("h2", heading) + content) + "\n";
}

/// PNG, or JPEG for what is large: a page of a dozen sheets of photos would take a hundred megabytes.
std::string picture_uri(const Tensor& image) {
    constexpr std::int64_t kLarge = 640 * 640;
    constexpr int kQuality = 88;
    Picture picture;
    if (image.dim() == 3 && image.size(0) == 4) {
        picture.color = image.narrow(0, 0, 3);
        picture.alpha = image.narrow(0, 3, 1);
    } else {
        picture.color = to_rgb(image);
    }
    const Size size = size_of(picture.color);
    const bool jpeg = !picture.alpha.defined() && size.height * size.width > kLarge;
    const std::vector<std::byte> bytes =
        encode_picture(picture, jpeg ? PictureFormat::Jpeg : PictureFormat::Png, {.quality = kQuality});
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends with a zero
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    return std::string("data:image/") + (jpeg ? "jpeg" : "png") + ";base64," + text;
}

/// Small images are shown by whole multiples of their size, so that their pixels stay squares.
std::string image_element(const ReportPicture& picture) {
    constexpr std::int64_t kSmall = 160;
    const Size size = size_of(picture.image);
    const std::int64_t fold = std::max<std::int64_t>(1, kSmall / std::max(size.height, size.width));
    return "<img src=\"" + picture_uri(picture.image) + "\" alt=\"" + escaped(picture.caption) + "\" width=\"" +
           std::to_string(size.width * fold) + "\" height=\"" + std::to_string(size.height * fold) + "\"" +
           (fold > 1 ? " class=\"whole\"" : "") + ">";
}

std::string definitions(const std::vector<std::pair<std::string, std::string>>& rows, const std::string& attributes) {
    std::string content;
    for (const auto& [name, value] : rows) {
        content += "<div>" + element("dt", escaped(name)) + element("dd", escaped(value)) + "</div>";
    }
    return content.empty() ? "" : element("dl" + attributes, content);
}

std::string plots(const std::vector<ReportPlot>& all) {
    constexpr Size kPlotSize = {270, 420};
    std::string content;
    for (const ReportPlot& one : all) {
        content += element("div", plot_svg(one.curves, {.title = one.title, .size = kPlotSize, .log_y = one.log_y}));
    }
    return content.empty() ? "" : element("div class=\"plots\"", content);
}

std::string pictures(const std::vector<ReportPicture>& all) {
    std::string content;
    for (const ReportPicture& one : all) {
        content += element("figure", image_element(one) + element("figcaption", escaped(one.caption)));
    }
    return content.empty() ? "" : element("div class=\"pictures\"", content);
}

std::string history(const std::vector<ReportPicture>& all) {
    std::string content;
    for (const ReportPicture& one : all) {
        content += element("figure", element("figcaption", escaped(one.caption)) + image_element(one));
    }
    // The strip scrolls sideways, also by the keyboard.
    return content.empty()
               ? ""
               : element("div class=\"strip\" tabindex=\"0\" role=\"group\" aria-label=\"Samples over time\"", content);
}

std::string notes(const std::vector<std::string>& sentences) {
    std::string content;
    for (const std::string& sentence : sentences) {
        content += element("li", escaped(sentence));
    }
    return content.empty() ? "" : element("ul", content);
}

std::string options(const std::vector<std::pair<std::string, std::string>>& rows) {
    const std::string content = definitions(rows, " class=\"options\"");
    return content.empty()
               ? ""
               : element("section", element("details open", element("summary", "Options") + content)) + "\n";
}

}  // namespace

std::string report_html(const Report& report) {
    // The policy lets nothing in but what the page itself holds.
    return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" "
           "content=\"default-src 'none';img-src data:;style-src 'unsafe-inline'\">\n" +
           element("title", escaped(report.title)) + "\n" + element("style", output::kReportStyle) +
           "</head>\n<body><main>\n" +
           element("header", element("h1", escaped(report.title)) + element("p", escaped(report.summary))) + "\n" +
           section("Notes", notes(report.notes)) + section("Curves", plots(report.plots)) +
           section("Pictures", pictures(report.pictures)) + section("Samples over time", history(report.history)) +
           section("The run", definitions(report.facts, "")) + options(report.options) + "</main></body></html>\n";
}

void write_report(const std::filesystem::path& path, const Report& report) { write_file(path, report_html(report)); }

}  // namespace reverie
