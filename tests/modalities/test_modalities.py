"""The modalities: one round trip for all, what each refuses, and how pictures are decoded."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities import MODALITIES, Audio, Categorical, Image, Modality, Number, Text, create
from tfmmrec.modalities.image import decode_picture
from tfmmrec.tfrecords import encode_example


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


@dataclasses.dataclass(frozen=True)
class Example:
    """A modality, a value of a table, what is stored of it, and an absent one if there is any."""

    modality: Modality
    raw: Any
    stored: list
    absent: Any = None


PICTURE, SOUND = picture_bytes(), sound_bytes()
EXAMPLES = {
    "text": Example(Text(), " Синий 青 ".encode(), ["Синий 青".encode()], b"  "),
    "number": Example(Number(), b"1.5", [1.5]),
    "categorical": Example(Categorical("|"), b"Drama| War||Drama", [b"Drama", b"War"], b"| |"),
    "image": Example(Image(), "1.png", [PICTURE], "none.png"),
    "audio": Example(Audio(), b"1.wav", [SOUND], b"none.wav"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.png").write_bytes(PICTURE)
    (tmp_path / "1.wav").write_bytes(SOUND)
    return tmp_path


def parse(modality: Modality, rows: list[dict]) -> Any:
    batch = tf.constant([encode_example(row) for row in rows])
    return tf.io.parse_example(batch, {"feature": modality.parsing()})["feature"]


def row_values(values: Any, row: int) -> list:
    value = values[row].numpy()
    return list(value) if isinstance(values, tf.RaggedTensor) else [value]


def test_every_modality_has_an_example():
    assert set(EXAMPLES) == set(MODALITIES)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_round_trip(kind: str, folder: Path):
    example = EXAMPLES[kind]
    declared = json.loads(json.dumps(example.modality.options()))
    for modality in (example.modality, create(declared)):
        assert modality == example.modality
        stored = modality.check(example.raw, folder)
        assert stored == example.stored
        # A row that has the value, one that was packed without it, and the first again.
        values = parse(modality, [{"feature": stored}, {"id": [b"x"]}, {"feature": stored}])
        assert modality.present(values).numpy().tolist() == [True, False, True]
        assert row_values(values, 0) == row_values(values, 2) == example.stored


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_paths_of_csv_come_as_bytes_and_of_jsonl_as_text(kind: str, folder: Path):
    example = EXAMPLES[kind]
    name = {"image": "1.png", "audio": "1.wav"}[kind]
    for raw in (name, name.encode()):
        assert example.modality.check(raw, folder) == example.stored


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if EXAMPLES[kind].absent])
def test_nothing_after_all_is_absent_and_not_broken(kind: str, folder: Path):
    assert EXAMPLES[kind].modality.check(EXAMPLES[kind].absent, folder) is None


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_request_of_the_signature_means_the_same(kind: str):
    modality = EXAMPLES[kind].modality
    spec = modality.signature("feature")
    assert spec.name == "feature"
    if kind == "number":
        request = tf.constant([1.5, float("nan")])
    elif kind == "categorical":
        request = tf.constant([["", "War", ""], ["", "", ""]])
    else:
        request = tf.constant([b"x", b""])
    assert spec.is_compatible_with(request)
    values = modality.from_request(request)
    assert modality.present(values).numpy().tolist() == [True, False]
    if kind == "categorical":
        assert values.to_list() == [[b"War"], []]


def test_unknown_modalities_and_options_are_refused():
    with pytest.raises(ConfigError, match="unknown modality 'smell'"):
        create({"modality": "smell"})
    with pytest.raises(ConfigError, match="'modality' is missing"):
        create({"separator": "|"})
    with pytest.raises(ConfigError, match="text has no option 'separator'; it takes steps"):
        create({"modality": "text", "separator": "|"})


def refused(modality: Modality, raw: Any, folder: Path) -> str:
    with pytest.raises(BrokenValue) as caught:
        modality.check(raw, folder)
    assert str(caught.value), "a reason is needed"
    return str(caught.value)


BROKEN_FILES: dict[str, tuple[Modality, bytes, str]] = {
    "noise.png": (Image(), bytes(range(256)), "not a picture"),
    "text.jpg": (Image(), b"this is only text, whatever its name", "not a picture"),
    "cut.png": (Image(), PICTURE[:-20], "broken picture"),
    # Pillow reads it, TensorFlow's decoder does not.
    "no end.png": (Image(), PICTURE[:-12], "broken picture"),
    "no end.gif": (Image(), picture_bytes(file_format="GIF")[:-2], "broken picture"),
    "cut.jpg": (Image(), picture_bytes(file_format="JPEG")[:300], "broken picture"),
    "empty.png": (Image(), b"", "the file is empty"),
    "text.wav": (Audio(), b"this is only text, whatever its name", ""),
    "head.wav": (Audio(), SOUND[:20], ""),
    "cut.wav": (Audio(), SOUND[:-1000], ""),
    "empty.wav": (Audio(), b"", "the file is empty"),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_broken_media_are_refused_with_a_reason(name: str, tmp_path: Path):
    modality, data, reason = BROKEN_FILES[name]
    (tmp_path / name).write_bytes(data)
    assert reason in refused(modality, name, tmp_path)


@pytest.mark.parametrize("path", ["../outside.png", "a/../../outside.png"])
def test_paths_do_not_leave_the_folder(path: str, tmp_path: Path):
    (tmp_path / "outside.png").write_bytes(PICTURE)
    (tmp_path / "inside" / "a").mkdir(parents=True)
    assert "leaves the folder" in refused(Image(), path, tmp_path / "inside")
    absolute = str(tmp_path / "outside.png")
    assert "leaves the folder" in refused(Image(), absolute, tmp_path / "inside")
    # Nor by way of a link.
    (tmp_path / "inside" / "link.png").symlink_to(tmp_path / "outside.png")
    assert "leaves the folder" in refused(Image(), "link.png", tmp_path / "inside")


def test_a_folder_or_an_impossible_path_is_no_picture(tmp_path: Path):
    (tmp_path / "a").mkdir()
    assert "cannot be read" in refused(Image(), "a", tmp_path)
    assert "cannot be read" in refused(Image(), "a\0b.png", tmp_path)
    assert "cannot be read" in refused(Image(), "x" * 5000, tmp_path)


@pytest.mark.parametrize("raw", [b"caf\xe9", "\ud800"])
def test_what_is_no_utf8_is_refused(raw: Any, tmp_path: Path):
    for modality in (Text(), Categorical()):
        assert "not valid UTF-8" in refused(modality, raw, tmp_path)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"nan", "not a finite number"),
        (float("inf"), "not a finite number"),
        (b"3,5", "not a number"),
        (b"\xff", "not a number"),
        ([1], "not a number"),
        (10**400, "not a number"),
        # float32 ends at 3.4e38: stored, it would be infinite and read as absent.
        (b"1e39", "too large"),
    ],
)
def test_what_is_no_number_is_refused(raw: Any, reason: str, tmp_path: Path):
    assert reason in refused(Number(), raw, tmp_path)


def test_categories_hold_no_line_break_and_are_no_objects(tmp_path: Path):
    assert "line break" in refused(Categorical(), "a\nb", tmp_path)
    assert "line break" in refused(Categorical("|"), b"x|a\rb", tmp_path)
    assert "not an object" in refused(Categorical(), {"a": 1}, tmp_path)
    # A break at the end is a space like another.
    assert Categorical().check("a\n", tmp_path) == [b"a"]
    # A JSON list is several without a separator, and a number is a name.
    assert Categorical().check(["b", None, 7, "b"], tmp_path) == [b"b", b"7"]
    assert Categorical().check("a|b", tmp_path) == [b"a|b"]


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
    ("mode", "file_format"), [("RGB", "WEBP"), ("CMYK", "JPEG"), ("RGB", "TIFF"), ("P", "BMP")]
)
def test_what_the_core_decoder_does_not_read_is_stored_as_png(mode: str, file_format: str):
    data = picture_bytes(mode, file_format)
    stored = Image().check_bytes(data)
    assert not data.startswith(b"\x89PNG") and stored.startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF"])
def test_what_it_reads_is_stored_as_it_is(file_format: str):
    data = picture_bytes("L", file_format)
    assert Image().check_bytes(data) == data


def test_a_picture_with_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)  # 16 * 16 is more than twice that
    with pytest.raises(BrokenValue, match="too many pixels"):
        Image().check_bytes(PICTURE)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 200)  # and only warned of by Pillow
    with pytest.raises(BrokenValue, match="too many pixels"):
        Image().check_bytes(PICTURE)


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
def test_sounds_are_stored_as_they_are_and_served_as_wav(file_format: str):
    data = sound_bytes(file_format)
    assert Audio().check_bytes(data) == data
    served = Audio().servable(data)
    assert served.startswith(b"RIFF")
    waveform, rate = soundfile.read(io.BytesIO(served))
    assert rate == 16000
    # MP3 pads both ends to whole frames.
    assert len(waveform) >= 1600 and 0.9 < np.abs(waveform[:1600]).max() <= 1.0
