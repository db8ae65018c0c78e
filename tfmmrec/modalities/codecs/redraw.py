"""Draws a picture as a person sees it, for the files that TensorFlow's decoder reads otherwise.

Upright, in sRGB, one gray level or color for each of 8 bits (gray: 16), with transparency.
"""

import functools
import io
import struct

import numpy as np
import PIL.Image
import PIL.ImageCms

from tfmmrec.errors import BrokenValue

_ORIENTATION = 0x0112
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
# Of 255, on which a profile may leave a color unconverted.
_SAME_COLOR = 5
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_FORMAT = 258, 262, 339


def redraw(picture: PIL.Image.Image, *, exif: bytes = b"", profile: bytes = b"") -> bytes:
    """Returns a loaded picture as it is seen: a JPEG if it was a JPEG, else a PNG.

    A JPEG is stored with quality 95 and full chroma: without loss it would be several times larger.

    Raises:
        BrokenValue: its numbers cannot be shown as gray levels.
    """
    file_format = picture.format
    seen = _to_srgb(_gray_or_color(picture), profile)
    turned = orientation(exif)
    if turned != 1:
        seen = seen.transpose(_TURNS[turned])
    seen.info = {}  # Pillow would store the profile again
    out = io.BytesIO()
    if file_format in ("JPEG", "MPO"):
        seen.save(out, format="JPEG", quality=95, subsampling=0)
    else:
        seen.save(out, format="PNG")
    return out.getvalue()


def orientation(exif: bytes) -> int:
    """Returns the orientation in EXIF data, 1 (upright) to 8; 1 if it cannot be read."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, _, turned = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == _ORIENTATION and kind == 4:  # 32 bits, where 16 are the rule
                (turned,) = struct.unpack_from(f"{order}I", exif, entry + 8)
            if tag == _ORIENTATION:
                return turned if turned in _TURNS else 1
    except struct.error:
        pass
    return 1


def _gray_or_color(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Converts a picture to the mode L, I;16, RGB or RGBA; CMYK stays."""
    mode = picture.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _scaled_gray(picture)
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if mode in ("1", "L", "CMYK"):
        return picture.convert("L") if mode == "1" else picture
    return picture.convert("RGB")


def _scaled_gray(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Scales integers and floats to gray levels of 16 bits.

    Of 16 bits and fewer, white is the highest number that they hold. Of 32 bits it is the first
    of 2^8 - 1, 2^16 - 1 and 2^32 - 1 that no pixel exceeds; of floats, 1 comes before these.
    """
    tags = getattr(picture, "tag_v2", {})
    bits, form = tags.get(_TIFF_BITS, (16,))[0], tags.get(_TIFF_FORMAT, (1,))[0]
    values = np.asarray(picture)
    if picture.mode == "I" and bits == 32 and form == 1:
        values = values.view(np.uint32)
    if bits <= 16:  # Pillow scales those of PPM
        whites = [2 ** (bits - (form == 2)) - 1]
    else:
        whites = [1] * (picture.mode == "F") + [2**8 - 1, 2**16 - 1, 2**32 - 1]
    lowest, highest = float(values.min()), float(values.max())
    white = next((white for white in whites if highest <= white), 0)
    if not (lowest >= 0.0 and white):  # also of NaN
        raise BrokenValue(
            f"the picture has values from {lowest:g} to {highest:g}, which are no gray levels; "
            "store it with 8 or 16 bits"
        )
    gray = np.round(values.astype(np.float32) * np.float32(65535 / white)).astype(np.uint16)
    if tags.get(_TIFF_PHOTOMETRIC) == 0:  # white is zero; Pillow inverts only 8 bits
        gray = 65535 - gray
    return PIL.Image.fromarray(gray)


def _to_srgb(picture: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    mode = "RGB" if picture.mode == "RGBA" else "L" if picture.mode == "I;16" else picture.mode
    if not changes_colors(profile, mode):
        return picture.convert("RGB") if mode == "CMYK" else picture
    if picture.mode == "I;16":
        picture = PIL.Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    converted = _convert(picture.convert(mode), profile)
    if picture.mode == "RGBA":
        converted.putalpha(picture.getchannel("A"))
    return converted


def _convert(picture: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    source = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = PIL.ImageCms.createProfile("sRGB")
    found = PIL.ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    assert found is not None  # it is None only where the picture is changed in place
    return found


@functools.lru_cache(maxsize=64)
def changes_colors(profile: bytes, mode: str) -> bool:
    """Returns whether an ICC profile gives the colors of a mode another look than sRGB.

    A profile that cannot be read, or is one of another color space, is passed over.
    """
    if not profile:
        return False
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    grid = np.stack(np.meshgrid(*[levels] * channels, indexing="ij"), axis=-1)
    grid = grid.reshape(9, -1, channels)
    picture = PIL.Image.fromarray(grid[..., 0] if channels == 1 else grid, mode)
    try:
        converted = np.asarray(_convert(picture, profile))
    except (PIL.ImageCms.PyCMSError, OSError, ValueError):
        return False
    plain = np.asarray(picture.convert("RGB"))
    return bool(np.abs(converted.astype(int) - plain).max() > _SAME_COLOR)
