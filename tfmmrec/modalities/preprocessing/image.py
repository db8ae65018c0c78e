"""Steps on pictures: downscaling, denoising.

A JPEG that a step changes is stored as a JPEG of quality 95 without chroma subsampling (a PNG of a
photograph would be several times larger, to keep details that the resizing of the encoder loses).
Other pictures are stored as PNG. Only the first frame of an animation is kept, as in decoding. A
picture that needs no change keeps its bytes.
"""

import contextlib
import dataclasses
import io
import struct
import warnings
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import PIL.Image

from tfmmrec.config.checks import check_above, check_count
from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.preprocessing.base import STEPS, Step
from tfmmrec.modalities.preprocessing.requirements import need


@STEPS.register("limit_size")
@dataclasses.dataclass(frozen=True)
class LimitSize(Step):
    """Scales a large picture down with a Lanczos filter; small pictures are not changed.

    Attributes:
        pixels: the maximum length of the longer side (default 512).
    """

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    pixels: int = 512

    def __post_init__(self) -> None:
        check_count("pixels", self.pixels, 1)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        with _opened(value) as picture:
            scale = self.pixels / max(picture.size)
            if scale >= 1.0:
                return value, {}
            width, height = (max(1, round(scale * side)) for side in picture.size)
            smaller = _plain(picture).resize((width, height), PIL.Image.Resampling.LANCZOS)
            return _encoded(smaller, picture.format), {}


@STEPS.register("denoise")
@dataclasses.dataclass(frozen=True)
class Denoise(Step):
    """Removes noise with OpenCV; transparent pixels are blended with white, as in decoding.

    The median takes single wrong pixels away; the bilateral filter averages neighbours of like
    color, which keeps edges (Tomasi and Manduchi 1998).

    Attributes:
        method: `median` (default) or `bilateral`.
        size: the width of the neighborhood in pixels, odd, from 3 to 31 (default 3).
        sigma_color: for `bilateral`, the maximum distance of averaged colors, of 255 (default
            50).
    """

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    method: str = "median"
    size: int = 3
    sigma_color: float = 50.0

    def __post_init__(self) -> None:
        if self.method not in ("median", "bilateral"):
            raise ValueError(f"method must be median or bilateral. Received: {self.method!r}")
        check_count("size", self.size, 3, 31)
        if self.size % 2 == 0:
            raise ValueError(f"size must be odd. Received: {self.size!r}")
        check_above("sigma_color", self.sigma_color, 0.0, 255.0)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        cv2 = need("cv2", self.kind)
        with _opened(value) as picture:
            pixels = _over_white(picture)
            if self.method == "median":
                calm = cv2.medianBlur(pixels, self.size)
            else:
                calm = cv2.bilateralFilter(pixels, self.size, self.sigma_color, self.size / 2)
            if np.array_equal(calm, pixels):
                return value, {}
            cleaned = PIL.Image.fromarray(calm)
            return _encoded(cleaned, picture.format), {}


@contextlib.contextmanager
def _opened(value: bytes) -> Iterator[PIL.Image.Image]:
    """Opens a stored picture; any error becomes BrokenValue."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of corrupt EXIF
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(io.BytesIO(value)) as picture:
                picture.load()
                yield picture
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        raise BrokenValue("the picture has too many pixels") from None
    except PIL.UnidentifiedImageError:
        raise BrokenValue("not a picture that can be decoded") from None
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise BrokenValue(f"broken picture: {error}") from None


def _plain(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Converts a picture to a mode that filters support: gray, color, alpha, 16 bits."""
    if picture.mode == "I":
        return picture.convert("I;16")
    if "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert({"1": "L", "P": "RGB"}.get(picture.mode, picture.mode))


def _over_white(picture: PIL.Image.Image) -> np.ndarray:
    """Returns a picture as uint8 `[height, width]` or `[height, width, 3]`, without alpha."""
    plain = _plain(picture)
    if plain.mode == "I;16":
        return np.round(np.asarray(plain) / 257.0).astype(np.uint8)
    if plain.mode in ("LA", "RGBA"):
        white = PIL.Image.new("RGBA", plain.size, "white")
        plain = PIL.Image.alpha_composite(white, plain.convert("RGBA")).convert("RGB")
    return np.asarray(plain)


def _encoded(picture: PIL.Image.Image, file_format: str | None) -> bytes:
    out = io.BytesIO()
    if file_format in ("JPEG", "MPO"):
        picture.save(out, format="JPEG", quality=95, subsampling=0)
    else:
        picture.save(out, format="PNG")
    return out.getvalue()
