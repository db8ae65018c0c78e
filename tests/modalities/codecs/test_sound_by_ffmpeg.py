"""Sounds that only FFmpeg reads become FLAC, with their rate, channels and length."""

import io
from typing import Any

import numpy as np
import pytest
import soundfile

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Audio
from tfmmrec.modalities.codecs.wav import read_channels

av = pytest.importorskip("av", reason="PyAV is not installed")


def sound(codec: str, container: str, rate: int = 16_000, layout: str = "mono") -> bytes:
    """Writes a tone of one second."""
    out = io.BytesIO()
    wave = (0.5 * np.sin(2 * np.pi * 400 * np.arange(rate) / rate)).astype(np.float32)
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate)
        stream.layout = layout
        planes = np.stack([wave] * len(av.AudioLayout(layout).channels))
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(stream.format.name, layout, rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            for packet in stream.encode(part):
                file.mux(packet)
    return out.getvalue()


KINDS = [
    *(("aac", "mp4", 16_000, 1), ("aac", "ipod", 44_100, 2), ("alac", "ipod", 44_100, 2)),
    *(("aac", "adts", 16_000, 1), ("flac", "ogg", 44_100, 2), ("libopus", "webm", 48_000, 2)),
    *(("aac", "matroska", 16_000, 1), ("wavpack", "wv", 16_000, 1), ("tta", "tta", 16_000, 1)),
    *(("ac3", "ac3", 48_000, 2), ("aac", "flv", 44_100, 1), ("pcm_s16le", "avi", 16_000, 1)),
]


@pytest.mark.parametrize(("codec", "container", "rate", "channels"), KINDS)
def test_it_becomes_flac(codec: str, container: str, rate: int, channels: int):
    data = sound(codec, container, rate, "mono" if channels == 1 else "stereo")
    stored = Audio().check_bytes(data)
    assert Audio().check_bytes(stored) == stored
    info = soundfile.info(io.BytesIO(stored))
    assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_16", rate)
    samples, _ = read_channels(stored)
    # AAC and AC-3 are padded to whole frames, of at most 2,048 samples, at both ends.
    assert samples.shape[1] == channels and rate - 2048 <= len(samples) <= rate + 3 * 2048
    middle = samples[rate // 4 : rate // 4 * 3, 0]
    assert middle.std() == pytest.approx(0.5 / np.sqrt(2), abs=0.03)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[1] not in ("adts", "ac3", "flv")])
def test_what_is_cut_off_is_rejected(kind: tuple):
    data = sound(*kind[:3])
    with pytest.raises(BrokenValue, match="cut off"):
        Audio().check_bytes(data[: len(data) // 2])


def test_what_holds_no_sound_is_rejected():
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros([32, 32, 3], np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    with pytest.raises(BrokenValue, match="the file is Matroska or WebM and has no sound"):
        Audio().check_bytes(out.getvalue())
