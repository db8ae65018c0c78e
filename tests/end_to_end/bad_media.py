"""Pictures and sounds that are invalid, misleading or unusual."""

import dataclasses
import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL.Image
import soundfile


@dataclasses.dataclass(frozen=True)
class File:
    """A media file, and what is to be packed of it.

    Attributes:
        data: its bytes.
        packed: "as is", "png" or "jpeg" for a picture drawn again, or None when it is rejected.
        reason: a regular expression for the reason of the reject.
    """

    data: bytes
    packed: str | None = "as is"
    reason: str | None = None


def _rejected(data: bytes, reason: str) -> File:
    return File(data, None, reason)


def _noise(seed: int = 0, mode: str = "RGB") -> PIL.Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    return PIL.Image.fromarray(pixels).convert(mode)


def _saved(picture: PIL.Image.Image, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=file_format, **options)
    return out.getvalue()


def _block(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png(width: int, height: int, depth: int, colour: int, pixels: bytes) -> bytes:
    """A PNG by hand; `colour` is 0 for grey, 2 for RGB; each row of `pixels` opens with a 0."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    blocks = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_block(*block) for block in blocks)


def _with_wrong_checksum(data: bytes, name: bytes) -> bytes:
    at = data.index(name)
    checksum = at + 4 + struct.unpack_from(">I", data, at - 4)[0]
    return data[:checksum] + bytes([data[checksum] ^ 1]) + data[checksum + 1 :]


def _frames(number: int) -> dict[str, Any]:
    return {"save_all": True, "append_images": [_noise(seed) for seed in range(1, number)]}


def _turned() -> dict[str, Any]:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter
    return {"exif": exif}


def _commented(name: bytes, content: bytes) -> bytes:
    return _PNG[:33] + _block(name, content) + _PNG[33:]


def _transparent_gif() -> bytes:
    return _saved(_noise(mode="L").quantize(4), "GIF", transparency=0)


HUGE = png(50_000, 50_000, 8, 2, bytes(4_000_000))  # 4 KB
_JPEG, _PNG, _GIF = (_saved(_noise(), name) for name in ("JPEG", "PNG", "GIF"))
# A canvas of one pixel, and a frame of 65,535 x 65,535 on it.
_GIF_BOMB = b"GIF89a\1\0\1\0\0\0\0" + b"\x2c\0\0\0\0\xff\xff\xff\xff\0" + b"\2\1\0\0;"

_CUT = r"^broken picture \(cut off\): 'media/"
_CHECKSUM = r"^broken picture \(wrong checksum in its block {}\): 'media/"
PICTURES = {
    "PNG": File(_PNG),
    "JPEG cut in the middle": _rejected(_JPEG[: len(_JPEG) // 2], _CUT),
    "JPEG without its last byte": _rejected(_JPEG[:-1], _CUT),
    "JPEG cut within its header": _rejected(_JPEG[:100], _CUT),
    "JPEG of no bytes": _rejected(b"", r"^the file is empty: 'media/"),
    "progressive JPEG": File(_saved(_noise(), "JPEG", progressive=True)),
    "progressive JPEG, cut": _rejected(_saved(_noise(), "JPEG", progressive=True)[:-300], _CUT),
    "JPEG with an EXIF orientation": File(_saved(_noise(), "JPEG", **_turned()), "jpeg"),
    "JPEG in CMYK": File(_saved(_noise(mode="CMYK"), "JPEG"), "jpeg"),
    "JPEG in CMYK, cut": _rejected(_saved(_noise(mode="CMYK"), "JPEG")[:-300], _CUT),
    "JPEG in grey": File(_saved(_noise(mode="L"), "JPEG")),
    "PNG with a wrong checksum": _rejected(
        _with_wrong_checksum(_PNG, b"IDAT"), _CHECKSUM.format("IDAT")
    ),
    "PNG with a wrong checksum of its header": _rejected(
        _with_wrong_checksum(_PNG, b"IHDR"), _CHECKSUM.format("IHDR")
    ),
    "PNG cut in the middle": _rejected(_PNG[: len(_PNG) // 2], _CUT),
    "PNG without its end": _rejected(_PNG[:-12], _CUT),
    "PNG of too few pixels": _rejected(
        png(32, 24, 8, 2, bytes(97 * 5)), r"^broken picture \(its content does not match its format"
    ),
    "PNG of 50,000 x 50,000 pixels in 4 KB": _rejected(
        HUGE,
        r"^the picture has too many pixels \(50000 x 50000, at most 89,000,000\): 'media/",
    ),
    "PNG in 16-bit grey": File(png(1, 2, 16, 0, b"\0\1\2\0\3\4")),
    "PNG in 16-bit colour": File(png(1, 1, 16, 2, b"\0\1\2\3\4\5\6")),
    "PNG with a wrong checksum of a comment": File(
        _with_wrong_checksum(_commented(b"tEXt", b"k\0hello"), b"tEXt"), "png"
    ),
    "PNG with a comment that unpacks to 2 MB": File(
        _commented(b"zTXt", b"k\0\0" + zlib.compress(bytes(2 << 20))), "png"
    ),
    "GIF with a transparent ground": File(_transparent_gif(), "png"),
    "a web page named .jpg": _rejected(
        b"<!DOCTYPE html><html><body>404</body></html>",
        r"^the file is a web page, not a picture: 'media/",
    ),
    "HEIC, which is not read": _rejected(
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        r"^the file is HEIC, which is not read; JPEG, PNG",
    ),
    "animated PNG": File(_saved(_noise(), "PNG", **_frames(3))),
    "GIF of 100 frames": File(_saved(_noise(), "GIF", **_frames(100))),
    "GIF of 100 frames, cut": _rejected(_saved(_noise(), "GIF", **_frames(100))[:-5000], _CUT),
    "GIF with a frame of 65,535 x 65,535 pixels": _rejected(
        _GIF_BOMB, r"^the picture has too many pixels \(at most 89,000,000\): 'media/"
    ),
    "WebP": File(_saved(_noise(), "WEBP", lossless=True), "png"),
    "animated WebP": File(_saved(_noise(), "WEBP", lossless=True, **_frames(3)), "png"),
    "WebP, cut": _rejected(_saved(_noise(), "WEBP")[:100], _CUT),
    "BMP": File(_saved(_noise(), "BMP"), "png"),
    "BMP, cut": _rejected(_saved(_noise(), "BMP")[:-500], _CUT),
    "a text named .jpg": _rejected(
        b"This is only text.\n" * 20, r"^the file is a text, not a picture: 'media/"
    ),
    "EPS, which Pillow would give to Ghostscript": _rejected(
        _saved(_noise(), "EPS"), r"^the file is EPS \(PostScript\), which is not read; JPEG, PNG"
    ),
    "a sound named .png": _rejected(
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), r"^the file is WAV \(a sound\), not a picture"
    ),
}


def _sound(file_format: str = "WAV", subtype: str | None = None, **more: Any) -> bytes:
    out = io.BytesIO()
    samples = more.get("samples", 0.5 * np.sin(np.arange(4000) / 5.0))
    rate = more.get("rate", 16_000)
    soundfile.write(out, samples, rate, subtype, format=file_format)
    return out.getvalue()


def _patched(data: bytes, at: int, layout: str, value: int) -> bytes:
    return data[:at] + struct.pack(layout, value) + data[at + struct.calcsize(layout) :]


def _lying_flac() -> bytes:
    # The number of samples takes 36 bits, from the middle of byte 21 on.
    data = _sound("FLAC")
    return data[:21] + bytes([data[21] | 15]) + b"\xff\xff\xff\xff" + data[26:]


def _lying_mp3() -> bytes:
    data = _sound("MP3")
    at = max(data.find(name) for name in (b"Xing", b"Info")) + 8
    return data[:at] + struct.pack(">I", 9_999_999) + data[at + 4 :]


_WAV, _OGG = _sound(), _sound("OGG")
_DATA_SIZE = _WAV.index(b"data") + 4
_NO_SOUND = r"^not a sound that can be decoded: .*: 'media/"
SOUNDS = {
    "WAV": File(_WAV),
    "WAV whose header says more than there is": _rejected(
        _patched(_WAV, _DATA_SIZE, "<I", 1_000_000),
        r"^sound cut off: 8000 of 1000000 bytes are present: 'media/",
    ),
    "WAV whose header says less than there is": File(_patched(_WAV, _DATA_SIZE, "<I", 4000)),
    "WAV of unknown length, from a pipe": File(_patched(_WAV, _DATA_SIZE, "<I", 0xFFFFFFFF)),
    "WAV with a wrong RIFF size": File(_patched(_WAV, 4, "<I", 10**9)),
    "WAV whose blocks are of no bytes": File(_patched(_WAV, 32, "<H", 0)),
    "WAV in 0 channels": _rejected(_patched(_WAV, 22, "<H", 0), _NO_SOUND),
    "WAV of 8 channels, 96 kHz, float": File(
        _sound("WAV", "FLOAT", samples=np.full((960, 8), 0.25), rate=96_000)
    ),
    "WAV with samples that are NaN": _rejected(
        _sound("WAV", "FLOAT", samples=np.array([0.0, np.nan])), r"samples that are not finite"
    ),
    "WAV of 0 samples": _rejected(_sound(samples=np.zeros((0, 1))), r"has no samples: 'media/"),
    "WAV cut off": _rejected(_WAV[:-1000], r"^sound cut off: 7000 of 8000 bytes are present"),
    "Ogg Vorbis": File(_OGG),
    "Ogg Vorbis, cut": _rejected(_OGG[:-500], r"^sound cut off: the Ogg stream does not end: "),
    "MP3": File(_sound("MP3")),
    "MP3 behind garbage": File(b"garbage " * 100 + _sound("MP3")),
    "MP3 cut in the middle, as a clip": File(_sound("MP3")[: len(_sound("MP3")) // 2]),
    "MP3 whose header says 9,999,999 frames": File(_lying_mp3()),
    "WAV of length 0, from a pipe": File(_patched(_WAV, _DATA_SIZE, "<I", 0)),
    "AIFF, cut": _rejected(_sound("AIFF")[:-1000], r"^sound cut off: 70"),
    "MP3 behind an ID3 tag": File(b"ID3\4\0\0\0\0\7\x76" + bytes(1014) + _sound("MP3")),
    "FLAC whose header says 68,719,476,735 samples": _rejected(
        _lying_flac(), r"^sound cut off: 4000 of 68719476735 samples are present: 'media/"
    ),
    "FLAC, cut": _rejected(_sound("FLAC")[:-1000], _NO_SOUND),
    "a picture named .wav": _rejected(
        _PNG, r"^the file is PNG \(a picture\), not a sound: 'media/"
    ),
    "a text named .wav": _rejected(
        b"This is only text.\n" * 20, r"^the file is a text, not a sound: 'media/"
    ),
    "a sound of no bytes": _rejected(b"", r"^the file is empty: 'media/"),
}
