"""Images: PNG, JPEG and GIF keep their bytes if TensorFlow shows what a person sees."""

import dataclasses
import io
from typing import ClassVar

import numpy as np
import PIL.GifImagePlugin
import PIL.Image
import PIL.JpegImagePlugin
import tensorflow as tf

from tfmmrec.errors import BrokenValue, one_line
from tfmmrec.modalities.base import MODALITIES, SearchOption
from tfmmrec.modalities.codecs.file_kinds import why_not
from tfmmrec.modalities.codecs.image_structure import (
    jpeg_coding,
    read_gif,
    read_png,
    why_broken,
    without_jpeg_metadata,
)
from tfmmrec.modalities.codecs.redraw import changes_colors, orientation, redraw
from tfmmrec.modalities.media_file import Media

# The formats that TensorFlow's core decoder reads. It reads some BMP files too, but takes palettes
# for gray and unused bytes for transparency, and fails on black and white.
_PNG, _JPEG, _GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"

# Left out is what needs a program (EPS), what is no catalog's picture (FITS), what its first bytes
# do not tell (TGA), and PSD, whose merged picture is blank unless Photoshop was told to store it.
_OTHER_FORMATS = (
    *("AVIF", "BMP", "CUR", "DDS", "ICNS", "ICO", "JPEG2000"),
    *("PCX", "PPM", "QOI", "SGI", "TIFF", "WEBP"),
)
_READ = "JPEG, PNG, GIF, WebP, BMP, TIFF and ICO"

# 1 GB as float32 in three channels.
_MAX_PIXELS = 89_000_000
# Baseline, extended and progressive JPEG.
_TF_CODINGS = (0xC0, 0xC1, 0xC2)


@MODALITIES.register("image")
@dataclasses.dataclass(frozen=True)
class Image(Media):
    """A picture as a person sees it: upright, in sRGB, the first frame of an animation.

    A PNG, JPEG or GIF that the decoder of training and serving shows so keeps its bytes; others
    are drawn again when packed. The header is read first, so that a small file that claims a huge
    picture is rejected at no cost; then the whole file is decoded. Both release the interpreter
    lock for most of their time.
    """

    display: ClassVar[str] = "picture"
    can_be_multi_valued: ClassVar[bool] = True
    search_option: ClassVar[SearchOption | None] = SearchOption("a picture file", is_file=True)

    def check_bytes(self, data: bytes) -> bytes:
        try:
            if data.startswith(_PNG):
                return _checked_png(data)
            if data.startswith(_JPEG):
                return _checked_jpeg(data)
            if data.startswith(_GIF):
                return _checked_gif(data)
            return _checked_other(data)
        except BrokenValue:
            raise
        except PIL.UnidentifiedImageError:
            raise BrokenValue(why_not(data, "picture", _READ)) from None
        except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
            raise BrokenValue(
                f"the picture has too many pixels (at most {_MAX_PIXELS:,})"
            ) from None
        except Exception as error:  # Pillow's readers stumble over broken files in many ways
            raise BrokenValue(f"broken picture ({_reason(data, error)})") from None


def _checked_png(data: bytes) -> bytes:
    png = read_png(data)
    _refuse_too_many_pixels(png.size)
    changed = changes_colors(png.profile, "L" if png.gray else "RGB")
    if not (png.color_key or changed or orientation(png.exif) != 1):
        _refuse_unreadable(png.data)
        return png.data
    # Pillow and TensorFlow in 8 bits would compare half of a 16-bit pixel with the color key.
    channels = 4 if png.color_key else 0
    deep = tf.io.decode_png(png.data, channels=channels, dtype=tf.uint16).numpy()
    pixels = ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)
    picture = PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return redraw(picture, exif=png.exif, profile=png.profile if changed else b"")


def _checked_jpeg(data: bytes) -> bytes:
    try:
        picture = PIL.JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except Exception:
        data = without_jpeg_metadata(data)
        picture = PIL.JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    with picture:
        _refuse_too_many_pixels(picture.size)
        exif, profile = (picture.info.get(name) or b"" for name in ("exif", "icc_profile"))
        if jpeg_coding(data) in _TF_CODINGS:
            _refuse_unreadable(data)
            if (
                picture.mode != "CMYK"
                and orientation(exif) == 1
                and not changes_colors(profile, picture.mode)
            ):
                return data
        picture.load()
        return redraw(picture, exif=exif, profile=profile)


def _checked_gif(data: bytes) -> bytes:
    gif = read_gif(data)
    with PIL.GifImagePlugin.GifImageFile(io.BytesIO(data)) as picture:
        _refuse_too_many_pixels(picture.size)
        if gif.opaque and gif.num_pixels <= _MAX_PIXELS:
            _refuse_unreadable(data)
            return data
        picture.load()
        colors = picture.convert("RGBA")
    shown = PIL.Image.new("RGBA", colors.size, (255, 255, 255, 0))
    shown.paste(colors.crop(gif.box), gif.box)  # nothing is seen where there is no frame
    return redraw(shown)


def _checked_other(data: bytes) -> bytes:
    PIL.Image.init()
    known = [name for name in _OTHER_FORMATS if name in PIL.Image.OPEN]
    with PIL.Image.open(io.BytesIO(data), formats=known) as picture:
        _refuse_too_many_pixels(picture.size)
        picture.load()
        exif, profile = (picture.info.get(name) or b"" for name in ("exif", "icc_profile"))
        return redraw(picture, exif=exif, profile=profile)


def _refuse_too_many_pixels(size: tuple[int, int]) -> None:
    if size[0] * size[1] > _MAX_PIXELS:
        raise BrokenValue(
            f"the picture has too many pixels ({size[0]} x {size[1]}, at most {_MAX_PIXELS:,})"
        )


def _reason(data: bytes, error: Exception) -> str:
    reason = one_line(error)
    if "truncated" in reason.lower():
        return "cut off"
    return why_broken(data) if data.startswith((b"RIFF", _PNG, _JPEG, _GIF)) else reason


def _refuse_unreadable(data: bytes) -> None:
    # Pillow forgives cut ends and wrong checksums; the decoder would stop a whole training at them.
    try:
        if data.startswith(_JPEG):
            # At an eighth of its size a JPEG is read to the end and fails just where it would in
            # full, but most of the arithmetic is left out.
            tf.raw_ops.DecodeJpeg(contents=data, ratio=8, dct_method="INTEGER_FAST")
        else:
            tf.io.decode_image(data, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        raise BrokenValue(f"broken picture ({why_broken(data)})") from None


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
