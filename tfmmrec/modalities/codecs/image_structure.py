"""The block structure of picture files: pixel counts, and why a file cannot be decoded."""

import struct
import zlib

from tfmmrec.errors import BrokenValue


def gif_pixels(data: bytes) -> int:
    """Counts the pixels of the canvas and all frames of a GIF from their headers.

    A decoder may decode every frame at once, even if it returns only one.

    Raises:
        BrokenValue: the file ends within a block.
    """
    try:
        width, height, packed = struct.unpack_from("<HHB", data, 6)
        pixels = width * height
        at = 13 + _palette_bytes(packed)
        while at < len(data) and data[at] in (0x21, 0x2C):
            if data[at] == 0x2C:
                width, height, packed = struct.unpack_from("<HHB", data, at + 5)
                pixels += width * height
                at = _after_blocks(data, at + 11 + _palette_bytes(packed))
            else:
                at = _after_blocks(data, at + 2)
    except (IndexError, struct.error):
        raise BrokenValue("broken picture (cut off)") from None
    if at > len(data):
        raise BrokenValue("broken picture (cut off)")
    return pixels


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
    at, name = 8, b""
    while name != b"IEND":
        if at + 12 > len(data):
            return "cut off"
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + size
        if end + 4 > len(data):
            return "cut off"
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return f"wrong checksum in its block {name.decode('latin-1')}"
        at = end + 4
    return "its content does not match its format"
