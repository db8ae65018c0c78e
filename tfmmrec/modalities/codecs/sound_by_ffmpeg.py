"""Converts the sounds that only FFmpeg reads, such as AAC in MP4, to FLAC with PyAV."""

import io
from typing import Any

import numpy as np
import soundfile

from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities.codecs.sound_structure import ogg_links, refuse_cut_off
from tfmmrec.modalities.codecs.video_frames import import_av

# Of all channels together.
_MAX_SAMPLES = 2**30
# Containers that state the duration of what they hold; others guess it by the bit rate.
_STATING = ("mov", "matroska", "asf", "flac", "ape", "wv", "tta", "mpc", "aiff", "wav", "caf")
# Tolerance for a stated duration, which may include the delay of the encoder.
_LATE_SECONDS, _LATE_SHARE = 0.2, 0.02


def sound_to_flac(data: bytes, name: str) -> bytes:
    """Converts the first sound track of a file to 16-bit FLAC of its rate and channels.

    Args:
        data: the bytes of a file that FFmpeg reads.
        name: what the file is, for error messages, such as "AAC in MP4".

    Raises:
        BrokenValue: PyAV is not installed, there is no sound, it cannot be decoded, is cut off,
            is too long, or changes its rate or number of channels.
    """
    try:
        av = import_av()
    except ConfigError:
        raise BrokenValue(
            f"the file is {name}; WAV, MP3, FLAC and Ogg are read, and with PyAV "
            "(pip install 'tfmmrec[video]') this too"
        ) from None
    if data.startswith(b"OggS"):
        ogg_links(data)
    refuse_cut_off(data)
    try:
        with av.open(
            _File(data), options={"protocol_whitelist": "none"}, metadata_errors="replace"
        ) as container:
            samples, rate = _decode(container, name)
    except (av.FFmpegError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BrokenValue(
            f"the file is {name} that cannot be decoded, or is cut off: {reason}"
        ) from None
    out = io.BytesIO()
    try:
        soundfile.write(out, samples, rate, format="FLAC", subtype="PCM_16")
    except (soundfile.SoundFileError, ValueError):
        channels = samples.shape[1]
        raise BrokenValue(f"{channels} channels of {rate} Hz are not supported") from None
    return out.getvalue()


class _File(io.BytesIO):
    """Bytes whose `seek` returns -1 for a position before the start, as FFmpeg expects."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError):
            return -1


def _decode(container: Any, name: str) -> tuple[np.ndarray, int]:
    """Decodes the first sound track, int16 `[samples, channels]`."""
    if not container.streams.audio:
        raise BrokenValue(f"the file is {name} and has no sound")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise BrokenValue(f"the file is {name}, and its codec is unknown")
    resampler, form, blocks, length = None, None, [], 0
    for frame in container.decode(stream):
        found = (frame.layout.nb_channels, frame.sample_rate)
        if resampler is None:
            form, resampler = found, _to_16_bits(frame)
        if found != form:
            raise BrokenValue("the sampling rate or the channels change within the file")
        frame.pts = None
        blocks += [part.to_ndarray().reshape(-1, found[0]) for part in resampler.resample(frame)]
        length += frame.samples
        if length * found[0] > _MAX_SAMPLES:
            raise BrokenValue("the sound is too long")
    _refuse_cut_off(container, stream, length / (form[1] if form else 1))
    if resampler is None or form is None or not length:
        raise BrokenValue("the sound has no samples")
    blocks += [part.to_ndarray().reshape(-1, form[0]) for part in resampler.resample(None)]
    return np.concatenate(blocks), form[1]


def _to_16_bits(frame: Any) -> Any:
    """Returns a converter to 16 bits that leaves rate and channels as they are."""
    return import_av().AudioResampler("s16", frame.layout, frame.sample_rate)


def _refuse_cut_off(container: Any, stream: Any, seconds: float) -> None:
    if not container.format.name.startswith(_STATING):
        return
    stated = 0.0
    if stream.duration and stream.time_base:
        stated = float(stream.duration * stream.time_base)
    elif container.duration and not container.streams.video:
        stated = container.duration / 1e6
    if seconds < stated * (1.0 - _LATE_SHARE) - _LATE_SECONDS:
        raise BrokenValue(f"sound cut off: {seconds:.1f} of {stated:.1f} seconds are present")
