// A zip being written byte by byte, so that what zip programs differ in can be chosen.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

#include "drawn_images.h"

namespace reverie::test {

struct ZipMember {
    bool deflated = false;
    bool descriptor = false;  ///< sizes stand behind the bytes, as programs write that pack a stream
    bool wide = false;        ///< 64-bit sizes and places
    std::uint16_t flags = 0;  ///< 1: encrypted
    std::uint32_t mode = 0100644;
};

class ZipText {
  public:
    ZipText& add(const std::string& name, const std::string& content, const ZipMember& how = {}) {
        const std::string stored = how.deflated ? compressed(content, -MAX_WBITS) : content;
        const auto crc = static_cast<std::uint32_t>(
            crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
        const auto place = static_cast<std::uint32_t>(text_.size());
        const auto flags = static_cast<std::uint16_t>(how.flags | (how.descriptor ? 8 : 0));
        const std::string checks = number(how.descriptor ? 0 : crc, 4) + number(how.descriptor ? 0 : stored.size(), 4) +
                                   number(how.descriptor ? 0 : content.size(), 4);
        const std::string common = number(how.wide ? 45 : 20, 2) + number(flags, 2) + number(how.deflated ? 8 : 0, 2) +
                                   number(0, 2) + number(0x21, 2);
        text_ += "PK\x03\x04" + common + checks + number(name.size(), 2) + number(0, 2) + name + stored;
        if (how.descriptor) {
            text_ += "PK\x07\x08" + number(crc, 4) + number(stored.size(), 4) + number(content.size(), 4);
        }
        const std::string extra = how.wide ? number(1, 2) + number(24, 2) + number(content.size(), 8) +
                                                 number(stored.size(), 8) + number(place, 8)
                                           : "";
        const auto narrow = [&](std::size_t value) { return number(how.wide ? 0xffffffff : value, 4); };
        directory_ += "PK\x01\x02" + number(3 << 8 | 45, 2) + common + number(crc, 4) + narrow(stored.size()) +
                      narrow(content.size()) + number(name.size(), 2) + number(extra.size(), 2) + number(0, 2) +
                      number(0, 2) + number(0, 2) + number(how.mode << 16, 4) + narrow(place) + name + extra;
        ++count_;
        return *this;
    }

    std::string finished() const {
        return text_ + directory_ + "PK\x05\x06" + number(0, 4) + number(count_, 2) + number(count_, 2) +
               number(directory_.size(), 4) + number(text_.size(), 4) + number(0, 2);
    }

  private:
    static std::string number(std::uint64_t value, int bytes) {
        std::string text;
        for (int i = 0; i < bytes; ++i) {
            text += static_cast<char>(value >> (8 * i) & 0xff);
        }
        return text;
    }

    std::string text_;
    std::string directory_;
    std::size_t count_ = 0;
};

}  // namespace reverie::test
