"""Files and helpers for the tests of modalities."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Modality


def picture_bytes(mode: str = "RGB", file_format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture = PIL.Image.new(mode, (16, 16), 200 if mode in ("L", "P") else None)
    if mode == "P":
        # Without a palette, Pillow before 13 writes a BMP that nothing can read.
        picture.putpalette(bytes(3 * 256))
    picture.save(out, format=file_format, **options)
    return out.getvalue()


def sound_bytes(file_format: str = "WAV") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.sin(np.arange(1600) / 5.0), 16000, format=file_format)
    return out.getvalue()


PICTURE, SOUND = picture_bytes(), sound_bytes()


def refused(modality: Modality, raw: Any, folder: Path) -> str:
    with pytest.raises(BrokenValue) as caught:
        modality.check(raw, folder)
    assert str(caught.value), "a reason is needed"
    return str(caught.value)
