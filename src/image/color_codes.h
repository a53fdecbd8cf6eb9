// Colours by the code numbers of ITU-T H.273, as PNG's cICP chunk, the nclx box of HEIF and AVIF, and profiles hold
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/color_conversion.h"
#include "image/rgb_light.h"

namespace reverie::image {

struct ColorCodes {
    int primaries = 1;
    int transfer = 13;
    /// What samples mean black and white, as parts of the largest: 16/255 and 235/255 of 8 bits in the narrow range.
    double black = 0;
    double white = 1;
};

/// Whether both codes are known. 2 is "unspecified" and is not.
bool is_known(const ColorCodes& codes);

/// PQ and HLG.
bool is_hdr(const ColorCodes& codes);

/// For RGB samples. Of known codes only. The transfer of BT.709, BT.601 and BT.2020 is read with the curve of sRGB, as
/// browsers do: such pictures are looked at beside others in the same light. PQ and HLG become pictures for sRGB: the
/// reference white of BT.2408, 203 candela, counts as 1, half of it and less stays as it is, and what is brighter, up
/// to 1,000 candela, is rolled off.
Conversion codes_conversion(const ColorCodes& codes);

/// The same for a picture of so many colours (1 or 3), with a note when something is unknown (it is then read as sRGB)
/// or was rolled off; none when it is sRGB.
Conversion codes_conversion(const ColorCodes& codes, int colors, const std::string& name,
                            std::vector<std::string>& notes);

/// [3,H,W] in [0,1] by its codes to sRGB. Overwrites what it is given. For readers that have a tensor already.
Tensor codes_to_srgb_(const Tensor& rgb, const ColorCodes& codes, const std::string& name,
                      std::vector<std::string>& notes);

/// "is an HDR picture ...", to follow the name.
std::string hdr_note(const ColorCodes& codes);

/// The first edition of Adobe RGB (1998), which cameras mean by DCF's option file.
Conversion adobe_rgb_conversion();

}  // namespace reverie::image
