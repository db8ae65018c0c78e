"""MP3s are read to their end, whatever their headers promise."""

import io
import re

import numpy as np
import pytest
import soundfile

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Audio
from tfmmrec.modalities.codecs.mp3 import read_mp3
from tfmmrec.modalities.codecs.wav import describe_sound, read_audio

RATE = 44_100
# Three seconds: 115 frames of 1,152 samples hold 132,300 and the delays of encoder and decoder.
_TIME = np.arange(3 * RATE) / RATE
_NOISE = np.random.default_rng(0).standard_normal(3 * RATE)
WAVE = np.where(_TIME < 1.5, 0.4 * np.sin(2 * np.pi * 440 * _TIME), 0.2 * _NOISE)


def encoded(rate: int = RATE, **options: object) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, WAVE[: 3 * rate], rate, format="MP3", **options)
    return out.getvalue()


XING = encoded(bitrate_mode="VARIABLE", compression_level=0.5)
# The frame with the header, which is found behind an ID3 tag, is the first.
_HEADER = re.search(b"Xing|Info", XING).start()  # type: ignore[union-attr]
_FIRST = _HEADER - 4 - 17


def bare(data: bytes) -> bytes:
    """Leaves the frame with the header out: all that follows from the next sync word."""
    first = re.search(b"Xing|Info", data).start()  # type: ignore[union-attr]
    return data[data.index(data[first - 21 + 0 : first - 19], first) :]


BARE = bare(XING)
_ID3 = b"ID3\x03\0\0\0\x12\x27\x60" + bytes(300_000)  # 18 * 2^14 + 39 * 2^7 + 96


def flagged(count: int) -> bytes:
    return XING[: _HEADER + 8] + count.to_bytes(4, "big") + XING[_HEADER + 12 :]


def vbri() -> bytes:
    """Puts Fraunhofer's header, which promises nothing here, in a frame in front."""
    frame = bytes([*XING[_FIRST : _FIRST + 2], 0x90, XING[_FIRST + 3]])
    return frame + (bytes(32) + b"VBRI" + bytes(22)).ljust(417 - 4, b"\0") + BARE


WHOLE: dict[str, bytes] = {
    "with a header of Xing": XING,
    "without one": BARE,
    "a constant bit rate": bare(encoded(bitrate_mode="CONSTANT", compression_level=0.5)),
    "an average bit rate": bare(encoded(bitrate_mode="AVERAGE", compression_level=0.5)),
    "a header that promises too little": flagged(20),
    "a header that promises too much": flagged(100_000),
    "a header of VBRI": vbri(),
    "behind a cover of 300 kB": _ID3 + BARE,
    "behind two tags": _ID3 + _ID3 + BARE,
    "behind zeros": bytes(3000) + BARE,
    "from within a frame": BARE[100:],
    "before a tag ID3v1": BARE + b"TAG" + bytes(125),
    "before a tag of APE": BARE + b"APETAGEX" + bytes(3000),
    "before garbage": BARE + b"garbage" * 500,
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_mp3_is_read_to_its_end(name: str):
    data = WHOLE[name]
    assert Audio().check_bytes(data) == data
    samples, rate = read_audio(data)
    assert rate == RATE
    # Up to one frame may be lost at the start, and delays of two may be added.
    assert -1152 <= len(samples) - 3 * RATE <= 3 * 1152
    # The noise lasts to the end: of the last tenth of a second, delays left out.
    assert samples[-RATE // 10 - 2304 : -2304].std() > 0.1
    kind, seconds = describe_sound(data)
    assert kind == "MP3" and seconds == pytest.approx(len(samples) / RATE)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 48_000])
def test_mpeg_2_and_others_are_read_without_a_header(rate: int):
    data = encoded(rate, bitrate_mode="VARIABLE", compression_level=0.2)
    header = re.search(b"Xing|Info", data).start()  # type: ignore[union-attr]
    side = 17 if rate >= 32_000 else 9
    start = data[header - side - 4 : header - side - 2]
    samples, found = read_audio(data[data.index(start, header) :])
    assert found == rate and -1152 <= len(samples) - min(3 * rate, len(WAVE)) <= 3 * 1152


def test_the_gap_of_a_header_of_lame_is_left_out():
    # Encoders pad both ends; LAME's header says by how much.
    assert len(read_audio(XING)[0]) == 3 * RATE


def test_a_clip_is_as_long_as_its_frames():
    whole = read_mp3(BARE)
    assert whole is not None and whole.samples % 1152 == 0
    half = read_audio(BARE[: len(BARE) // 2])[0]
    assert RATE < len(half) < 2 * RATE or len(half) < whole.samples * 3 // 4


def test_what_is_damaged_in_the_middle_is_passed_over():
    middle = len(BARE) // 2
    for damage in (bytes(2000), bytes(range(256)) * 12, b"\xff" * 1500):
        data = BARE[:middle] + damage + BARE[middle + len(damage) :]
        samples, _ = read_audio(data)
        # 3,000 bytes of 64 kbit/s and more are at most 0.4 seconds.
        assert 2.4 * RATE < len(samples) < 3.1 * RATE


def test_files_that_were_joined_are_read_on():
    assert len(read_audio(XING + XING)[0]) == pytest.approx(6 * RATE, abs=4 * 1152)
    with pytest.raises(BrokenValue, match="the sampling rate or the channels of the MP3 change"):
        read_audio(BARE + bare(encoded(22_050, bitrate_mode="CONSTANT"))[:0] + encoded(22_050))


def test_what_has_no_frames_is_no_mp3():
    for data in (b"", b"\xff", b"\xff\xfb\x90", b"\xff" * 9000, bytes(9000), b"ID3\x03", _ID3):
        assert read_mp3(data) is None
    noise = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()
    assert read_mp3(noise) is None


def test_free_format_is_counted():
    # Made up: frames of 700 bytes whose headers state no bit rate.
    head = bytes([0xFF, 0xFB, 0x00, 0xC0])
    stream = (head + bytes(696)) * 20
    found = read_mp3(stream)
    assert found is not None and found.samples == 20 * 1152
    assert len(read_audio(stream)[0]) >= 19 * 1152
