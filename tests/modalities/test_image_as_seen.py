"""Every kind of picture file is packed to what a person sees, whatever the pixels are written as.

One picture is written in each way that Pillow, numpy and the formats know; what TensorFlow decodes
from the packed bytes is compared with that picture over white.
"""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.features
import PIL.Image
import PIL.ImageCms
import PIL.TiffImagePlugin
import pytest

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Image, image
from tfmmrec.modalities.image import decode_picture

# 16 x 24 pixels: red rises to the right, green falls downward; left of the middle, the upper half
# is transparent in the pictures with transparency.
_ACROSS = np.broadcast_to(np.linspace(0, 255, 24).round(), (16, 24))
_DOWN = np.broadcast_to(np.linspace(255, 0, 16).round()[:, None], (16, 24))
COLOR = np.stack([_ACROSS, _DOWN, np.full([16, 24], 60.0)], axis=-1).astype(np.uint8)
GRAY = _ACROSS.astype(np.uint8)
SHOWN = np.ones([16, 24], bool)
SHOWN[:8, :12] = False
# Two colors, for palettes: 0 is where the transparent part is.
INDEX = np.where(SHOWN, 1, 0).astype(np.uint8)
PALETTE = [10, 20, 30, 200, 100, 50]
TWO_COLORS = np.array(PALETTE, np.uint8).reshape(2, 3)[INDEX]


def over_white(color: np.ndarray, shown: np.ndarray | None = None) -> np.ndarray:
    """Returns float `[height, width, 3]` in [0, 1], white where `shown` is 0."""
    color = color if color.ndim == 3 else np.stack([color] * 3, axis=-1)
    alpha = 1.0 if shown is None else np.asarray(shown, float)[..., None]
    return color / 255.0 * alpha + (1.0 - alpha)


def saved(pixels: Any, file_format: str, mode: str | None = None, **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, PIL.Image.Image) else PIL.Image.fromarray(pixels)
    out = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(out, format=file_format, **options)
    return out.getvalue()


def with_alpha(color: np.ndarray = COLOR, shown: np.ndarray = SHOWN) -> np.ndarray:
    return np.dstack([color, (shown * 255).astype(np.uint8)])


def palette(index: np.ndarray = INDEX) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(index, "P")
    picture.putpalette(PALETTE + [0] * 762)
    return picture


def chunk(name: bytes, data: bytes, *, damaged: bool = False) -> bytes:
    checksum = zlib.crc32(name + data) ^ damaged
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(depth: int, color_type: int, rows: np.ndarray, *chunks: bytes, late: bytes = b"") -> bytes:
    """Writes a PNG by hand; rows are bytes, unsigned big-endian integers or packed bits."""
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 24, 16, depth, color_type, 0, 0, 0)
    body = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(lines)), late]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body) + chunk(b"IEND", b"")


def interlaced_png(color: np.ndarray) -> bytes:
    """Writes the seven passes of Adam7, which Pillow does not write."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    lines = [
        b"\0" + row.tobytes()
        for top, left, down, right in (*passes, (1, 0, 2, 1))
        for row in color[top::down, left::right]
    ]
    header = struct.pack(">IIBBBBB", 24, 16, 8, 2, 0, 0, 1)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"".join(lines)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def bits(values: np.ndarray, depth: int) -> np.ndarray:
    """Packs small integers `[height, width]` into rows of bytes, the first value highest."""
    unpacked = np.unpackbits(values[..., None], axis=-1)[..., 8 - depth :]
    return np.packbits(unpacked.reshape(len(values), -1), axis=-1)


def wide(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.uint16) * 257).astype(">u2")


COLOR_KEY = np.where(SHOWN[..., None], COLOR, np.array([1, 2, 3], np.uint8))
GRAY_KEY = np.where(SHOWN, GRAY | 1, 2).astype(np.uint8)
# 16 bits, in which the color that stands for transparency differs by one in 65,536 from others.
_NEAR = np.where(SHOWN[..., None], wide(COLOR_KEY), np.array([258, 514, 772])).astype(">u2")

PNGS: dict[str, tuple[bytes, np.ndarray, float]] = {
    "RGB": (saved(COLOR, "PNG"), over_white(COLOR), 0.002),
    "RGBA": (saved(with_alpha(), "PNG"), over_white(COLOR, SHOWN), 0.002),
    "gray": (saved(GRAY, "PNG"), over_white(GRAY), 0.002),
    "gray with alpha": (
        saved(np.dstack([GRAY, SHOWN * np.uint8(255)]), "PNG"),
        over_white(GRAY, SHOWN),
        0.002,
    ),
    "half transparent": (
        saved(with_alpha(shown=SHOWN * 0.2), "PNG"),
        over_white(COLOR, SHOWN * 0.2),
        0.004,
    ),
    "palette": (saved(palette(), "PNG"), over_white(TWO_COLORS), 0.002),
    "palette of one bit": (saved(palette(), "PNG", bits=1), over_white(TWO_COLORS), 0.002),
    "palette, one color transparent": (
        saved(palette(), "PNG", transparency=0),
        over_white(TWO_COLORS, SHOWN),
        0.002,
    ),
    "palette, alpha of 51 and 255": (
        saved(palette(), "PNG", transparency=bytes([51, 255])),
        over_white(TWO_COLORS, np.where(SHOWN, 1.0, 0.2)),
        0.004,
    ),
    "black and white": (saved(SHOWN, "PNG"), over_white(SHOWN * 255.0), 0.002),
    "gray of two bits": (
        png(2, 0, bits(INDEX * 3, 2)),
        over_white(INDEX * 255.0),
        0.002,
    ),
    "gray of four bits, level 2 transparent": (
        png(4, 0, bits(np.where(SHOWN, 10, 2).astype(np.uint8), 4), chunk(b"tRNS", b"\0\2")),
        over_white(np.full([16, 24], 170.0), SHOWN),
        0.002,
    ),
    "gray, level 2 transparent": (
        png(8, 0, GRAY_KEY, chunk(b"tRNS", b"\0\2")),
        over_white(GRAY_KEY, SHOWN),
        0.002,
    ),
    "RGB, one color transparent": (
        png(8, 2, COLOR_KEY, chunk(b"tRNS", b"\0\1\0\2\0\3")),
        over_white(COLOR_KEY, SHOWN),
        0.002,
    ),
    "RGB of 16 bits": (png(16, 2, wide(COLOR)), over_white(COLOR), 0.002),
    "RGBA of 16 bits": (png(16, 6, wide(with_alpha())), over_white(COLOR, SHOWN), 0.002),
    "gray of 16 bits": (png(16, 0, wide(GRAY)), over_white(GRAY), 0.002),
    "gray of 16 bits with alpha": (
        png(16, 4, wide(np.dstack([GRAY, SHOWN * np.uint8(255)]))),
        over_white(GRAY, SHOWN),
        0.002,
    ),
    "gray of 16 bits, level 514 transparent": (
        png(16, 0, wide(GRAY_KEY), chunk(b"tRNS", struct.pack(">H", 514))),
        over_white(GRAY_KEY, SHOWN),
        0.004,
    ),
    "RGB of 16 bits, one color transparent": (
        png(16, 2, _NEAR, chunk(b"tRNS", struct.pack(">3H", 258, 514, 772))),
        over_white(COLOR_KEY, SHOWN),
        0.004,
    ),
    "RGB of 16 bits, a color beside it transparent": (
        png(16, 2, _NEAR, chunk(b"tRNS", struct.pack(">3H", 258, 514, 773))),
        over_white(np.where(SHOWN[..., None], COLOR_KEY, np.array([1, 2, 3], np.uint8))),
        0.004,
    ),
    "interlaced": (interlaced_png(COLOR), over_white(COLOR), 0.002),
    "a palette that only suggests colors": (
        png(8, 2, COLOR, chunk(b"PLTE", bytes(PALETTE))),
        over_white(COLOR),
        0.002,
    ),
    "a profile that unpacks to 2 MB": (
        png(8, 2, COLOR, chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(2 << 20)))),
        over_white(COLOR),
        0.002,
    ),
    "a comment that unpacks to 2 MB": (
        png(8, 2, COLOR, chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * (2 << 20)))),
        over_white(COLOR),
        0.002,
    ),
    "a comment in Unicode that unpacks to 2 MB": (
        png(8, 2, COLOR, chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(b"a" * (2 << 20)))),
        over_white(COLOR),
        0.002,
    ),
    "a comment of 2 MB": (
        png(8, 2, COLOR, chunk(b"tEXt", b"prompt\0" + b"a" * (2 << 20))),
        over_white(COLOR),
        0.002,
    ),
    "a comment that unpacks to 2 MB behind the pixels": (
        png(8, 2, COLOR, late=chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * (2 << 20)))),
        over_white(COLOR),
        0.002,
    ),
    "a comment with a wrong checksum": (
        png(8, 2, COLOR, chunk(b"tEXt", b"Comment\0hello", damaged=True)),
        over_white(COLOR),
        0.002,
    ),
    "a wrong checksum behind the pixels": (
        png(8, 2, COLOR, late=chunk(b"tIME", bytes(7), damaged=True)),
        over_white(COLOR),
        0.002,
    ),
    "a comment that is no zlib stream": (
        png(8, 2, COLOR, chunk(b"zTXt", b"k\0\0nonsense")),
        over_white(COLOR),
        0.002,
    ),
    "a damaged comment beside transparency": (
        png(
            8,
            3,
            INDEX,
            chunk(b"PLTE", bytes(PALETTE)),
            chunk(b"tRNS", b"\0"),
            chunk(b"tEXt", b"k\0v", damaged=True),
        ),
        over_white(TWO_COLORS, SHOWN),
        0.002,
    ),
    "frames of an animation that do not add up": (
        png(8, 2, COLOR, chunk(b"acTL", bytes(8)), chunk(b"fcTL", bytes(3))),
        over_white(COLOR),
        0.002,
    ),
    "animated": (
        saved(COLOR, "PNG", save_all=True, append_images=[PIL.Image.new("RGB", (24, 16))]),
        over_white(COLOR),
        0.002,
    ),
    "a block of its own behind the end": (saved(COLOR, "PNG") + b"tail", over_white(COLOR), 0.002),
}


def decoded(data: bytes) -> np.ndarray:
    return decode_picture(Image().check_bytes(data)).numpy()


@pytest.mark.parametrize("name", PNGS)
def test_a_png_is_seen(name: str):
    data, expected, tolerance = PNGS[name]
    np.testing.assert_allclose(decoded(data), expected, atol=tolerance)
    stored = Image().check_bytes(data)
    assert Image().check_bytes(stored) == stored  # and `check --media` finds nothing wrong
    PIL.Image.open(io.BytesIO(stored)).load()  # as reports and steps do


def gif(
    size: tuple[int, int],
    box: tuple[int, int],
    index: np.ndarray,
    *,
    transparent: int | None = None,
    frames: int = 1,
) -> bytes:
    """Writes a GIF by hand, with codes of three bits and no compression."""
    codes = []
    for at, value in enumerate(index.reshape(-1)):
        codes += [4, int(value)] if at % 2 == 0 else [int(value)]  # 4 resets the table
    packed = sum(code << 3 * at for at, code in enumerate([*codes, 5]))
    body = packed.to_bytes(3 * len(codes) // 8 + 2, "little")
    blocks = [
        bytes([len(body[at : at + 255])]) + body[at : at + 255] for at in range(0, len(body), 255)
    ]
    control = b"" if transparent is None else b"\x21\xf9\4\1\0\0" + bytes([transparent]) + b"\0"
    place = struct.pack("<HHHHB", *box, index.shape[1], index.shape[0], 0)
    frame = control + b"\x2c" + place + b"\2" + b"".join(blocks) + b"\0"
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 1, 0) + bytes(PALETTE)
    return head + frame * frames + b";"


_PART = np.zeros([16, 24], bool)
_PART[4:10, 2:22] = True
_BIGGER = np.zeros([20, 30], bool)
_BIGGER[4:, 6:] = True

GIFS: dict[str, tuple[bytes, np.ndarray]] = {
    "plain": (saved(palette(), "GIF"), over_white(TWO_COLORS)),
    "transparent": (saved(palette(), "GIF", transparency=0), over_white(TWO_COLORS, SHOWN)),
    "transparent, animated": (
        saved(
            palette(),
            "GIF",
            transparency=0,
            save_all=True,
            disposal=2,
            append_images=[palette(1 - INDEX)],
        ),
        over_white(TWO_COLORS, SHOWN),
    ),
    "by hand": (gif((24, 16), (0, 0), INDEX), over_white(TWO_COLORS)),
    "a frame smaller than the picture": (
        gif((24, 16), (2, 4), np.ones([6, 20], np.uint8)),
        over_white(np.broadcast_to(np.array(PALETTE[3:]), [16, 24, 3]), _PART),
    ),
    "a frame that sticks out": (
        gif((24, 16), (6, 4), INDEX),
        over_white(np.pad(TWO_COLORS, [(4, 0), (6, 0), (0, 0)]), _BIGGER),
    ),
    "ten frames of 16 x 24": (gif((24, 16), (0, 0), INDEX, frames=10), over_white(TWO_COLORS)),
}


@pytest.mark.parametrize("name", GIFS)
def test_a_gif_is_seen(name: str):
    data, expected = GIFS[name]
    np.testing.assert_allclose(decoded(data), expected, atol=0.002)


def test_of_a_gif_with_too_many_frames_the_first_is_kept(monkeypatch: pytest.MonkeyPatch):
    data = gif((24, 16), (0, 0), INDEX, frames=10)
    monkeypatch.setattr(image, "_MAX_PIXELS", 11 * 16 * 24)  # the canvas counts too
    assert Image().check_bytes(data) == data
    monkeypatch.setattr(image, "_MAX_PIXELS", 11 * 16 * 24 - 1)
    assert Image().check_bytes(data).startswith(b"\x89PNG")
    np.testing.assert_allclose(decoded(data), over_white(TWO_COLORS), atol=0.002)


def tiff(pixels: np.ndarray, photometric: int, **more: list[int]) -> bytes:
    """Writes an uncompressed little-endian TIFF by hand; `t338=[2]` sets tag 338."""
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    tags = {
        **{256: [24], 257: [16], 258: [8 * pixels.dtype.itemsize] * samples, 259: [1]},
        **{262: [photometric], 273: [8], 277: [samples], 278: [16], 279: [pixels.nbytes]},
        **{int(name[1:]): value for name, value in more.items()},
    }
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    values_at, entries, values = 8 + len(data) + 6 + 12 * len(tags), b"", b""
    for tag, numbers in sorted(tags.items()):
        kind, form = (4, "I") if tag in (273, 279) else (3, "H")
        packed = struct.pack(f"<{len(numbers)}{form}", *numbers)
        if len(packed) > 4:
            packed, values = struct.pack("<I", values_at + len(values)), values + packed
        entries += struct.pack("<HHI4s", tag, kind, len(numbers), packed)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + values


def bmp(
    rows: bytes, depth: int, compression: int = 0, *, height: int = 16, more: bytes = b""
) -> bytes:
    """Writes a BMP by hand; `more` is the palette, or for compression 3 the color masks."""
    head_size, start = 40 + (len(more) if compression == 3 else 0), 54 + len(more)
    colors = 2 if depth == 8 else 0
    head = struct.pack("<IiiHH", head_size, 24, height, 1, depth)
    head += struct.pack("<IIiiII", compression, len(rows), 0, 0, colors, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + head + more + rows


def five_bits(color: np.ndarray) -> np.ndarray:
    red, green, blue = (color[..., at].astype("<u2") >> 3 for at in range(3))
    return red << 10 | green << 5 | blue


def runs() -> bytes:
    """Returns the rows of INDEX, the lowest first, in the run lengths of a BMP of 8 bits."""
    rows = [bytes([12, row[0], 12, row[12], 0, 0]) for row in INDEX[::-1]]
    return b"".join(rows) + b"\0\1"


_BGRX = np.dstack([COLOR[..., ::-1], np.zeros([16, 24], np.uint8)])
_BGRA = np.dstack([COLOR[..., ::-1], SHOWN * np.uint8(255)])
_QUADS = bytes([30, 20, 10, 0, 50, 100, 200, 0])
_CMYK = 255 - np.dstack([COLOR, np.full([16, 24], 255, np.uint8)])  # no black
_BGRA_MASKS = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)

OTHERS: dict[str, tuple[Callable[[], bytes], np.ndarray, float]] = {
    "BMP": (lambda: saved(COLOR, "BMP"), over_white(COLOR), 0.002),
    "BMP with a palette": (lambda: saved(palette(), "BMP"), over_white(TWO_COLORS), 0.002),
    "BMP of one bit": (lambda: saved(SHOWN, "BMP"), over_white(SHOWN * 255.0), 0.002),
    "BMP from the top down": (
        lambda: bmp(COLOR[..., ::-1].tobytes(), 24, height=-16),
        over_white(COLOR),
        0.002,
    ),
    "BMP of 16 bits": (
        lambda: bmp(five_bits(COLOR)[::-1].tobytes(), 16),
        over_white(COLOR),
        0.04,
    ),
    "BMP of 32 bits, one unused": (
        lambda: bmp(_BGRX[::-1].tobytes(), 32),
        over_white(COLOR),
        0.002,
    ),
    "BMP with run lengths": (
        lambda: bmp(runs(), 8, 1, more=_QUADS),
        over_white(TWO_COLORS),
        0.002,
    ),
    "BMP with alpha": (
        lambda: bmp(_BGRA[::-1].tobytes(), 32, 3, more=_BGRA_MASKS),
        over_white(COLOR, SHOWN),
        0.002,
    ),
    "WebP": (lambda: saved(COLOR, "WEBP", lossless=True), over_white(COLOR), 0.002),
    "WebP with alpha": (
        lambda: saved(with_alpha(), "WEBP", lossless=True),
        over_white(COLOR, SHOWN),
        0.002,
    ),
    "WebP, animated": (
        lambda: saved(
            COLOR, "WEBP", lossless=True, save_all=True, append_images=[palette().convert("RGB")]
        ),
        over_white(COLOR),
        0.002,
    ),
    "ICO": (
        lambda: saved(with_alpha(), "ICO", sizes=[(24, 16)]),
        over_white(COLOR, SHOWN),
        0.002,
    ),
    "PPM": (lambda: saved(COLOR, "PPM"), over_white(COLOR), 0.002),
    "PGM of 16 bits": (
        lambda: b"P5 24 16 65535\n" + wide(GRAY // 2).tobytes(),
        over_white(GRAY // 2),
        0.002,
    ),
    "PGM of 10 bits": (
        lambda: b"P5 24 16 1020\n" + (GRAY.astype(np.uint16) * 4).astype(">u2").tobytes(),
        over_white(GRAY),
        0.002,
    ),
    "PBM": (lambda: saved(SHOWN, "PPM"), over_white(SHOWN * 255.0), 0.002),
    "PCX": (lambda: saved(COLOR, "PCX"), over_white(COLOR), 0.002),
    "SGI": (lambda: saved(COLOR, "SGI"), over_white(COLOR), 0.002),
    "DDS": (lambda: saved(with_alpha(), "DDS"), over_white(COLOR, SHOWN), 0.002),
    "TIFF": (lambda: saved(COLOR, "TIFF"), over_white(COLOR), 0.002),
    "TIFF, compressed": (
        lambda: saved(COLOR, "TIFF", compression="tiff_lzw"),
        over_white(COLOR),
        0.002,
    ),
    "TIFF of several pages": (
        lambda: saved(COLOR, "TIFF", save_all=True, append_images=[palette()]),
        over_white(COLOR),
        0.002,
    ),
    "TIFF with alpha": (
        lambda: saved(with_alpha(), "TIFF"),
        over_white(COLOR, SHOWN),
        0.002,
    ),
    "TIFF, gray with alpha": (
        lambda: tiff(np.dstack([GRAY, SHOWN * np.uint8(255)]), 1, t338=[2]),
        over_white(GRAY, SHOWN),
        0.002,
    ),
    "TIFF, color multiplied by alpha": (
        lambda: tiff(with_alpha() * SHOWN[..., None], 2, t338=[1]),
        over_white(COLOR, SHOWN),
        0.002,
    ),
    "TIFF, RGB of 16 bits": (
        lambda: tiff(wide(COLOR).astype(np.uint16), 2),
        over_white(COLOR),
        0.002,
    ),
    "TIFF, palette": (lambda: saved(palette(), "TIFF"), over_white(TWO_COLORS), 0.002),
    "TIFF, gray, zero is white": (lambda: tiff(255 - GRAY, 0), over_white(GRAY), 0.002),
    "TIFF of 16 bits": (
        lambda: tiff(GRAY.astype(np.uint16) * 257, 1),
        over_white(GRAY),
        0.002,
    ),
    "TIFF of 16 bits, zero is white": (
        lambda: tiff(65535 - GRAY.astype(np.uint16) * 257, 0),
        over_white(GRAY),
        0.002,
    ),
    "TIFF of 16 bits with a sign": (
        lambda: tiff(GRAY.astype(np.int16) * 128, 1, t339=[2]),
        over_white(GRAY * (128 * 255 / 32767)),
        0.002,
    ),
    "TIFF of 12 bits": (
        lambda: tiff(bits12(GRAY.astype(np.uint16) * 16), 1, t258=[12]),
        over_white(GRAY * (16 * 255 / 4095)),
        0.002,
    ),
    "TIFF of 32 bits": (
        lambda: tiff(GRAY.astype(np.uint32) * 16843009, 1),
        over_white(GRAY),
        0.002,
    ),
    "TIFF of 32 bits, values of 16": (
        lambda: tiff(GRAY.astype(np.uint32) * 257, 1),
        over_white(GRAY),
        0.002,
    ),
    "TIFF of 32 bits, values of 8": (
        lambda: tiff(GRAY.astype(np.int32), 1, t339=[2]),
        over_white(GRAY),
        0.002,
    ),
    "TIFF of floats to 1": (
        lambda: tiff(GRAY.astype(np.float32) / 255, 1, t339=[3]),
        over_white(GRAY),
        0.002,
    ),
    "TIFF of floats to 255": (
        lambda: tiff(GRAY.astype(np.float32), 1, t339=[3]),
        over_white(GRAY),
        0.002,
    ),
    "TIFF in CMYK": (lambda: tiff(_CMYK, 5), over_white(COLOR), 0.002),
    "TIFF in Lab": (
        # Without the strongest colors, which Lab in 8 bits does not hold.
        lambda: saved(lab(PIL.Image.fromarray(COLOR // 4 + 96)), "TIFF"),
        over_white(COLOR // 4 + 96),
        0.04,
    ),
    "TIFF in YCbCr": (
        lambda: saved(COLOR, "TIFF", compression="jpeg", quality=98),
        over_white(COLOR),
        0.05,
    ),
    "JPEG": (lambda: saved(COLOR, "JPEG", quality=98, subsampling=0), over_white(COLOR), 0.03),
    "JPEG, progressive": (
        lambda: saved(COLOR, "JPEG", quality=98, subsampling=0, progressive=True),
        over_white(COLOR),
        0.03,
    ),
    "JPEG in CMYK": (
        lambda: saved(PIL.Image.fromarray(_CMYK, "CMYK"), "JPEG", quality=98),
        over_white(COLOR),
        0.04,
    ),
    "JPEG in gray": (lambda: saved(GRAY, "JPEG", quality=98), over_white(GRAY), 0.03),
    "JPEG of RGB": (
        lambda: saved(COLOR, "JPEG", quality=98, keep_rgb=True),
        over_white(COLOR),
        0.03,
    ),
    "JPEG with a comment and damaged metadata": (
        lambda: saved(
            COLOR, "JPEG", quality=98, subsampling=0, comment="hello", exif=b"Exif\0\0MM\0*nonsense"
        ),
        over_white(COLOR),
        0.03,
    ),
    "JPEG of a phone, two in a file": (
        lambda: saved(
            COLOR,
            "MPO",
            quality=98,
            subsampling=0,
            save_all=True,
            append_images=[palette().convert("RGB")],
        ),
        over_white(COLOR),
        0.03,
    ),
}


def bits12(values: np.ndarray) -> np.ndarray:
    """Packs pairs of 12 bits into three bytes."""
    first, second = values[:, ::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1)
    return packed.astype(np.uint8).reshape(16, -1)


def lab(picture: PIL.Image.Image) -> PIL.Image.Image:
    profiles = (PIL.ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    converted = PIL.ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    assert converted is not None
    return converted


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_seen(name: str):
    make, expected, tolerance = OTHERS[name]
    np.testing.assert_allclose(decoded(make()), expected, atol=tolerance)


@pytest.mark.skipif(not PIL.features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_seen():
    data = saved(with_alpha(), "AVIF", quality=100, subsampling="4:4:4")
    np.testing.assert_allclose(decoded(data), over_white(COLOR, SHOWN), atol=0.03)


@pytest.mark.skipif(not PIL.features.check("jpg_2000"), reason="this Pillow reads no JPEG 2000")
def test_jpeg_2000_is_seen():
    np.testing.assert_allclose(decoded(saved(COLOR, "JPEG2000")), over_white(COLOR), atol=0.002)
    gray = saved(PIL.Image.fromarray(GRAY.astype(np.uint16) * 257), "JPEG2000")
    np.testing.assert_allclose(decoded(gray), over_white(GRAY), atol=0.002)


def exif(turned: int) -> PIL.Image.Exif:
    found = PIL.Image.Exif()
    found[0x0112] = turned
    return found


# What a viewer does to a picture of each orientation, as numpy does it.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda held: held,
    2: lambda held: held[:, ::-1],
    3: lambda held: held[::-1, ::-1],
    4: lambda held: held[::-1],
    5: lambda held: held.transpose(1, 0, 2),
    6: lambda held: held[::-1].transpose(1, 0, 2),
    7: lambda held: held[::-1, ::-1].transpose(1, 0, 2),
    8: lambda held: held.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("turned", UPRIGHT)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_upright(file_format: str, turned: int):
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98, "subsampling": 0}}
    data = saved(COLOR, file_format, exif=exif(turned), **lossless.get(file_format, {}))
    expected = over_white(UPRIGHT[turned](COLOR))
    np.testing.assert_allclose(decoded(data), expected, atol=0.04)
    if file_format == "JPEG":
        assert Image().check_bytes(data).startswith(b"\xff\xd8\xff")
        assert (Image().check_bytes(data) == data) == (turned == 1)


# Of the profile in a file: the primaries of sRGB, with a gamma of 1, so that a level of 0.2 is
# light of 0.2 and shows as 1.055 * 0.2 ** (1 / 2.4) - 0.055 = 0.4845.
def linear_profile() -> bytes:
    data = bytearray(PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        name, start = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8], "big")
        if name in (b"rTRC", b"gTRC", b"bTRC"):  # type curv with no entries is linear
            data[start : start + 12] = b"curv" + bytes(8)
    return bytes(data)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_is_applied(file_format: str):
    options = {"lossless": True} if file_format == "WEBP" else {}
    picture = np.full([16, 16, 3], 51, np.uint8)
    data = saved(picture, file_format, icc_profile=linear_profile(), **options)
    np.testing.assert_allclose(decoded(data), np.full([16, 16, 3], 0.4845), atol=0.02)
    stored = Image().check_bytes(data)
    assert "icc_profile" not in PIL.Image.open(io.BytesIO(stored)).info  # not applied twice
    same = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    if file_format in ("PNG", "JPEG"):
        for harmless in (same, b"no profile at all"):
            data = saved(picture, file_format, icc_profile=harmless)
            assert Image().check_bytes(data) == data


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.float32([0.0, 1e12]), "values from 0 to 1e+12, which are no gray levels"),
        (np.float32([-1.0, 0.5]), "values from -1 to 0.5"),
        (np.float32([np.nan, 0.5]), "values from nan to nan"),
        (np.int32([-5, 900]), "values from -5 to 900"),
    ],
)
def test_numbers_that_are_no_gray_levels_are_rejected(values: np.ndarray, reason: str):
    pixels = np.resize(values, [16, 24])
    data = tiff(pixels, 1, t339=[3 if pixels.dtype == np.float32 else 2])
    with pytest.raises(BrokenValue, match=r"store it with 8 or 16 bits") as caught:
        Image().check_bytes(data)
    assert reason in str(caught.value)


CUT: dict[str, bytes] = {
    "PNG": png(8, 2, COLOR),
    "PNG with a color key": PNGS["RGB, one color transparent"][0],
    "PNG with a damaged comment": PNGS["a comment with a wrong checksum"][0],
    "JPEG": saved(COLOR, "JPEG"),
    "JPEG to be turned": saved(COLOR, "JPEG", exif=exif(6)),
    "JPEG in CMYK": saved(PIL.Image.fromarray(_CMYK, "CMYK"), "JPEG"),
    "GIF": GIFS["plain"][0],
    "transparent GIF": GIFS["transparent"][0],
    "WebP": saved(COLOR, "WEBP"),
    "TIFF": saved(COLOR, "TIFF", compression="tiff_lzw"),
    "BMP": saved(COLOR, "BMP"),
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_off_stays_rejected(name: str):
    for size in (len(CUT[name]) // 2, len(CUT[name]) * 9 // 10):
        with pytest.raises(BrokenValue, match="broken picture"):
            Image().check_bytes(CUT[name][:size])


def test_a_huge_picture_is_rejected_by_its_header():
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    damaged = bomb[:33] + chunk(b"tEXt", b"k\0v", damaged=True) + bomb[33:]
    for data in (bomb, damaged):
        with pytest.raises(BrokenValue, match="50000 x 50000, at most 89,000,000"):
            Image().check_bytes(data)
