"""Writes samples/: tiny pictures of the kinds our own encoders do not write.

    python3 make_samples.py

Made with pillow 13.0.0. Every picture is 12 wide and 9 high and, unless its name says otherwise, holds at column x, row y

    red 20 x, green 25 y, blue 2 x y, grey 2 x y + 5, alpha 255 - 20 x        (the 16-bit ones: that times 257 plus x)

The formats Pillow cannot write (interlaced PNG, tiles, separate planes, byte orders, old bitmaps) are put together here.
*.expected.png is what Pillow makes of a CMYK JPEG.
"""

import io
import struct
import zlib
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent / "samples"
W, H = 12, 9
SHAPES = {"grey": lambda x, y: [2 * x * y + 5], "rgb": lambda x, y: [20 * x, 25 * y, 2 * x * y]}


def samples(kind: str, x: int, y: int) -> list[int]:
    colors = SHAPES["grey" if kind[0] == "g" else "rgb"](x, y)
    return colors + [255 - 20 * x] if kind.endswith("a") else colors


def deep(kind: str, x: int, y: int) -> list[int]:
    return [257 * value + x * (value < 255) for value in samples(kind, x, y)]


def save(name: str, picture: Image.Image, **options) -> None:
    picture.save(HERE / name, **options)


def pillow(kind: str) -> Image.Image:
    mode = {"g": "L", "ga": "LA", "rgb": "RGB", "rgba": "RGBA"}[kind]
    return Image.frombytes(mode, (W, H), bytes(v for y in range(H) for x in range(W) for v in samples(kind, x, y)))


# --- PNG: bit depth, colour type and interlacing at will


def png(name: str, bits: int, color_type: int, pixel, interlaced: bool = False) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    def row(xs, y: int) -> bytes:
        if bits == 16:
            return b"\0" + b"".join(struct.pack(">H", v) for x in xs for v in pixel(x, y))
        word = "".join(format(v, f"0{bits}b") for x in xs for v in pixel(x, y))
        word += "0" * (-len(word) % 8)
        return b"\0" + int(word, 2).to_bytes(len(word) // 8, "big")

    passes = [(0, 0, 1, 1)]
    if interlaced:  # Adam7: first column, first row, column step, row step
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b"".join(
        row(range(x0, W, dx), y) for x0, y0, dx, dy in passes if x0 < W for y in range(y0, H, dy)
    )
    head = struct.pack(">IIBBBBB", W, H, bits, color_type, 0, 0, int(interlaced))
    (HERE / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )  # fmt: skip


# --- TIFF: uncompressed, with what a test wants to vary


def tiff(name, kind="rgb", bits=8, order="<", tile=0, separate=False, extra=None, photometric=None, orientation=1,
         sample_format=1, premultiply=False) -> None:  # fmt: skip
    letter = {8: "B", 16: "H", 32: "f"}[bits]

    def pixel(x: int, y: int) -> list:
        if bits == 32:
            return [v / 255 for v in samples(kind, x, y)]
        values = (deep if bits == 16 else samples)(kind, x, y)
        if premultiply:
            values = [round(v * values[-1] / 255) for v in values[:-1]] + values[-1:]
        return [255 - v for v in values] if photometric == 0 else values

    channels = len(pixel(0, 0))
    planes = [[c] for c in range(channels)] if separate else [list(range(channels))]
    side = tile or max(W, H)
    blocks = []
    for plane in planes:
        for y0 in range(0, H, tile or 4):
            for x0 in range(0, W, side) if tile else [0]:
                ys = range(y0, y0 + tile) if tile else range(y0, min(y0 + 4, H))
                xs = range(x0, x0 + tile) if tile else range(W)
                blocks.append(b"".join(
                    struct.pack(order + letter, pixel(x, y)[c] if x < W and y < H else 0)
                    for y in ys for x in xs for c in plane))  # fmt: skip
    body, offsets = b"", []
    for block in blocks:
        offsets.append(8 + len(body))
        body += block + b"\0" * (len(block) % 2)
    gray = kind[0] == "g"
    entries = [(256, 3, [W]), (257, 3, [H]), (258, 3, [bits] * channels), (259, 3, [1]),
               (262, 3, [photometric if photometric is not None else (1 if gray else 2)]), (274, 3, [orientation]),
               (277, 3, [channels]), (284, 3, [2 if separate else 1])]  # fmt: skip
    sizes = [len(block) for block in blocks]
    if tile:
        entries += [(322, 3, [tile]), (323, 3, [tile]), (324, 4, offsets), (325, 4, sizes)]
    else:
        entries += [(273, 4, offsets), (278, 3, [4]), (279, 4, sizes)]
    if extra is not None:
        entries.append((338, 3, [extra]))
    if sample_format != 1:
        entries.append((339, 3, [sample_format] * channels))
    entries.sort()
    at = 8 + len(body) + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(order + "H", len(entries)), b""
    for tag, kind_number, numbers in entries:
        packed = b"".join(struct.pack(order + ("H" if kind_number == 3 else "I"), n) for n in numbers)
        if len(packed) > 4:
            field = struct.pack(order + "I", at + len(values))
            values += packed
        else:
            field = packed.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind_number, len(numbers)) + field
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "I", 8 + len(body))
    (HERE / name).write_bytes(head + body + directory + struct.pack(order + "I", 0) + values)


# --- BMP: old depths and run lengths


def bmp(name: str, depth: int, packing: int, pixels: bytes, palette: bytes = b"", masks: bytes = b"") -> None:
    offset = 14 + 40 + len(masks) + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
    info = struct.pack("<IiiHHIIiiII", 40, W, H, 1, depth, packing, len(pixels), 0, 0, len(palette) // 4, 0)
    (HERE / name).write_bytes(head + info + masks + palette + pixels)


def bitmaps() -> None:
    # Index x % 4 on every row; the palette is grey 10, 60, 110, 160.
    palette = b"".join(bytes([v, v, v, 0]) for v in (10, 60, 110, 160))
    row4 = bytes((x % 4) << 4 | (x + 1) % 4 for x in range(0, W, 2))
    bmp("index4.bmp", 4, 0, (row4 + b"\0\0") * H, palette)
    runs = b"\0\4\0\1\2\3" + b"\0\4\0\1\2\3" + b"\1\0\1\1\1\2\1\3"  # two literal stretches, four runs of one
    bmp("runs8.bmp", 8, 1, (runs + b"\0\0") * H + b"\0\1", palette)
    bmp("runs4.bmp", 4, 2, (b"\0\x0c\x01\x23\x01\x23\x01\x23" + b"\0\0") * H + b"\0\1", palette)
    # 16 bits as 5-6-5; rows from the bottom, like all above
    words = b"".join(
        struct.pack("<H", (r >> 3) << 11 | (g >> 2) << 5 | b >> 3)
        for y in reversed(range(H)) for x in range(W) for r, g, b in [samples("rgb", x, y)]
    )  # fmt: skip
    bmp("masks565.bmp", 16, 3, words, masks=struct.pack("<III", 0xF800, 0x07E0, 0x001F))


# --- ICC: a profile by its primaries and gamma


def profile(description: str, red, green, blue, gamma: float, version: int = 2) -> bytes:
    def xyz(values) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    if version == 2:
        name = b"desc\0\0\0\0" + struct.pack(">I", len(description) + 1) + description.encode() + b"\0" * 79
        curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    else:
        text = description.encode("utf-16-be")
        name = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text
        curve = b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, round(gamma * 65536))
    tags = {b"desc": name, b"rXYZ": xyz(red), b"gXYZ": xyz(green), b"bXYZ": xyz(blue),
            b"wtpt": xyz((0.9642, 1, 0.8249)), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}  # fmt: skip
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += tag + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"\0" * 4, version << 24, b"mntr", b"RGB ", b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp" + b"\0" * 28 + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def pngs() -> None:
    png("grey16.png", 16, 0, lambda x, y: deep("g", x, y))
    png("rgba16.png", 16, 6, lambda x, y: deep("rgba", x, y))
    png("interlaced.png", 8, 2, lambda x, y: samples("rgb", x, y), interlaced=True)
    png("grey_alpha.png", 8, 4, lambda x, y: samples("ga", x, y))
    for bits in (1, 2, 4):  # grey value x modulo the number of levels
        png(f"grey{bits}.png", bits, 0, lambda x, y, n=1 << bits: [x % n])
    palette = pillow("g").convert("P")
    palette.putpalette([v for i in range(256) for v in (i, 255 - i, i // 2)])
    palette.putdata([x for _ in range(H) for x in range(W)])  # index x: red x, green 255 - x, blue x / 2
    save("palette.png", palette)
    save("palette_transparent.png", palette, transparency=bytes(20 * x for x in range(W)))


def jpegs() -> None:
    inks = Image.merge("CMYK", [pillow("rgb").getchannel(c) for c in "RGB"] + [pillow("g")])
    stream = io.BytesIO()
    inks.save(stream, "JPEG", quality=95)
    adobe = stream.getvalue()
    at = adobe.index(b"\xff\xee")
    plain = adobe[:at] + adobe[at + 2 + struct.unpack(">H", adobe[at + 2:at + 4])[0]:]
    transform = at + 4 + 11  # the last byte of Adobe's marker: 2 says that the inks went through YCC
    for name, content in {"cmyk_adobe": adobe, "cmyk_plain": plain,
                          "ycck": adobe[:transform] + b"\2" + adobe[transform + 1:]}.items():  # fmt: skip
        (HERE / f"{name}.jpg").write_bytes(content)
        save(f"{name}.expected.png", Image.open(io.BytesIO(content)).convert("RGB"))
    save("grey.jpg", pillow("g"), quality=95)
    save("progressive.jpg", pillow("rgb"), quality=95, progressive=True, subsampling=2)
    adobe_rgb = profile("Adobe RGB (1998)", (0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446),
                        2.2)  # fmt: skip
    save("adobe_rgb.jpg", pillow("rgb"), quality=95, icc_profile=adobe_rgb)
    srgb = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141), 2.2)
    save("srgb_unnamed.jpg", pillow("rgb"), quality=95, icc_profile=profile("like the web", *srgb))
    p3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841), 2.2)
    save("display_p3.png", pillow("rgb"), icc_profile=profile("Display P3", *p3, version=4))


def tiffs() -> None:
    tiff("big_endian16.tif", bits=16, order=">")
    tiff("tiles.tif", "rgba", tile=16, extra=2)
    tiff("separate.tif", bits=16, separate=True)
    tiff("separate_tiles.tif", separate=True, tile=16)
    tiff("premultiplied.tif", "rgba", extra=1, premultiply=True)
    tiff("unknown_extra.tif", "rgba", extra=0)
    tiff("grey_alpha.tif", "ga", extra=2)
    tiff("white_is_zero.tif", "g", photometric=0)
    tiff("float.tif", bits=32, sample_format=3)
    tiff("turned.tif", orientation=6)
    save("lzw.tif", pillow("rgb"), compression="tiff_lzw")
    save("palette.tif", Image.open(HERE / "palette.png"))
    save("bilevel.tif", Image.open(HERE / "grey1.png"), compression="group4")
    save("jpeg.tif", pillow("rgb"), compression="jpeg", quality=95)
    save("pages.tif", pillow("rgb"), save_all=True, append_images=[pillow("g")])


def webps() -> None:
    save("lossless_alpha.webp", pillow("rgba"), lossless=True, exact=True)
    save("lossy_alpha.webp", pillow("rgba"), quality=95, exact=True)
    exif = Image.Exif()
    exif[0x0112] = 8
    save("turned.webp", pillow("rgb"), lossless=True, exif=exif)
    save("turned.png", pillow("rgb"), exif=exif)
    save("animated.webp", pillow("rgb"), save_all=True, append_images=[pillow("rgb").rotate(180)], lossless=True)
    save("animated.png", pillow("rgb"), save_all=True, append_images=[pillow("rgb").rotate(180)])


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    pngs()
    jpegs()
    tiffs()
    webps()
    bitmaps()
    print(sum(path.stat().st_size for path in HERE.iterdir()), "bytes in", len(list(HERE.iterdir())), "files")
