"""Writes samples/: tiny pictures of the kinds our own encoders do not write.

    python3 make_samples.py

Made with pillow 13.0.0 and, for the .heic, heif-enc of Debian's libheif-examples 1.15.1. Every picture is 12 wide and 9 high and, unless its name says otherwise, holds at column x, row y

    red 20 x, green 25 y, blue 2 x y, grey 2 x y + 5, alpha 255 - 20 x        (the 16-bit ones: that times 257 plus x)

The formats Pillow cannot write (interlaced PNG, tiles, separate planes, byte orders, old bitmaps) are put together here.
*.expected.png is what Pillow makes of a CMYK JPEG.
"""

import io
import struct
import subprocess
import tempfile
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


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(name: str, bits: int, color_type: int, pixel, interlaced: bool = False) -> None:
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
         sample_format=1, premultiply=False, compression=1) -> None:  # fmt: skip
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
    entries = [(256, 3, [W]), (257, 3, [H]), (258, 3, [bits] * channels), (259, 3, [compression]),
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


def tiff_directories(name: str, pages: list[dict]) -> None:
    """Little-endian 8-bit RGB or raw pictures with pictures `below` them: kind, size, orientation, xmp, photometric."""
    body = bytearray(b"II*\0\0\0\0\0")

    def put(data: bytes) -> int:
        body.extend(b"\0" * (len(body) % 2))
        body.extend(data)
        return len(body) - len(data)

    def directory(page: dict) -> tuple[int, int]:
        """Where it lies, and where the offset of the next one belongs."""
        w, h = page.get("size", (W, H))
        pixels = b"".join(bytes(samples("rgb", x, y)) for y in range(h) for x in range(w))
        strip = put(pixels if (w, h) == (W, H) else bytes(3 * w * h))
        entries = [(254, 4, [page.get("kind", 0)]), (256, 3, [w]), (257, 3, [h]), (258, 3, [8, 8, 8]), (259, 3, [1]),
                   (262, 3, [page.get("photometric", 2)]), (273, 4, [strip]), (277, 3, [3]), (278, 3, [h]),
                   (279, 4, [3 * w * h])]  # fmt: skip
        if "orientation" in page:
            entries.append((274, 3, [page["orientation"]]))
        if "below" in page:
            entries.append((330, 4, [directory(lower)[0] for lower in page["below"]]))
        if "xmp" in page:
            entries.append((700, 1, list(page["xmp"])))
        fields = b""
        for tag, kind, numbers in sorted(entries):
            packed = struct.pack(f"<{len(numbers)}{ {1: 'B', 3: 'H', 4: 'I'}[kind] }", *numbers)
            packed = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack("<I", put(packed))
            fields += struct.pack("<HHI", tag, kind, len(numbers)) + packed
        at = put(struct.pack("<H", len(entries)) + fields + b"\0\0\0\0")
        return at, len(body) - 4

    link = 4
    for page in pages:
        at, next_link = directory(page)
        body[link:link + 4] = struct.pack("<I", at)
        link = next_link
    (HERE / name).write_bytes(body)


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


    # 32 bits with masks inside a header of version 4, whose fourth byte is alpha
    for name, alpha in {"alpha_unused.bmp": 0, "alpha_used.bmp": None}.items():
        pixels = b"".join(
            bytes([b, g, r, a if alpha is None else alpha])
            for y in reversed(range(H)) for x in range(W) for r, g, b, a in [samples("rgba", x, y)]
        )  # fmt: skip
        head = b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122)
        info = struct.pack("<IiiHHIIiiII", 108, W, H, 1, 32, 3, len(pixels), 0, 0, 0, 0)
        masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        (HERE / name).write_bytes(head + info + masks + b"BGRs" + b"\0" * 48 + pixels)


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
    apple_png("apple.png", "rgb")
    apple_png("apple_alpha.png", "rgba")
    turned_pngs()


def apple_png(name: str, kind: str) -> None:
    """CgBI: raw deflate, blue first, multiplied by alpha."""

    def pixel(x: int, y: int) -> bytes:
        r, g, b, *a = samples(kind, x, y)
        return bytes([round(v * a[0] / 255) if a else v for v in (b, g, r)] + a)

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(b"".join(b"\0" + b"".join(pixel(x, y) for x in range(W)) for y in range(H))) + packer.flush()
    head = struct.pack(">IIBBBBB", W, H, 8, 6 if kind == "rgba" else 2, 0, 0, 0)
    (HERE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", b"\x50\0\x20\2") + chunk(b"IHDR", head)
                              + chunk(b"IDAT", data[:40]) + chunk(b"IDAT", data[40:]) + chunk(b"IEND", b""))  # fmt: skip


def exif_block(orientation: int, long: bool = False) -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 274, 4 if long else 3, 1, orientation) + b"\0" * 4


def xmp_packet(orientation: int) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def turned_pngs() -> None:
    """Turned by 8, said in ImageMagick's text, in XMP, and in both, which differ: EXIF counts."""
    (plain := io.BytesIO()) and pillow("rgb").save(plain, "PNG")
    at = 8 + 25
    block = exif_block(8)
    digits = block.hex()
    text = f"\nexif\n{len(block):8}\n" + "\n".join(digits[i:i + 72] for i in range(0, len(digits), 72)) + "\n"
    raw = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text.encode()))
    itxt = b"XML:com.adobe.xmp\0"
    xmp = chunk(b"iTXt", itxt + b"\0\0\0\0" + xmp_packet(8))
    packed = chunk(b"iTXt", itxt + b"\1\0\0\0" + zlib.compress(xmp_packet(3)))
    for name, chunks in {"turned_raw.png": raw, "turned_xmp.png": xmp, "turned_both.png": packed + raw}.items():
        (HERE / name).write_bytes(plain.getvalue()[:at] + chunks + plain.getvalue()[at:])


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
    tiff("jpeg2000.tif", compression=34712)
    tiff("unheard_of.tif", compression=40000)
    small = {"kind": 1, "size": (4, 3), "orientation": 6}
    tiff_directories("thumbnail_below.tif", [{**small, "below": [{"kind": 1, "size": (8, 6)}, {}]}])
    tiff_directories("thumbnail_page.tif", [small, {"kind": 4}, {"kind": 2, "orientation": 1}])
    tiff_directories("thumbnail_unsaid.tif", [{"size": (4, 3)}, {}])
    tiff_directories("raw.dng", [{**small, "below": [{"photometric": 32803}]}])
    tiff_directories("turned_xmp.tif", [{"xmp": xmp_packet(6)}])


def webps() -> None:
    save("lossless_alpha.webp", pillow("rgba"), lossless=True, exact=True)
    save("lossy_alpha.webp", pillow("rgba"), quality=95, exact=True)
    exif = Image.Exif()
    exif[0x0112] = 8
    save("turned.webp", pillow("rgb"), lossless=True, exif=exif)
    save("turned_xmp.webp", pillow("rgb"), lossless=True, xmp=xmp_packet(8))
    save("turned.png", pillow("rgb"), exif=exif)
    save("animated.webp", pillow("rgb"), save_all=True, append_images=[pillow("rgb").rotate(180)], lossless=True)
    save("animated.png", pillow("rgb"), save_all=True, append_images=[pillow("rgb").rotate(180)])


def gifs() -> None:
    # 108 colours: one for each pixel, so that the palette holds the pattern exactly
    colors = pillow("rgb").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    assert colors.convert("RGB").tobytes() == pillow("rgb").tobytes()
    save("still.gif", colors, interlace=1)
    save("animated.gif", colors, save_all=True, append_images=[colors.rotate(180)], interlace=0)
    save("transparent.gif", colors, transparency=colors.getpixel((3, 2)), interlace=0)


def heifs() -> None:
    """32 x 24, because HEVC holds nothing as small as the others: red 8 x, green 10 y, blue 4 (x + y), alpha 255 - 7 x."""
    w, h = 32, 24
    places = [(x, y) for y in range(h) for x in range(w)]
    rgb = Image.frombytes("RGB", (w, h), bytes(v for x, y in places for v in (8 * x, 10 * y, 4 * (x + y))))
    rgba = rgb.copy()
    rgba.putalpha(Image.frombytes("L", (w, h), bytes(255 - 7 * x for x, _ in places)))
    exif = Image.Exif()
    exif[0x0112] = 6
    p3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841), 2.2)
    with tempfile.TemporaryDirectory() as folder:
        source, turned, deep16 = Path(folder) / "a.png", Path(folder) / "t.jpg", Path(folder) / "d.png"
        rgba.save(source, icc_profile=profile("Display P3", *p3, version=4))
        rgb.save(turned, quality=98, subsampling=0, exif=exif)
        rows = b"".join(b"\0" + b"".join(struct.pack(">3H", *(257 * v for v in rgb.getpixel((x, y)))) for x in range(w))
                        for y in range(h))  # fmt: skip
        deep16.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, 2, 0, 0, 0))
                           + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))  # fmt: skip
        for name, flags in {"alpha.heic": [source], "exif.heic": [turned], "deep.heic": ["-b", "10", deep16],
                            "several.heic": [turned, turned]}.items():  # fmt: skip
            subprocess.run(["heif-enc", "-q", "95", "-p", "chroma=444", "-o", HERE / name, *flags], check=True)
    save("alpha.avif", rgba, quality=95, subsampling="4:4:4")
    # heif-enc has a flag for the codes of colours and writes "not stated" all the same
    avif = (HERE / "alpha.avif").read_bytes()
    at = avif.index(b"colrnclx") + 8
    (HERE / "pq.avif").write_bytes(avif[:at] + struct.pack(">HH", 9, 16) + avif[at + 4:])
    save("turned.avif", rgb, quality=95, subsampling="4:4:4", exif=exif)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    pngs()
    jpegs()
    tiffs()
    webps()
    bitmaps()
    gifs()
    heifs()
    print(sum(path.stat().st_size for path in HERE.iterdir()), "bytes in", len(list(HERE.iterdir())), "files")
