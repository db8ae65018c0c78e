"""Tests of images: files stored unchanged or as PNG, rejected files, decoding."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from tests.modalities.contract import PICTURE, picture_bytes, refused
from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Image, image
from tfmmrec.modalities.image import decode_picture

BROKEN: dict[str, tuple[bytes, str]] = {
    "noise.png": (bytes(range(256)), "not a picture"),
    "text.jpg": (b"this is only text, whatever its name", "not a picture"),
    "cut.png": (PICTURE[:-20], "broken picture (cut off)"),
    # Pillow reads it, TensorFlow's decoder does not.
    "no end.png": (PICTURE[:-12], "broken picture (cut off)"),
    "no end.gif": (picture_bytes(file_format="GIF")[:-2], "broken picture (cut off)"),
    "cut.jpg": (picture_bytes(file_format="JPEG")[:300], "broken picture (cut off)"),
    "empty.png": (b"", "the file is empty"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pictures_are_refused_with_a_reason(name: str, tmp_path: Path):
    data, reason = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    message = refused(Image(), name, tmp_path)
    assert reason in message and message.endswith(f": '{name}'")


def noise_jpeg(seed: int, **options: Any) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 56, 3), np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, format="JPEG", **options)
    return out.getvalue()


def decodes(data: bytes) -> bool:
    try:
        tf.io.decode_image(data, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return False
    return True


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}], ids=str
)
def test_a_jpeg_is_taken_just_when_it_can_be_decoded_in_full(options: dict):
    """The check decodes at an eighth of the size; that is to fail where the full decoder fails."""
    random = np.random.default_rng(0)
    data = noise_jpeg(0, **options)
    changed = []
    for _ in range(150):
        cut = data[: random.integers(4, len(data))]
        # Half of the changes in the headers, where most of what a decoder refuses stands.
        at = random.integers(2, 650 if random.random() < 0.5 else len(data))
        byte = bytes([data[at] ^ random.integers(1, 256)])
        changed += [cut, data[:at] + byte + data[at + 1 :]]
    taken = []
    for broken in changed:
        try:
            stored = Image().check_bytes(broken)
        except BrokenValue:
            taken.append(False)
            continue
        taken.append(True)
        assert decodes(stored)
    assert not any(taken[::2]), "a cut file was taken"
    assert 0 < sum(taken[1::2]) < 150


def stored_picture(picture: PIL.Image.Image, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=file_format, **options)
    return Image().check_bytes(out.getvalue())


def two_pixels(mode: str, first: Any, second: Any) -> PIL.Image.Image:
    picture = PIL.Image.new(mode, (2, 1))
    picture.putpixel((0, 0), first)
    picture.putpixel((1, 0), second)
    return picture


def palette() -> PIL.Image.Image:
    picture = two_pixels("P", 0, 1)
    picture.putpalette([255, 0, 0, 0, 51, 255])
    return picture


# 51 / 255 = 0.2; an alpha of 51 over white: 0.2 * colour + 0.8.
RED_BLUE = [[1.0, 0.0, 0.0], [0.0, 0.2, 1.0]]
DECODED: dict[str, tuple[Callable[[], bytes], list]] = {
    "rgb": (
        lambda: stored_picture(two_pixels("RGB", (255, 0, 0), (0, 51, 255)), "PNG"),
        RED_BLUE,
    ),
    "rgba": (
        lambda: stored_picture(two_pixels("RGBA", (255, 0, 0, 51), (0, 51, 255, 0)), "PNG"),
        [[1.0, 0.8, 0.8], [1.0, 1.0, 1.0]],
    ),
    "grey": (lambda: stored_picture(two_pixels("L", 51, 255), "PNG"), [[0.2] * 3, [1.0] * 3]),
    "grey and alpha": (
        lambda: stored_picture(two_pixels("LA", (0, 51), (51, 255)), "PNG"),
        [[0.8] * 3, [0.2] * 3],
    ),
    "black and white": (
        lambda: stored_picture(two_pixels("1", 0, 255), "PNG"),
        [[0.0] * 3, [1.0] * 3],
    ),
    "palette": (lambda: stored_picture(palette(), "PNG"), RED_BLUE),
    "palette, red transparent": (
        lambda: stored_picture(palette(), "PNG", transparency=0),
        [[1.0, 1.0, 1.0], [0.0, 0.2, 1.0]],
    ),
    # 13107 / 65535 = 0.2
    "16 bits": (
        lambda: stored_picture(PIL.Image.fromarray(np.array([[13107, 65535]], np.uint16)), "PNG"),
        [[0.2] * 3, [1.0] * 3],
    ),
    "16 bits, TIFF": (
        lambda: stored_picture(PIL.Image.fromarray(np.array([[13107, 65535]], np.uint16)), "TIFF"),
        [[0.2] * 3, [1.0] * 3],
    ),
    "GIF": (lambda: stored_picture(palette(), "GIF"), RED_BLUE),
    "GIF, first frame": (
        lambda: stored_picture(
            palette(), "GIF", save_all=True, append_images=[two_pixels("P", 1, 1)]
        ),
        RED_BLUE,
    ),
    "BMP": (
        lambda: stored_picture(two_pixels("RGB", (255, 0, 0), (0, 51, 255)), "BMP"),
        RED_BLUE,
    ),
    "BMP with a palette": (lambda: stored_picture(palette(), "BMP"), RED_BLUE),
    "BMP in black and white": (
        lambda: stored_picture(two_pixels("1", 0, 255), "BMP"),
        [[0.0] * 3, [1.0] * 3],
    ),
    "WebP": (
        lambda: stored_picture(
            two_pixels("RGBA", (255, 0, 0, 51), (0, 51, 255, 255)), "WEBP", lossless=True
        ),
        [[1.0, 0.8, 0.8], [0.0, 0.2, 1.0]],
    ),
}


@pytest.mark.parametrize("name", DECODED)
def test_pictures_are_decoded_to_colours_over_white(name: str):
    make, expected = DECODED[name]
    picture = tf.function(decode_picture, input_signature=[tf.TensorSpec([], tf.string)])(make())
    assert picture.dtype == tf.float32
    np.testing.assert_allclose(picture, [expected], atol=1e-4)


def test_a_bmp_of_a_request_is_decoded_too():
    out = io.BytesIO()
    two_pixels("RGB", (255, 0, 0), (0, 51, 255)).save(out, format="BMP")
    np.testing.assert_allclose(decode_picture(out.getvalue()), [RED_BLUE], atol=1e-6)


def test_jpegs_are_decoded_in_colour_and_grey():
    # JPEG is lossy; a picture of one colour comes back within some levels of 255.
    for picture, expected in (
        (PIL.Image.new("RGB", (16, 16), (255, 0, 0)), [1.0, 0.0, 0.0]),
        (PIL.Image.new("L", (16, 16), 51), [0.2, 0.2, 0.2]),
        # Cyan, magenta, yellow and black of 0, 255, 255, 0 are red.
        (PIL.Image.new("CMYK", (16, 16), (0, 255, 255, 0)), [1.0, 0.0, 0.0]),
    ):
        decoded = decode_picture(stored_picture(picture, "JPEG"))
        assert decoded.shape == [16, 16, 3]
        np.testing.assert_allclose(decoded, np.broadcast_to(expected, [16, 16, 3]), atol=0.03)


@pytest.mark.parametrize(
    ("mode", "file_format"), [("RGB", "WEBP"), ("RGB", "TIFF"), ("P", "BMP"), ("LA", "TIFF")]
)
def test_what_the_core_decoder_does_not_read_is_stored_as_png(mode: str, file_format: str):
    data = picture_bytes(mode, file_format)
    stored = Image().check_bytes(data)
    assert not data.startswith(b"\x89PNG") and stored.startswith(b"\x89PNG\r\n")


def test_a_jpeg_that_is_drawn_again_stays_a_jpeg():
    data = picture_bytes("CMYK", "JPEG")
    stored = Image().check_bytes(data)
    assert stored.startswith(b"\xff\xd8\xff") and stored != data
    assert PIL.Image.open(io.BytesIO(stored)).mode == "RGB"


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF"])
def test_what_it_reads_is_stored_as_it_is(file_format: str):
    data = picture_bytes("L", file_format)
    assert Image().check_bytes(data) == data


def test_a_picture_with_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(image, "_MAX_PIXELS", 16 * 16)
    assert Image().check_bytes(PICTURE) == PICTURE
    monkeypatch.setattr(image, "_MAX_PIXELS", 16 * 16 - 1)
    with pytest.raises(BrokenValue, match=r"too many pixels \(16 x 16, at most 255\)"):
        Image().check_bytes(PICTURE)
    with pytest.raises(BrokenValue, match=r"too many pixels \(16 x 16, at most 255\)"):
        Image().check_bytes(picture_bytes(file_format="GIF"))


def test_a_picture_of_a_phone_that_holds_two_stays_a_jpeg():
    data = picture_bytes(
        file_format="MPO", save_all=True, append_images=[PIL.Image.new("RGB", (8, 8))]
    )
    assert Image().check_bytes(data) == data
