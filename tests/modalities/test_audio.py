"""Tests of audio: accepted formats, files rejected before decoding, the served form."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.modalities.contract import SOUND, refused, sound_bytes
from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Audio
from tfmmrec.modalities.codecs import wav

BROKEN: dict[str, tuple[bytes, str]] = {
    "text.wav": (b"this is only text, whatever its name", "not a sound"),
    "head.wav": (SOUND[:20], "not a sound"),
    "cut.wav": (SOUND[:-1000], "sound cut off: 2200 of 3200 bytes are present"),
    "empty.wav": (b"", "the file is empty"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_sounds_are_refused_with_a_reason(name: str, tmp_path: Path):
    data, reason = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    message = refused(Audio(), name, tmp_path)
    assert reason in message and message.endswith(f": '{name}'")


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG", "MP3"])
def test_sounds_are_stored_as_they_are_and_served_as_wav(file_format: str):
    data = sound_bytes(file_format)
    assert Audio().check_bytes(data) == data
    served = Audio().servable(data)
    assert served.startswith(b"RIFF")
    wav, rate = soundfile.read(io.BytesIO(served))
    assert rate == 16000
    # MP3 pads both ends to whole frames.
    assert len(wav) >= 1600 and 0.9 < np.abs(wav[:1600]).max() <= 1.0


@pytest.mark.parametrize("samples", [2**36 - 1, 2**28])
def test_a_header_is_not_taken_at_its_word(samples: int):
    data = bytearray(sound_bytes("FLAC"))
    # The number of samples takes 36 bits, from the middle of byte 21 on.
    data[21] = (data[21] & 0xF0) | samples >> 32
    data[22:26] = struct.pack(">I", samples & 0xFFFFFFFF)
    with pytest.raises(BrokenValue, match=f"sound cut off: 1600 of {samples} samples are present"):
        Audio().check_bytes(bytes(data))


def test_silence_that_is_stored_tightly_is_taken():
    out = io.BytesIO()
    soundfile.write(out, np.zeros(1_000_000), 16_000, format="FLAC")
    data = out.getvalue()
    assert len(data) * wav._PLAUSIBLE_SAMPLES_PER_BYTE < 1_000_000
    assert Audio().check_bytes(data) == data


def test_a_sound_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(wav, "_MAX_SAMPLES", 1600)
    assert Audio().check_bytes(SOUND) == SOUND
    monkeypatch.setattr(wav, "_MAX_SAMPLES", 1599)
    with pytest.raises(BrokenValue, match=r"the sound is too long \(0\.0 hours in 1 channels\)"):
        Audio().check_bytes(SOUND)


@pytest.mark.parametrize(("at", "what"), [(32, "bytes a block"), (34, "bits a sample")])
def test_a_wav_whose_format_does_not_add_up_ends_no_process(at: int, what: str):
    """tensorflow-io divides by what the header says."""
    data = SOUND[:at] + b"\0\0" + SOUND[at + 2 :]
    try:
        assert Audio().check_bytes(data) == data
    except BrokenValue as error:
        assert "not a sound" in str(error), what
