// A file of packets: what one encoder made of the frames of a segment.
#pragma once

#include <cstdint>
#include <fstream>

#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {

/// What stands before each packet's bytes.
struct PacketHead {
    std::int64_t frame = 0;  ///< counted from the segment's first
    std::uint32_t flags = 0;
    std::uint32_t size = 0;
    std::uint32_t beside_kind = 0;  ///< of AVPacketSideDataType, with more bytes behind the packet's own
    std::uint32_t beside_size = 0;  ///< 0: nothing beside
};

void write_packet(const AVPacket& packet, const Sink& sink);

class SegmentFile {
  public:
    explicit SegmentFile(const std::string& path);
    /// False at the end. Throws FilmFault (Output) for a file that is not whole.
    bool next(PacketHead& head);
    /// The bytes of the packet whose head was read; else they are passed over.
    void read(const PacketHead& head, AVPacket& packet);
    void skip(const PacketHead& head);

  private:
    [[noreturn]] void fail() const;
    std::string path_;
    std::ifstream file_;
};

}  // namespace reverie::output
