"""Tests of video: sampled frames, audio track, files that are not videos."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tfmmrec.data.schema import Schema, create_features
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities import Video, create

# One second; frame n is grey of level 20 n.
GREYS = [(20 * n,) * 3 for n in range(12)]
# The middles of four parts of 12 frames: 1.5, 4.5, 7.5 and 10.5 frames from the start.
MIDDLES = [20, 80, 140, 200]


def pictures(stored: list[bytes] | None) -> list[PIL.Image.Image]:
    assert stored
    return [PIL.Image.open(io.BytesIO(data)) for data in stored]


def levels(stored: list[bytes] | None) -> list[float]:
    return [float(np.asarray(picture.convert("L")).mean()) for picture in pictures(stored)]


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(BrokenValue) as caught:
        Video(**options).pack(path.name, path.parent)
    assert "\n" not in str(caught.value)
    return str(caught.value)


FORMS = {
    "1.mp4": ("mpeg4", {}),
    "frames that need later ones.mp4": ("mpeg4", {"bf": "2", "g": "12"}),
    "key frames alone.mkv": ("mjpeg", {"pix_fmt": "yuvj420p"}),
    "two key frames.mkv": ("mpeg4", {"g": "6"}),
    "1.avi": ("mpeg4", {"g": "5"}),
    "1.mov": ("mpeg4", {"g": "5"}),
    "no index.ts": ("mpeg4", {"g": "4", "bf": "2"}),
    "1.webm": ("libvpx-vp9", {}),
    "h264.mp4": ("libx264", {"bf": "2", "g": "6"}),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_middles_of_equal_parts_are_taken(name: str, tmp_path: Path, write_video: Callable):
    codec, options = FORMS[name]
    if codec.startswith("lib"):
        try:
            sys.modules["av"].codec.Codec(codec, "w")
        except ValueError:
            pytest.skip(f"this build of FFmpeg has no encoder {codec}")
    write_video(tmp_path / name, GREYS, codec=codec, **options)
    stored = Video(frames=4).check(name, tmp_path)
    np.testing.assert_allclose(levels(stored), MIDDLES, atol=6)
    assert {picture.format for picture in pictures(stored)} == {"JPEG"}
    assert {picture.size for picture in pictures(stored)} == {(64, 48)}
    # A path of a CSV comes as bytes; the same file gives the same pictures.
    assert Video(frames=4).check(name.encode(), tmp_path) == stored


def test_a_short_video_gives_fewer_pictures(tmp_path: Path, write_video: Callable):
    write_video(tmp_path / "1.mp4", GREYS[:3])
    np.testing.assert_allclose(levels(Video().check("1.mp4", tmp_path)), [0, 20, 40], atol=6)
    write_video(tmp_path / "2.mp4", [(200, 200, 200)])
    np.testing.assert_allclose(levels(Video().check("2.mp4", tmp_path)), [200], atol=6)


def test_the_longer_side_is_limited(tmp_path: Path, write_video: Callable):
    write_video(tmp_path / "1.mp4", GREYS)
    # 64 x 48 halved.
    stored = Video(frames=2, pixels=32).check("1.mp4", tmp_path)
    assert [picture.size for picture in pictures(stored)] == [(32, 24)] * 2


# tkhd's matrix in 16.16 fixed point, and 2.30 for its last number: a, b, 0, c, d, 0, x, y, 1.
def matrix(a: int, b: int, c: int, d: int) -> bytes:
    one = 1 << 16
    numbers = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    return b"".join(number.to_bytes(4, "big", signed=True) for number in numbers)


@pytest.mark.parametrize(
    ("turned", "size", "red"),
    [
        # A quarter clockwise: what was on the left comes to the top. Pixel (x, y) of the picture.
        (matrix(0, 1, -1, 0), (48, 64), (24, 10)),
        (matrix(0, -1, 1, 0), (48, 64), (24, 53)),
        (matrix(-1, 0, 0, -1), (64, 48), (53, 24)),
    ],
)
def test_pictures_are_turned_upright(
    turned: bytes, size: tuple, red: tuple, tmp_path: Path, write_video: Callable
):
    left_red = np.zeros([48, 64, 3])
    left_red[:, :32] = [255, 0, 0]
    left_red[:, 32:] = [0, 0, 255]
    data = write_video(tmp_path / "1.mp4", [left_red] * 4).read_bytes()
    assert data.count(matrix(1, 0, 0, 1)) == 2  # the film's in mvhd, then the track's
    place = data.rindex(matrix(1, 0, 0, 1))
    (tmp_path / "2.mp4").write_bytes(data[:place] + turned + data[place + 36 :])
    for picture in pictures(Video(frames=2).check("2.mp4", tmp_path)):
        assert picture.size == size
        r, _, b = picture.getpixel(red)  # type: ignore[misc]
        assert r > 200 and b < 60


def test_the_sound_track_becomes_a_feature(tmp_path: Path, write_video: Callable):
    write_video(tmp_path / "1.mov", GREYS, tone=500.0)
    packed = Video(frames=4).pack("1.mov", tmp_path)
    assert set(packed) == {"", "sound"} and len(packed[""]) == 4
    waveform, rate = soundfile.read(io.BytesIO(packed["sound"][0]))  # type: ignore[arg-type]
    assert rate == 16000 and waveform.ndim == 1
    assert len(waveform) == pytest.approx(16000, abs=100)
    # 16000 / 32768 = 0.49, the same on both channels; a second has its frequency at that place.
    assert np.abs(waveform[2000:14000]).max() == pytest.approx(0.49, abs=0.03)
    assert np.argmax(np.abs(np.fft.rfft(waveform, 16000))) == pytest.approx(500, abs=1)
    short = Video(sound_seconds=0.25).pack("1.mov", tmp_path)["sound"][0]
    assert soundfile.info(io.BytesIO(short)).frames == 4000  # type: ignore[arg-type]


def test_a_video_without_sound_or_whose_sound_is_not_wanted(tmp_path: Path, write_video: Callable):
    write_video(tmp_path / "silent.mp4", GREYS)
    assert set(Video().pack("silent.mp4", tmp_path)) == {""}
    write_video(tmp_path / "1.mov", GREYS, tone=500.0)
    assert set(Video(sound=False).pack("1.mov", tmp_path)) == {""}


def test_a_missing_file_is_absent_and_paths_stay_in_the_folder(
    tmp_path: Path, write_video: Callable
):
    assert Video().check("none.mp4", tmp_path) is None
    assert Video().pack("none.mp4", tmp_path) == {}
    write_video(tmp_path / "1.mp4", GREYS)
    (tmp_path / "inside").mkdir()
    with pytest.raises(BrokenValue, match="leaves the folder"):
        Video().pack("../1.mp4", tmp_path / "inside")
    with pytest.raises(BrokenValue, match="Received a folder"):
        Video().pack("inside", tmp_path)


def test_what_is_no_video_is_refused_with_a_reason(tmp_path: Path, write_video: Callable):
    soundfile.write(tmp_path / "sound.mp4", np.zeros(1600), 16000, format="WAV")
    contents = {
        "text.mp4": (b"this is only text, whatever its name\n", "not a video"),
        "noise.mp4": (bytes(range(256)) * 8, "not a video"),
        "empty.mp4": (b"", "the file is empty"),
        "sound.mp4": ((tmp_path / "sound.mp4").read_bytes(), "no video stream"),
        # A list of other files, which are not opened.
        "list.mp4": (b"#EXTM3U\n#EXTINF:1,\n1.ts\n#EXT-X-ENDLIST\n", "not a video"),
        "concat.mp4": (b"ffconcat version 1.0\nfile 1.ts\n", "not a video"),
    }
    write_video(tmp_path / "1.ts", GREYS)
    for name, (data, reason) in contents.items():
        (tmp_path / name).write_bytes(data)
        assert reason in refused(tmp_path / name)


MJPEG = {"codec": "mjpeg", "pix_fmt": "yuvj420p"}
CUT: dict[str, tuple[dict, float, str]] = {
    "1.mp4": ({}, 0.5, "cut off"),
    # With the index at the start, an MP4 opens even if it is cut.
    "start.mp4": (
        {"container_options": {"movflags": "faststart"}},
        0.5,
        "of 2.0 seconds are present",
    ),
    "1.mkv": (MJPEG, 0.5, "of 2.0 seconds are present"),
    "1.avi": (MJPEG, 0.5, "bytes are present"),
    "head alone.mkv": (MJPEG, 0.02, "not a video that can be decoded, or cut off"),
}


@pytest.mark.parametrize("name", CUT)
def test_a_video_that_is_cut_off_is_refused(name: str, tmp_path: Path, write_video: Callable):
    options, share, reason = CUT[name]
    data = write_video(tmp_path / name, [*GREYS, *GREYS], **options).read_bytes()
    (tmp_path / name).write_bytes(data[: round(share * len(data))])
    assert reason in refused(tmp_path / name)


def test_a_video_with_too_many_pixels_is_refused(tmp_path, write_video, monkeypatch):
    write_video(tmp_path / "1.mp4", GREYS)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 64 * 48 - 1)
    assert "too many pixels" in refused(tmp_path / "1.mp4")


def test_without_pyav_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "1.mp4").write_bytes(b"whatever")
    with pytest.raises(ConfigError, match=re.escape("pip install 'tfmmrec[video]'")) as caught:
        Video().pack("1.mp4", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"frames": 0}, "frames must be a whole number of at least 1. Received: 0"),
        ({"pixels": "256"}, "pixels: a whole number is needed. Received: '256'"),
        ({"frames": True}, "Received: True"),
        ({"sound": "yes"}, "sound: true or false is needed. Received: 'yes'"),
        ({"sound_seconds": 0}, "sound_seconds must be above 0"),
        ({"sound_seconds": float("nan")}, "sound_seconds must be above 0"),
        ({"seconds": 3}, "video has no option 'seconds'"),
    ],
)
def test_wrong_options_are_refused(options: dict, reason: str):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        create({"modality": "video", **options})


def test_round_trip_and_request():
    for modality in (Video(), create(json.loads(json.dumps(Video(frames=3).options())))):
        rows: list[dict] = [{"feature": [b"x", b"y"]}, {"id": [b"1"]}, {"feature": [b"z"]}]
        batch = tf.constant([encode_example(row) for row in rows])
        values = tf.io.parse_example(batch, {"feature": modality.parsing()})["feature"]
        assert values.to_list() == [[b"x", b"y"], [], [b"z"]]
        assert modality.present(values).numpy().tolist() == [True, False, True]
        request = values.to_tensor(default_value="")
        assert modality.signature("feature").is_compatible_with(request)
        assert modality.from_request(request).to_list() == values.to_list()


def test_the_schema_lists_the_sound_behind_the_video(tmp_path: Path):
    declared = {
        "clip": {"modality": "video"},
        "mute": {"modality": "video", "frames": 2, "sound": False},
        "title": {"modality": "text"},
    }
    features = create_features(declared, "items")
    kinds = {name: modality.kind for name, modality in features.items()}
    assert kinds == {"clip": "video", "clip_sound": "audio", "mute": "video", "title": "text"}
    Schema("films", features, {}).save(tmp_path / "schema.json")
    assert list(json.loads((tmp_path / "schema.json").read_text())["items"]) == list(declared)
    assert Schema.load(tmp_path / "schema.json").items == features
    with pytest.raises(ConfigError, match=r"clip_sound: clip derives a feature of that name"):
        create_features({**declared, "clip_sound": {"modality": "audio"}}, "items")
