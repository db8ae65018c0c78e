"""Images: PNG, JPEG and GIF stored unchanged; BMP, WebP and others that Pillow reads, as PNG."""

import dataclasses
import io
from typing import Any, ClassVar

import PIL.GifImagePlugin
import PIL.Image
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import tensorflow as tf

from tfmmrec.errors import BrokenValue, one_line
from tfmmrec.modalities.base import MODALITIES, SearchOption
from tfmmrec.modalities.codecs.image_structure import gif_pixels, why_broken
from tfmmrec.modalities.media_file import Media
from tfmmrec.modalities.preprocessing.image import note_orientation, orientation

# The formats that TensorFlow's core decoder reads, by their first bytes, and the pixel modes. It
# reads some BMP files, but takes palettes for gray and unused bytes for transparency, and fails on
# black and white.
_CORE_FORMATS: dict[bytes, Any] = {
    b"\x89PNG\r\n\x1a\n": PIL.PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": PIL.JpegImagePlugin.JpegImageFile,
    b"GIF8": PIL.GifImagePlugin.GifImageFile,
}
_CORE_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"}

# Pillow would also read EPS, by running Ghostscript.
_OTHER_FORMATS = ("AVIF", "BMP", "ICO", "JPEG2000", "PPM", "TIFF", "WEBP")

# Of all frames together: 1 GB as float32 in three channels.
_MAX_PIXELS = 89_000_000


@MODALITIES.register("image")
@dataclasses.dataclass(frozen=True)
class Image(Media):
    """A picture: the bytes of the file, checked by its header and by decoding them once.

    Pillow reads the header first, so that a small file that claims a huge picture is rejected at
    no cost. Then the decoder of training and serving reads the whole file. Both release the
    interpreter lock for most of their time.
    """

    display: ClassVar[str] = "picture"
    can_be_multi_valued: ClassVar[bool] = True
    search_option: ClassVar[SearchOption | None] = SearchOption("a picture file", is_file=True)

    def check_bytes(self, data: bytes) -> bytes:
        try:
            if data.startswith(b"GIF8"):
                pixels = gif_pixels(data)
                _refuse_too_many_pixels(pixels, f"{pixels:,} in all frames")
            with _open(data) as picture:
                width, height = picture.size
                _refuse_too_many_pixels(width * height, f"{width} x {height}")
                if type(picture) not in _CORE_FORMATS.values() or picture.mode not in _CORE_MODES:
                    picture.load()
                    return _as_png(picture)
        except BrokenValue:
            raise
        except PIL.UnidentifiedImageError:
            raise BrokenValue("not a picture that can be decoded") from None
        except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
            raise BrokenValue(
                f"the picture has too many pixels (at most {_MAX_PIXELS:,})"
            ) from None
        except Exception as error:  # Pillow's readers stumble over broken files in many ways
            raise BrokenValue(f"broken picture ({_reason(data, error)})") from None
        _refuse_unreadable(data)
        return data


def _open(data: bytes) -> PIL.Image.Image:
    """Opens a picture by its header alone, whatever the file is called."""
    for start, reader in _CORE_FORMATS.items():
        if data.startswith(start):
            return reader(io.BytesIO(data))
    PIL.Image.init()
    known = [name for name in _OTHER_FORMATS if name in PIL.Image.OPEN]
    return PIL.Image.open(io.BytesIO(data), formats=known)


def _refuse_too_many_pixels(pixels: int, what: str) -> None:
    if pixels > _MAX_PIXELS:
        raise BrokenValue(f"the picture has too many pixels ({what}, at most {_MAX_PIXELS:,})")


def _reason(data: bytes, error: Exception) -> str:
    reason = one_line(error)
    if "truncated" in reason.lower():
        return "cut off"
    return why_broken(data) if data.startswith((b"RIFF", *_CORE_FORMATS)) else reason


def _refuse_unreadable(data: bytes) -> None:
    # Pillow forgives cut ends and wrong checksums; the decoder would stop a whole training at them.
    try:
        if data.startswith(b"\xff\xd8"):
            # At an eighth of its size a JPEG is read to the end and fails just where it would in
            # full, but most of the arithmetic is left out.
            tf.raw_ops.DecodeJpeg(contents=data, ratio=8, dct_method="INTEGER_FAST")
        else:
            tf.io.decode_image(data, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        raise BrokenValue(f"broken picture ({why_broken(data)})") from None


def _as_png(picture: PIL.Image.Image) -> bytes:
    """Re-encodes without loss what TensorFlow's core decoder does not read (BMP, WebP, CMYK)."""
    if picture.mode.startswith("I;16"):  # 16 bits would be cut off, not scaled, on the way to RGB
        return _save_png(picture.convert("I;16"))
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    return _save_png(picture.convert("RGBA" if has_alpha else "RGB"))


def _save_png(picture: PIL.Image.Image) -> bytes:
    out = io.BytesIO()
    # How the camera was held is not in the pixels; the step that turns a picture reads it.
    picture.save(out, format="PNG", **note_orientation(orientation(picture)))
    return out.getvalue()


def decode_picture(data: tf.Tensor) -> tf.Tensor:
    """Decodes one picture in the graph, by core ops alone; transparency is laid over white.

    Args:
        data: the file's bytes, a string scalar.

    Returns:
        float32 `[height, width, 3]` in [0, 1]; of an animation, the first frame.
    """
    pixels = tf.io.decode_image(data, channels=0, dtype=tf.float32, expand_animations=False)
    channels = tf.shape(pixels)[-1]
    color = tf.gather(pixels, tf.where(channels < 3, [0, 0, 0], [0, 1, 2]), axis=-1)
    # Two and four channels end in alpha; the others are opaque.
    alpha = tf.cond(
        channels % 2 == 0, lambda: pixels[..., -1:], lambda: tf.ones_like(pixels[..., :1])
    )
    picture = color * alpha + (1.0 - alpha)
    picture.set_shape([None, None, 3])
    return picture
