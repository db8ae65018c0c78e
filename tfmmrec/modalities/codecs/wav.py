"""Decodes audio files to mono waveforms and resamples them, equally when cached and served."""

import functools
import io
import math
import struct
from typing import Any

import numpy as np
import soundfile
import tensorflow as tf

from tfmmrec.errors import BrokenValue

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000

# Of all channels together: 4 GB once decoded, three hours of 48 kHz in stereo.
_MAX_SAMPLES = 2**30
# Only silence compresses better; the samples of such a file are counted.
_PLAUSIBLE_SAMPLES_PER_BYTE = 64

# Zero crossings of the sinc on either side. With this Kaiser window (80 dB), the transition band is
# 0.2 of the lower Nyquist frequency wide and ends there.
_ZERO_CROSSINGS = 24
_KAISER_BETA = 8.0
_ROLLOFF = 0.9


def resample(waveform: tf.Tensor, rate_in: tf.Tensor, rate_out: int) -> tf.Tensor:
    """Resamples with a windowed sinc filter below the lower of the two Nyquist frequencies.

    Output n is at the input time n * rate_in / rate_out, in exact integer arithmetic. The
    fractions of the times repeat every rate_out / gcd outputs, so the filter is computed once per
    phase. It is applied to one second of output at a time, so memory does not grow with the
    length. (Smith, "Digital Audio Resampling Home Page",
    https://ccrma.stanford.edu/~jos/resample/.)

    Args:
        waveform: float32 `[samples]`.
        rate_in: its sampling rate in Hz, an integer scalar, clipped to 1,000 to 384,000.
        rate_out: the target sampling rate in Hz.

    Returns:
        float32 `[ceil(samples * rate_out / rate_in)]`, `waveform` itself at equal rates.
    """
    rate_in = tf.clip_by_value(tf.cast(rate_in, tf.int32), LOWEST_RATE, HIGHEST_RATE)
    waveform = tf.reshape(tf.cast(waveform, tf.float32), [-1])
    return tf.cond(
        tf.equal(rate_in, rate_out),
        lambda: waveform,
        lambda: _resample_by_seconds(waveform, rate_in, rate_out),
    )


def _resample_by_seconds(waveform: tf.Tensor, rate_in: tf.Tensor, rate_out: int) -> tf.Tensor:
    divisor = _greatest_common_divisor(rate_in, rate_out)
    phases = rate_out // divisor
    filters, first = _phase_filters(rate_in, rate_out, phases)  # [phases, taps], [phases]
    taps = tf.shape(filters)[1]
    samples = tf.size(waveform)
    num_outputs = -(-tf.cast(samples, tf.int64) * rate_out // tf.cast(rate_in, tf.int64))
    seconds = tf.cast(-(-num_outputs // rate_out), tf.int32)
    # Zero padding before the first and after the last sample.
    padded = tf.pad(waveform, [[taps, taps + (seconds * rate_in - samples) + rate_in]])
    cycles = tf.range(divisor)[:, None, None] * (rate_in // divisor)
    sources = taps + cycles + first[None, :, None] + tf.range(taps)  # [cycles, phases, taps]

    def one_second(second: tf.Tensor) -> tf.Tensor:
        span = padded[second * rate_in : (second + 1) * rate_in + 2 * taps + 1]
        return tf.reshape(tf.reduce_sum(tf.gather(span, sources) * filters, axis=-1), [-1])

    chunks = tf.map_fn(
        one_second,
        tf.range(seconds),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec([rate_out], tf.float32),
    )
    return tf.reshape(chunks, [-1])[:num_outputs]


def _phase_filters(
    rate_in: tf.Tensor, rate_out: int, phases: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the filter per phase `[phases, taps]` and its first input sample `[phases]`."""
    # The cut-off, in cycles per input sample times two.
    cutoff = _ROLLOFF * tf.minimum(1.0, rate_out / tf.cast(rate_in, tf.float32))
    half_width = tf.cast(tf.math.ceil(_ZERO_CROSSINGS / cutoff), tf.int32)
    position = tf.range(tf.cast(phases, tf.int64)) * tf.cast(rate_in, tf.int64)
    fraction = tf.cast(position % rate_out, tf.float32) / rate_out
    offsets = tf.range(-half_width, half_width + 1)
    distance = cutoff * (tf.cast(offsets, tf.float32) - fraction[:, None])
    inside = tf.sqrt(tf.maximum(0.0, 1.0 - tf.square(distance / _ZERO_CROSSINGS)))
    window = tf.math.bessel_i0(_KAISER_BETA * inside) / float(np.i0(_KAISER_BETA))
    window = tf.where(tf.abs(distance) < _ZERO_CROSSINGS, window, 0.0)
    angle = math.pi * distance
    sinc = tf.where(tf.abs(angle) < 1e-6, 1.0, tf.sin(angle) / tf.where(angle == 0.0, 1.0, angle))
    filters = sinc * window
    # Unit gain for a constant in every phase.
    filters /= tf.reduce_sum(filters, axis=1, keepdims=True)
    return filters, tf.cast(position // rate_out, tf.int32) - half_width


def _greatest_common_divisor(a: tf.Tensor, b: int) -> tf.Tensor:
    divisor, _ = tf.while_loop(
        lambda a, b: b > 0, lambda a, b: (b, a % b), (a, tf.constant(b, tf.int32))
    )
    return divisor


def decode_wav(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a 16-bit PCM WAV file with core ops.

    Args:
        data: the bytes of the file, a string scalar; "" (absent) has no samples.

    Returns:
        The mean of the channels, float32 `[samples]` in [-1, 1], and the rate in Hz, int32 scalar.
    """

    def decode() -> tuple[tf.Tensor, tf.Tensor]:
        channels, rate = tf.audio.decode_wav(data)
        return tf.reduce_mean(channels, axis=1), rate

    return tf.cond(
        tf.strings.length(data) > 0,
        decode,
        lambda: (tf.zeros([0], tf.float32), tf.constant(16_000, tf.int32)),
    )


def read_audio(data: bytes, hint: str = "") -> tuple[np.ndarray, int]:
    """Decodes a WAV, MP3, FLAC or Ogg Vorbis file, with tensorflow-io where that is safe.

    Args:
        data: the bytes of the file.
        hint: the name of the file, for error messages (default none).

    Returns:
        The mean of the channels, float32 `[samples]` in about [-1, 1], and the rate in Hz.

    Raises:
        BrokenValue: the file cannot be decoded, is cut off, has no samples, samples that are not
            finite or more than 2^30 samples, or its rate is not from 1,000 to 384,000 Hz.
    """
    channels, rate = read_channels(data, hint)
    return channels.mean(axis=1, dtype=np.float32), rate


def read_channels(data: bytes, hint: str = "") -> tuple[np.ndarray, int]:
    """Decodes like `read_audio`, without mixing channels: float32 `[samples, channels]`."""
    try:
        info = soundfile.info(io.BytesIO(data))
        _refuse_cut_off(data, info)
        _refuse_too_long(data, info)
        channels = _decode_natively(data, info)
        if channels is None:
            channels, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        if len(channels) == 0:
            raise BrokenValue("the sound has no samples")
        if info.format != "OGG" and 0 < info.frames < 1 << 40 and len(channels) < info.frames:
            raise BrokenValue(
                f"sound cut off: {len(channels)} of {info.frames} samples are present"
            )
        if not np.isfinite(channels).all():
            raise BrokenValue("the sound has samples that are not finite")
        if not LOWEST_RATE <= info.samplerate <= HIGHEST_RATE:
            raise BrokenValue(f"a sampling rate of {info.samplerate} Hz is not supported")
    except BrokenValue as error:
        raise BrokenValue(f"{hint}: {error}" if hint else str(error)) from None
    except (soundfile.SoundFileError, RuntimeError, ValueError, struct.error) as error:
        reason = str(error).split(": ", 1)[-1].strip().rstrip(".") or "it is malformed"
        for start, name in ((b"OggS", "Ogg"), (b"fLaC", "FLAC")):
            if data.startswith(start):
                reason = f"the {name} stream is broken or cut off"
        where = f"{hint}: " if hint else ""
        raise BrokenValue(f"{where}not a sound that can be decoded: {reason}") from None
    return channels, int(info.samplerate)


def _refuse_cut_off(data: bytes, info: Any) -> None:
    """Raises BrokenValue for a truncated WAV or Ogg file."""
    if info.format == "WAV" and data[:4] == b"RIFF":
        at = 12
        while at + 8 <= len(data):
            name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
            # A recorder that writes to a pipe stores all ones for the unknown size.
            if name == b"data" and size < 0xFFFFF000 and at + 8 + size > len(data):
                raise BrokenValue(
                    f"sound cut off: {len(data) - at - 8} of {size} bytes are present"
                )
            at += 8 + size + size % 2
    elif info.format == "OGG":
        last = data.rfind(b"OggS")
        if last < 0 or last + 27 > len(data):
            raise BrokenValue("sound cut off inside the header of an Ogg page")
        segments = data[last + 26]
        end = last + 27 + segments + sum(data[last + 27 : last + 27 + segments])
        # Bit 4 of the flags marks the last page of the stream.
        if not data[last + 5] & 4 or end > len(data):
            raise BrokenValue("sound cut off: the Ogg stream does not end")


def _refuse_too_long(data: bytes, info: Any) -> None:
    """Raises BrokenValue before a decoder allocates memory for too many or missing samples."""
    if info.frames > _PLAUSIBLE_SAMPLES_PER_BYTE * len(data):
        found = 0
        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                while found <= _MAX_SAMPLES and (block := len(file.read(65536))):
                    found += block
        except (soundfile.SoundFileError, RuntimeError):
            pass  # the number found is checked next
        if found < info.frames:
            raise BrokenValue(f"sound cut off: {found} of {info.frames} samples are present")
    if info.frames * info.channels > _MAX_SAMPLES:
        hours = info.frames / max(1, info.samplerate) / 3600
        raise BrokenValue(f"the sound is too long ({hours:.1f} hours in {info.channels} channels)")


@functools.cache
def _native_decoders() -> dict[tuple[str, str], tuple[Any, float, float]]:
    """Returns the decoders of tensorflow-io, with zero and scale, by format and subtype.

    Left out are 32-bit and 64-bit WAV and Ogg Opus, which it misreads or refuses; FLAC, where it
    hangs on some invalid files; and MP3, where it allocates as many samples as the header claims.
    """
    try:
        import tensorflow_io as tfio

        tfio.audio.decode_wav(_SHORTEST_WAV, dtype=tf.int16)
    except Exception:  # soundfile decodes if the ops cannot be loaded
        return {}
    wav = tfio.audio.decode_wav
    return {
        ("WAV", "PCM_U8"): (functools.partial(wav, dtype=tf.uint8), 128.0, 2.0**7),
        ("WAV", "PCM_16"): (functools.partial(wav, dtype=tf.int16), 0.0, 2.0**15),
        ("WAV", "PCM_24"): (functools.partial(wav, dtype=tf.int32), 0.0, 2.0**31),
        ("WAV", "FLOAT"): (functools.partial(wav, dtype=tf.float32), 0.0, 1.0),
        ("OGG", "VORBIS"): (tfio.audio.decode_vorbis, 0.0, 1.0),
    }


# Mono, 8000 Hz, 16 bits, two samples of zero.
_SHORTEST_WAV = (
    b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0"
    b"data\x04\0\0\0\0\0\0\0"
)


def _decode_natively(data: bytes, info: Any) -> np.ndarray | None:
    """Decodes with tensorflow-io, float32 `[samples, channels]`; None if it cannot."""
    native = _native_decoders().get((info.format, info.subtype))
    if native is None or (info.format == "WAV" and not _is_plain_wav(data, info)):
        return None
    decode, zero, scale = native
    try:
        with tf.device("/CPU:0"):
            samples = decode(data).numpy()
    except (tf.errors.OpError, NotImplementedError):
        return None
    # Exact in float32: samples have at most 24 significant bits.
    return (samples.astype(np.float32) - np.float32(zero)) / np.float32(scale)


def _is_plain_wav(data: bytes, info: Any) -> bool:
    """Returns whether the format block of a WAV file is consistent; tensorflow-io divides by it."""
    at = data.find(b"fmt ", 12) + 8
    if data[:4] != b"RIFF" or not 20 <= at <= len(data) - 16:
        return False
    _, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data, at)
    return (
        channels == info.channels and rate == info.samplerate and block * 8 == channels * bits > 0
    )
