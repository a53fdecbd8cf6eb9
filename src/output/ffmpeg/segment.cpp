#include "output/ffmpeg/segment.h"

#include <cstring>

namespace reverie::output {

void write_packet(const AVPacket& packet, const Sink& sink) {
    PacketHead head = {.frame = packet.pts,
                       .flags = static_cast<std::uint32_t>(packet.flags),
                       .size = static_cast<std::uint32_t>(packet.size)};
    const std::uint8_t* beside = nullptr;
    for (const AVPacketSideDataType kind : {AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, AV_PKT_DATA_NEW_EXTRADATA}) {
        std::size_t size = 0;
        if (const std::uint8_t* found = av_packet_get_side_data(&packet, kind, &size); found != nullptr && size > 0) {
            beside = found;
            head.beside_kind = kind;
            head.beside_size = static_cast<std::uint32_t>(size);
            break;
        }
    }
    sink(std::as_bytes(std::span(&head, 1)));
    sink(std::as_bytes(std::span(packet.data, static_cast<std::size_t>(packet.size))));
    if (beside != nullptr) {
        sink(std::as_bytes(std::span(beside, head.beside_size)));
    }
}

SegmentFile::SegmentFile(const std::string& path) : path_(path), file_(path, std::ios::binary) {
    if (!file_) {
        fail();
    }
}

bool SegmentFile::next(PacketHead& head) {
    file_.read(reinterpret_cast<char*>(&head), sizeof head);
    if (file_.gcount() == 0) {
        return false;
    }
    if (!file_) {
        fail();
    }
    return true;
}

void SegmentFile::read(const PacketHead& head, AVPacket& packet) {
    if (av_new_packet(&packet, static_cast<int>(head.size)) < 0) {
        throw std::bad_alloc();
    }
    file_.read(reinterpret_cast<char*>(packet.data), head.size);
    if (head.beside_size > 0) {
        std::uint8_t* beside = made(
            av_packet_new_side_data(&packet, static_cast<AVPacketSideDataType>(head.beside_kind), head.beside_size));
        file_.read(reinterpret_cast<char*>(beside), head.beside_size);
    }
    if (!file_) {
        fail();
    }
    packet.flags = static_cast<int>(head.flags);
}

void SegmentFile::skip(const PacketHead& head) {
    file_.seekg(static_cast<std::streamoff>(head.size) + head.beside_size, std::ios::cur);
}

void SegmentFile::fail() const {
    throw FilmFault(
        ErrorKind::Output,
        "'" + path_ + "', a part of a film that is being made, cannot be read; remove its folder and begin anew");
}

}  // namespace reverie::output
