"""Tests of the block structure of pictures: pixels of a GIF, reasons of decoding errors."""

import pytest

from tests.modalities.contract import PICTURE, picture_bytes
from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.codecs.image_structure import read_gif, why_broken


def gif(*frames: tuple[int, int], canvas: tuple[int, int] = (3, 2)) -> bytes:
    def size(of: tuple[int, int]) -> bytes:
        return of[0].to_bytes(2, "little") + of[1].to_bytes(2, "little")

    # Without colours; each frame holds one block of a byte.
    pictures = [b"\x2c\0\0\0\0" + size(frame) + b"\0\2\1\0\0" for frame in frames]
    comment = b"\x21\xfe\2hi\0"
    return b"GIF89a" + size(canvas) + b"\0\0\0" + comment + b"".join(pictures) + b";"


def test_the_pixels_of_a_gif_are_those_of_its_canvas_and_frames():
    # 6 + 20 + 7
    assert read_gif(gif((4, 5), (7, 1))).num_pixels == 33
    # A file of Pillow's, with colours: the canvas and one frame of 16 x 16.
    assert read_gif(picture_bytes("P", "GIF")).num_pixels == 512


@pytest.mark.parametrize("size", [8, 12, 15, 17, 20, 28, 30])
def test_a_gif_that_ends_within_a_block_is_cut_off(size: int):
    with pytest.raises(BrokenValue, match="cut off"):
        read_gif(gif((4, 5))[:size])


def test_why_a_picture_is_broken():
    jpeg = picture_bytes(file_format="JPEG")
    assert why_broken(jpeg[:-1]) == "cut off"
    assert why_broken(jpeg) == "its content does not match its format"
    assert why_broken(PICTURE[:-1]) == "cut off"
    assert why_broken(PICTURE[:20]) == "cut off"
    assert why_broken(PICTURE) == "its content does not match its format"
    # Byte 29 is the first of the checksum of the header, which ends with it.
    wrong = PICTURE[:29] + bytes([PICTURE[29] ^ 1]) + PICTURE[30:]
    assert why_broken(wrong) == "wrong checksum in its block IHDR"
    assert why_broken(gif((1, 1))[:-1]) == "cut off"
    webp = picture_bytes(file_format="WEBP")
    assert why_broken(webp[:-2]) == "cut off"
