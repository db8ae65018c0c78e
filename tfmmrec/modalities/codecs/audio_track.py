"""Decodes the audio track of a video file with PyAV."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.codecs.video_frames import import_av, open_video

SAMPLE_RATE = 16_000


def read_audio_track(path: Path, seconds: float) -> bytes | None:
    """Decodes the start of the audio track of a video.

    Args:
        path: a file that FFmpeg reads.
        seconds: the maximum duration.

    Returns:
        A 16-bit mono WAV file with 16 kHz, or None if the video has no audio track.

    Raises:
        BrokenValue: no part of the audio track can be decoded.
        ConfigError: PyAV is not installed.
    """
    longest = max(1, round(seconds * SAMPLE_RATE))
    with open_video(path) as container:
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
    """Decodes an audio track in chunks, int16 `[samples]`; skips invalid packets."""
    av = import_av()
    if stream.codec_context is None:
        raise BrokenValue("the codec of the audio track is unknown; set sound: false")
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
            f"the audio track cannot be decoded: {reason}; set sound: false to ignore it"
        )
    yield from _resampled(resampler, None)


def _resampled(resampler: Any, frame: Any) -> Iterator[np.ndarray]:
    for part in resampler.resample(frame) if resampler is not None else ():
        yield part.to_ndarray()[0]
