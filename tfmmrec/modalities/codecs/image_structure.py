"""The blocks of PNG, JPEG and GIF files: what they say of the pixels, and which hold none."""

import dataclasses
import io
import struct
import zlib
from collections.abc import Iterator

import PIL.PngImagePlugin

from tfmmrec.errors import BrokenValue

# Pillow refuses what unpacks to more.
_MAX_METADATA = 1 << 20
_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_GRAY, _RGB, _GRAY_ALPHA = 0, 2, 4


@dataclasses.dataclass(frozen=True)
class Png:
    """A PNG file and what its chunks say.

    Attributes:
        data: the file; without its metadata if Pillow would refuse the file for them.
        size: width and height in pixels.
        exif: the EXIF data, b"" for none.
        profile: the ICC profile, b"" for none.
        gray: whether the pixels are gray, with or without transparency.
        color_key: whether a gray level or a color stands for transparent pixels, which TensorFlow
            reads only if it is asked for four channels.
    """

    data: bytes
    size: tuple[int, int]
    exif: bytes
    profile: bytes
    gray: bool
    color_key: bool


def read_png(data: bytes) -> Png:
    """Reads the chunks of a PNG file.

    Metadata with a wrong checksum, or of more than 1 MB once unpacked, and what else Pillow does
    not accept, is left out with all other metadata: the pixels do not depend on it.

    Raises:
        BrokenValue: the file is cut off.
    """
    chunks = list(_png_chunks(data))
    pixels: dict[bytes, bytes] = {}
    metadata: dict[bytes, bytes] = {}
    intact = True
    for name, start, end in chunks:
        if name in _PNG_PIXELS:
            intact = intact and (name != b"tRNS" or _has_checksum(data, start, end))
            pixels.setdefault(name, data[start + 8 : min(end - 4, start + 24)])
        else:
            content = _metadata(data, start, end)
            intact = intact and content is not None
            metadata.setdefault(name, content or b"")
    if not intact or not _opens(data):
        kept = [
            data[start:end]
            for name, start, end in chunks
            if name in _PNG_PIXELS and (name != b"tRNS" or _has_checksum(data, start, end))
        ]
        data = data[:8] + b"".join(kept)
    header = pixels.get(b"IHDR", b"").ljust(10, b"\0")
    width, height, _, color_type = struct.unpack_from(">IIBB", header)
    return Png(
        data,
        (width, height),
        exif=metadata.get(b"eXIf", b""),
        profile=metadata.get(b"iCCP", b""),
        gray=color_type in (_GRAY, _GRAY_ALPHA),
        color_key=b"tRNS" in pixels and color_type in (_GRAY, _RGB),
    )


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields name, start and end of each chunk up to IEND."""
    at, name = 8, b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise BrokenValue("broken picture (cut off)")
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data):
            raise BrokenValue("broken picture (cut off)")
        yield name, at, end
        at = end


def _has_checksum(data: bytes, start: int, end: int) -> bool:
    stored = struct.unpack_from(">I", data, end - 4)[0]
    return zlib.crc32(memoryview(data)[start + 4 : end - 4]) == stored


def _metadata(data: bytes, start: int, end: int) -> bytes | None:
    """Returns the content of a chunk without pixels; None if damaged or above 1 MB unpacked."""
    name, content = data[start + 4 : start + 8], data[start + 8 : end - 4]
    # fdAT holds the later frames of an animation.
    if (name != b"fdAT" and len(content) > _MAX_METADATA) or not _has_checksum(data, start, end):
        return None
    if name in (b"iCCP", b"zTXt"):  # keyword, 0, method
        packed = content.partition(b"\0")[2][1:]
    elif name == b"iTXt":  # keyword, 0, whether packed, method, language, 0, keyword, 0
        text = content.partition(b"\0")[2]
        packed = text[2:].split(b"\0", 2)[-1] if text[:1] == b"\1" else b""
    else:
        return content
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(packed, _MAX_METADATA)
    except zlib.error:
        return b""  # Pillow passes over it
    return None if unpacking.unconsumed_tail else unpacked


def _opens(data: bytes) -> bool:
    try:
        PIL.PngImagePlugin.PngImageFile(io.BytesIO(data)).close()
    except Exception:  # such as SyntaxError by the frames of an animation
        return False
    return True


def without_jpeg_metadata(data: bytes) -> bytes:
    """Returns a JPEG file without comments, EXIF, profiles and further application data."""
    kept, at = [data[:2]], 2
    for marker, start, end in _jpeg_segments(data):
        # APP0 (JFIF) and APP14 (Adobe) say which color space the pixels are in.
        if not (0xE1 <= marker <= 0xEF and marker != 0xEE) and marker != 0xFE:
            kept.append(data[start:end])
        at = end
    return b"".join(kept) + data[at:]


def jpeg_coding(data: bytes) -> int:
    """Returns the marker of a JPEG's frame: 0xC0 baseline to 0xCF; 0 if there is none."""
    for marker, _, _ in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
    return 0


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yields marker, start and end of the segments ahead of the first scan."""
    at = 2
    while (start := data.find(b"\xff", at)) >= 0 and start + 4 <= len(data):
        marker = data[start + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # no segment follows
            at = start + 1
            continue
        if marker in (0xDA, 0xD9):
            return
        at = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        yield marker, start, at


@dataclasses.dataclass(frozen=True)
class Gif:
    """What the blocks of a GIF file say.

    Attributes:
        num_pixels: of the canvas and all frames; TensorFlow decodes every frame to return one.
        opaque: whether the first frame covers the canvas, has colors and no transparency, so that
            TensorFlow, which knows neither transparency nor positions, shows it as it is.
        box: left, top, right and bottom of the first frame.
    """

    num_pixels: int
    opaque: bool
    box: tuple[int, int, int, int]


def read_gif(data: bytes) -> Gif:
    """Reads the blocks of a GIF file.

    Raises:
        BrokenValue: the file is cut off, or has no frame.
    """
    canvas, palette, frames, transparent = (0, 0), False, [], False
    try:
        width, height, packed = struct.unpack_from("<HHB", data, 6)
        canvas, palette = (width, height), packed & 0x80 > 0
        at = 13 + _palette_bytes(packed)
        while (block := data[at]) != 0x3B:
            if block == 0x2C:
                frames.append(struct.unpack_from("<HHHHB", data, at + 1))
                at = _after_blocks(data, at + 11 + _palette_bytes(frames[-1][-1]))
            elif block == 0x21:
                if data[at + 1] == 0xF9 and not frames:  # graphic control
                    transparent = data[at + 3] & 1 > 0
                at = _after_blocks(data, at + 2)
            else:
                raise BrokenValue("broken picture (its content does not match its format)")
    except (IndexError, struct.error):
        raise BrokenValue("broken picture (cut off)") from None
    if not frames:
        raise BrokenValue("broken picture (it has no frame)")
    left, top, width, height, packed = frames[0]
    box = (left, top, left + width, top + height)
    opaque = box == (0, 0, *canvas) and not transparent and (palette or packed & 0x80 > 0)
    return Gif(canvas[0] * canvas[1] + sum(frame[2] * frame[3] for frame in frames), opaque, box)


def _palette_bytes(packed: int) -> int:
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def why_broken(data: bytes) -> str:
    """Returns why a picture cannot be decoded, as far as its blocks show."""
    if data.startswith(b"RIFF"):
        cut = len(data) < 8 + int.from_bytes(data[4:8], "little")
        return "cut off" if cut else "its content does not match its format"
    if data.startswith(b"\x89PNG"):
        return _why_png(data)
    end = b"\xff\xd9" if data.startswith(b"\xff\xd8") else b"\x3b"
    return (
        "its content does not match its format" if data.rstrip(b"\0").endswith(end) else "cut off"
    )


def _why_png(data: bytes) -> str:
    try:
        for name, start, end in _png_chunks(data):
            if not _has_checksum(data, start, end):
                return f"wrong checksum in its block {name.decode('latin-1')}"
    except BrokenValue:
        return "cut off"
    return "its content does not match its format"
