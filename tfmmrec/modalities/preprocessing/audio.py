"""Steps on audio: mono mix, resampling, loudness normalization, silence trimming, truncation.

A sound that a step changes is stored as 16-bit PCM WAV, with its channels. A sound that needs no
change keeps its bytes.
"""

import dataclasses
import functools
import io
import math
from typing import ClassVar

import numpy as np
import soundfile
import tensorflow as tf

from tfmmrec.config.checks import check_above, check_count
from tfmmrec.modalities.codecs.wav import HIGHEST_RATE, LOWEST_RATE, read_channels, resample
from tfmmrec.modalities.preprocessing.base import STEPS, Step
from tfmmrec.modalities.preprocessing.requirements import need

# The largest 16-bit sample as a float.
_LOUDEST = 1.0 - 2.0**-15


@STEPS.register("mono")
@dataclasses.dataclass(frozen=True)
class Mono(Step):
    """Mixes a sound to mono: the mean of its channels."""

    modalities: ClassVar[tuple[str, ...]] = ("audio",)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        channels, rate = decoded(value)
        if channels.shape[1] == 1:
            return value, {}
        return _encoded(channels.mean(axis=1, keepdims=True), rate), {}


@STEPS.register("resample")
@dataclasses.dataclass(frozen=True)
class Resample(Step):
    """Resamples a sound to a sampling rate, with the resampler of `tfmmrec.modalities.codecs.wav`.

    Attributes:
        rate: the sampling rate in Hz (default 16000).
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio",)
    rate: int = 16_000

    def __post_init__(self) -> None:
        check_count("rate", self.rate, LOWEST_RATE, HIGHEST_RATE)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        channels, rate = decoded(value)
        if rate == self.rate:
            return value, {}
        return _encoded(resampled(channels, rate, self.rate), self.rate), {}


@STEPS.register("loudness")
@dataclasses.dataclass(frozen=True)
class Loudness(Step):
    """Normalizes the loudness of a sound (ITU-R BS.1770), with pyloudnorm.

    The gain is smaller where the loudest sample would be cut off. Silence, and what is shorter
    than the 0.4 seconds that the measure takes, stays as it is.

    Attributes:
        target: the loudness in LUFS, above -70 and at most 0 (default -23, see EBU R 128).
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio",)
    target: float = -23.0

    def __post_init__(self) -> None:
        check_above("target", self.target, -70.0, 0.0)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        meter = need("pyloudnorm", self.kind).Meter
        channels, rate = decoded(value)
        # The measure is defined for at most five channels.
        heard = channels if channels.shape[1] <= 5 else channels.mean(axis=1, keepdims=True)
        if len(heard) < 0.4 * rate:
            return value, {}
        with np.errstate(all="ignore"):
            measured = float(meter(rate).integrated_loudness(heard.astype(np.float64)))
        if not math.isfinite(measured):
            return value, {}
        gain = min(10.0 ** ((self.target - measured) / 20.0), _LOUDEST / np.abs(channels).max())
        if abs(20.0 * math.log10(gain)) < 0.05:  # inaudible
            return value, {}
        return _encoded(channels * np.float32(gain), rate), {}


@STEPS.register("trim")
@dataclasses.dataclass(frozen=True)
class Trim(Step):
    """Trims silence at the start and end of a sound, with tensorflow-io.

    Of a sound that is nothing but zeros nothing is left, and it is absent.

    Attributes:
        threshold_db: the level of silence in decibels below the loudest sample, above -120,
            at most -1 (default -40).
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio",)
    threshold_db: float = -40.0

    def __post_init__(self) -> None:
        check_above("threshold_db", self.threshold_db, -120.0, -1.0)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        tfio = need("tensorflow_io", self.kind)
        channels, rate = decoded(value)
        peaks = np.abs(channels).max(axis=1)
        silence = float(peaks.max()) * 10.0 ** (self.threshold_db / 20.0)
        start, stop = tfio.audio.trim(peaks, axis=0, epsilon=silence).numpy()
        if start >= stop:
            return b"", {}
        if stop - start == len(channels):
            return value, {}
        return _encoded(channels[start:stop], rate), {}


@STEPS.register("limit")
@dataclasses.dataclass(frozen=True)
class Limit(Step):
    """Truncates a sound to its first seconds.

    Attributes:
        seconds: the maximum duration (default 10).
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio",)
    seconds: float = 10.0

    def __post_init__(self) -> None:
        check_above("seconds", self.seconds, 0.0, 86_400.0)

    def run(self, value: bytes) -> tuple[bytes, dict]:
        channels, rate = decoded(value)
        kept = max(1, round(self.seconds * rate))
        if len(channels) <= kept:
            return value, {}
        return _encoded(channels[:kept], rate), {}


@functools.lru_cache(maxsize=1)
def decoded(value: bytes) -> tuple[np.ndarray, int]:
    """Decodes like `read_channels`; consecutive steps that change nothing share one decoding."""
    channels, rate = read_channels(value)
    channels.setflags(write=False)
    return channels, rate


def resampled(channels: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """Resamples each channel, `[samples, channels]`."""
    function = _resampler(rate_out)
    waves = [function(wave, rate_in).numpy() for wave in channels.T]
    return np.stack(waves, axis=1)


@functools.cache
def _resampler(rate: int) -> tf.types.experimental.GenericFunction:
    # The loop over seconds is slow in eager mode.
    specs = [tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)]
    return tf.function(lambda wave, rate_in: resample(wave, rate_in, rate), input_signature=specs)


def _encoded(channels: np.ndarray, rate: int) -> bytes:
    wav = io.BytesIO()
    soundfile.write(wav, channels, rate, format="WAV", subtype="PCM_16")
    return wav.getvalue()
