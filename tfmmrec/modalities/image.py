"""Pictures: PNG, JPEG and GIF as they are; any other format that Pillow reads, as PNG."""

import dataclasses
import io
import warnings
from typing import ClassVar

import PIL.Image
import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import register
from tfmmrec.modalities.media import Media
from tfmmrec.preprocessing.image import note_orientation, orientation

# What TensorFlow's core decoder reads, by Pillow's names of formats and pixel modes. Of BMP it
# reads some, but takes palettes for grey and unused bytes for transparency, and fails on black
# and white.
_CORE_FORMATS = {"PNG", "JPEG", "GIF"}
_CORE_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"}


@register
@dataclasses.dataclass(frozen=True)
class Image(Media):
    """A picture: the file's own bytes, checked by decoding them once."""

    kind: ClassVar[str] = "image"

    def check_bytes(self, data: bytes) -> bytes:
        try:
            with warnings.catch_warnings():
                # A picture past Pillow's limit on pixels is refused, not only warned of.
                warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
                with PIL.Image.open(io.BytesIO(data)) as picture:
                    picture.load()
                    if picture.format in _CORE_FORMATS and picture.mode in _CORE_MODES:
                        _refuse_unreadable(data)
                        return data
                    return _as_png(picture)
        except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
            raise BrokenValue("the picture has too many pixels") from None
        except PIL.UnidentifiedImageError:
            raise BrokenValue("not a picture that can be decoded") from None
        except (OSError, SyntaxError, ValueError) as error:
            raise BrokenValue(f"broken picture: {error}") from None


def _refuse_unreadable(data: bytes) -> None:
    # Pillow forgives cut ends and wrong checksums; the decoder would stop a whole training at them.
    try:
        tf.io.decode_image(data, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        raise BrokenValue("broken picture: cut off or with a wrong checksum") from None


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
    colour = tf.gather(pixels, tf.where(channels < 3, [0, 0, 0], [0, 1, 2]), axis=-1)
    # Two and four channels end in alpha; the others are opaque.
    alpha = tf.cond(
        channels % 2 == 0, lambda: pixels[..., -1:], lambda: tf.ones_like(pixels[..., :1])
    )
    picture = colour * alpha + (1.0 - alpha)
    picture.set_shape([None, None, 3])
    return picture
