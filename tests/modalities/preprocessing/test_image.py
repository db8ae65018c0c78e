"""Tests of image steps: changes worked out by hand; unchanged pictures keep their bytes."""

import io
import sys
from typing import Any

import numpy as np
import PIL.Image
import pytest

from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities import Image, create
from tfmmrec.modalities.image import decode_picture
from tfmmrec.modalities.preprocessing import create_step

RED, GREY, WHITE, BLACK = (255, 0, 0), (128, 128, 128), (255, 255, 255), (0, 0, 0)


def saved(picture: PIL.Image.Image, file_format: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=file_format, **more)
    return out.getvalue()


def grid(rows: list[list[tuple[int, int, int]]]) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.array(rows, np.uint8))


def run(value: bytes, step: str, **options: Any) -> bytes:
    if step == "denoise":
        pytest.importorskip("cv2")
    changed, derived = create_step({"step": step, **options}, "image").run(value)
    assert derived == {}
    return changed


def opened(value: bytes) -> PIL.Image.Image:
    # What a step gives is what is stored: it must pass the modality's own check unchanged.
    assert Image().check_bytes(value) == value
    return PIL.Image.open(io.BytesIO(value))


def pixels(value: bytes) -> list:
    opened(value)
    return np.round(decode_picture(value).numpy() * 255.0).astype(int).tolist()


# A red corner at the top left, white to its right, grey below.
CORNER = grid([[RED, WHITE, WHITE], [GREY, GREY, GREY]])


@pytest.mark.parametrize(
    ("size", "pixels", "expected"),
    [((40, 20), 10, (10, 5)), ((20, 40), 10, (5, 10)), ((400, 1), 8, (8, 1))],
)
def test_limit_size_keeps_the_shape(size: tuple, pixels: int, expected: tuple):
    value = run(saved(PIL.Image.new("RGB", size, RED)), "limit_size", pixels=pixels)
    picture = opened(value)
    assert picture.size == expected
    assert picture.getpixel((0, 0)) == RED  # a picture of one colour stays so


def test_limit_size_never_enlarges_and_changes_no_byte_of_a_small_one():
    for file_format in ("PNG", "JPEG", "GIF"):
        value = saved(CORNER.resize((16, 8)), file_format)
        assert run(value, "limit_size", pixels=16) == value
        assert run(value, "limit_size") == value


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_stored_mode_goes_through_every_step(mode: str):
    grey = np.full([12, 12], 200, np.uint8)
    grey[6, 6] = 0
    if mode == "I;16":
        picture = PIL.Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        picture = PIL.Image.fromarray(grey).convert(mode)
    value = saved(picture)
    expected = 1.0 if mode == "1" else 200 / 255
    for step in ({"step": "limit_size", "pixels": 6}, {"step": "denoise"}):
        changed = run(value, **step)
        opened(changed)
        # The corner is far from the dark pixel; a palette of web colours is 4 levels off. In
        # black and white it is dithered, so that only its range is known.
        corner = float(decode_picture(changed)[0, 0, 0])
        assert corner == pytest.approx(expected, abs=0.02) or mode == "1", step


def test_a_transparent_palette_stays_transparent():
    picture = PIL.Image.new("P", (16, 16), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    value = run(saved(picture, transparency=0), "limit_size", pixels=4)
    assert opened(value).mode == "RGBA"
    assert pixels(value)[0][0] == list(WHITE)


def test_the_median_takes_salt_and_pepper_away():
    noisy = np.full([9, 9, 3], 128, np.uint8)
    noisy[2, 2], noisy[6, 5] = WHITE, BLACK
    value = saved(PIL.Image.fromarray(noisy))
    # Eight of the nine pixels of each neighbourhood are grey, and so is their median.
    assert pixels(run(value, "denoise")) == np.full([9, 9, 3], 128).tolist()
    clean = run(value, "denoise")
    assert run(clean, "denoise") == clean  # nothing is left to do


def test_the_bilateral_filter_calms_noise_and_keeps_an_edge():
    rng = np.random.default_rng(0)
    noisy = np.full([20, 20], 60.0)
    noisy[:, 10:] = 200.0
    noisy += rng.normal(0.0, 5.0, noisy.shape)
    value = saved(PIL.Image.fromarray(np.round(noisy).astype(np.uint8)))
    calm = np.array(pixels(run(value, "denoise", method="bilateral", size=7)))[..., 0]
    assert calm[:, :10].std() < 2.5 and calm[:, 10:].std() < 2.5
    # 140 levels apart are nearly three sigmas: one side takes next to nothing of the other.
    assert np.all(calm[:, 10] - calm[:, 9] > 120)


@pytest.mark.parametrize("step", ["limit_size", "denoise"])
def test_a_broken_picture_is_refused(step: str):
    noise = np.random.default_rng(0).integers(0, 255, [60, 60, 3], np.uint8)
    whole = saved(PIL.Image.fromarray(noise))
    for broken in (b"", b"no picture", whole[: len(whole) // 2]):
        with pytest.raises(BrokenValue, match="picture"):
            run(broken, step)


def test_options_are_checked():
    for declared, reason in (
        ({"step": "limit_size", "pixels": 0}, "must be at least 1"),
        ({"step": "limit_size", "pixels": True}, "whole number"),
        ({"step": "denoise", "method": "blur"}, "median or bilateral"),
        ({"step": "denoise", "size": 4}, "odd"),
        ({"step": "denoise", "sigma_color": "x"}, "sigma_color: a number"),
    ):
        with pytest.raises(ConfigError, match=reason):
            create_step(declared, "image")
    modality = create({"modality": "image", "steps": ["denoise", {"step": "limit_size"}]})
    assert modality.options()["steps"] == [
        {"step": "denoise", "method": "median", "size": 3, "sigma_color": 50.0},
        {"step": "limit_size", "pixels": 512},
    ]


def test_without_opencv_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ConfigError, match=r"pip install 'tfmmrec\[preprocessing\]'") as caught:
        create_step("denoise", "image").run(saved(CORNER))
    assert "\n" not in str(caught.value) and "cv2" in str(caught.value)
