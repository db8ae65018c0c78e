"""The sound track of a video file, by PyAV."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.codecs.video_frames import import_av, opened

SAMPLE_RATE = 16_000


def read_sound(path: Path, seconds: float) -> bytes | None:
    """Reads the start of a video's sound track; None when it has none.

    Args:
        path: a file that FFmpeg reads.
        seconds: how much of it at most.

    Returns:
        A 16-bit mono WAV file of 16 kHz.

    Raises:
        BrokenValue: there is a sound track, but nothing of it can be decoded.
        ConfigError: PyAV is not installed.
    """
    longest = max(1, round(seconds * SAMPLE_RATE))
    with opened(path) as container:
        if not container.streams.audio:
            return None
        chunks, length = [], 0
        for chunk in _decode_sound(container, container.streams.audio[0]):
            chunks.append(chunk[: longest - length])
            length += len(chunks[-1])
            if length >= longest:
                break
    if not length:
        return None
    wav = io.BytesIO()
    soundfile.write(wav, np.concatenate(chunks), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return wav.getvalue()


def _decode_sound(container: Any, stream: Any) -> Iterator[np.ndarray]:
    """Decodes a sound track, int16 `[samples]` at a time; passes by packets that are broken."""
    av = import_av()
    if stream.codec_context is None:
        raise BrokenValue("the sound track's codec is unknown; declare sound: false")
    resampler, form, reason, num_frames = None, None, "", 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            reason = reason or error.strerror
            continue
        for frame in frames:
            num_frames += 1
            if form != (frame.format.name, frame.layout.name, frame.sample_rate):
                yield from _resampled(resampler, None)
                form = (frame.format.name, frame.layout.name, frame.sample_rate)
                resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
            frame.pts = None
            yield from _resampled(resampler, frame)
    if reason and not num_frames:
        raise BrokenValue(
            f"the sound track cannot be decoded: {reason}; declare sound: false to do without"
        )
    yield from _resampled(resampler, None)


def _resampled(resampler: Any, frame: Any) -> Iterator[np.ndarray]:
    for part in resampler.resample(frame) if resampler is not None else ():
        yield part.to_ndarray()[0]
