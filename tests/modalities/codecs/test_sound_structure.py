"""Lengths that headers do not know are those of the file; what is cut off is rejected."""

import io
import struct

import numpy as np
import pytest
import soundfile

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Audio
from tfmmrec.modalities.codecs.wav import describe_sound, read_channels

SAMPLES = 8_000
WAVE = 0.5 * np.sin(np.arange(SAMPLES) / 5.0)


def encoded(file_format: str, subtype: str | None = None, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, WAVE, rate, subtype, format=file_format)
    return out.getvalue()


WAV = encoded("WAV", "PCM_16")
_DATA = WAV.index(b"data")


def count(data: bytes) -> int:
    assert Audio().check_bytes(data) == data
    channels, rate = read_channels(data)
    assert describe_sound(data)[1] in (0.0, len(channels) / rate)
    np.testing.assert_allclose(channels[:, 0], WAVE[: len(channels)], atol=0.02)
    return len(channels)


def with_size(size: int, riff: int | None = None) -> bytes:
    head = WAV[:4] + struct.pack("<I", size if riff is None else riff) + WAV[8 : _DATA + 4]
    return head + struct.pack("<I", size) + WAV[_DATA + 8 :]


@pytest.mark.parametrize(
    "size", [0, 0x7F000000, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 0xFFFFF000, 0xFFFFFFDB]
)
def test_a_wav_of_unknown_length_is_read_to_its_end(size: int):
    for riff in (size, 0, 0xFFFFFFFF):
        assert count(with_size(size, riff)) == SAMPLES
    # A pipe that broke within a sample.
    assert count(with_size(size)[:-1001]) == SAMPLES - 501


@pytest.mark.parametrize("size", [2 * SAMPLES + 1, 2 * SAMPLES + 100, 1_000_000_000])
def test_a_wav_that_promises_more_is_cut_off(size: int):
    with pytest.raises(BrokenValue, match=f"sound cut off: 16000 of {size} bytes are present"):
        Audio().check_bytes(with_size(size))


def test_a_wav_without_samples_has_none_whatever_follows():
    empty = WAV[: _DATA + 4] + bytes(4)
    for data in (empty, empty + b"LIST\4\0\0\0INFO"):
        with pytest.raises(BrokenValue, match="the sound has no samples"):
            Audio().check_bytes(data)


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_chunks_of_odd_length(padding: bytes):
    odd = b"LIST\5\0\0\0INFOx" + padding
    assert count(WAV[:_DATA] + odd + WAV[_DATA:]) == SAMPLES
    assert count(WAV + odd) == SAMPLES


@pytest.mark.parametrize(
    ("file_format", "subtype"),
    [
        *(("WAV", kind) for kind in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
        *(("WAV", kind) for kind in ("ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM")),
        *(("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16")),
        *(("AIFF", "FLOAT"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("CAF", "ALAC_16")),
        *(("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("NIST", "PCM_16")),
    ],
)
def test_each_container_is_read_and_rejected_when_cut(file_format: str, subtype: str):
    data = encoded(file_format, subtype)
    # ADPCM has whole blocks.
    assert SAMPLES <= len(read_channels(Audio().check_bytes(data))[0]) < SAMPLES + 2048
    with pytest.raises(BrokenValue, match="cut off"):
        Audio().check_bytes(data[: len(data) * 3 // 4])


@pytest.mark.parametrize("file_format", ["VOC", "PAF", "SVX", "IRCAM", "PVF", "XI", "AVR", "WVE"])
def test_a_container_that_does_not_show_a_cut_is_refused_by_name(file_format: str):
    data = encoded(file_format, "ALAW" if file_format == "WVE" else None, rate=8_000)
    with pytest.raises(BrokenValue, match=f"the file is {file_format}, which is not read; WAV, "):
        Audio().check_bytes(data)


def test_rf64_of_unknown_length_is_read_to_its_end():
    data = bytearray(encoded("RF64", "PCM_16"))
    at = data.index(b"ds64") + 16
    for unknown in (0, 2**64 - 1):
        data[at : at + 8] = struct.pack("<Q", unknown)
        assert count(bytes(data)) == SAMPLES


def test_flac_of_unknown_length_is_read_to_its_end():
    data = bytearray(encoded("FLAC"))
    data[21] &= 0xF0  # the number of samples: 36 bits
    data[22:26] = bytes(4)
    assert count(bytes(data)) == SAMPLES
    with pytest.raises(BrokenValue, match="cut off"):
        Audio().check_bytes(bytes(data[: len(data) * 3 // 4]))


def test_flac_with_tags_at_both_ends():
    assert count(b"ID3\3\0\0\0\0\2\0" + bytes(256) + encoded("FLAC")) == SAMPLES
    assert count(encoded("FLAC") + b"TAG" + bytes(125)) == SAMPLES


def test_ogg_streams_that_follow_each_other_are_one_sound():
    ogg = encoded("OGG")
    samples, _ = read_channels(Audio().check_bytes(ogg + ogg))
    assert len(samples) == 2 * SAMPLES and describe_sound(ogg + ogg)[1] == 1.0
    with pytest.raises(BrokenValue, match="the sampling rate or the channels change"):
        Audio().check_bytes(ogg + encoded("OGG", rate=8_000))
    with pytest.raises(BrokenValue, match="the Ogg stream does not end"):
        Audio().check_bytes(ogg + ogg[: len(ogg) // 2])


def test_an_mp3_within_a_wav():
    pytest.importorskip("av")
    from tests.modalities.codecs.test_sound_by_ffmpeg import sound

    data = sound("libmp3lame", "wav")
    assert len(read_channels(Audio().check_bytes(data))[0]) == pytest.approx(16_000, abs=2304)
