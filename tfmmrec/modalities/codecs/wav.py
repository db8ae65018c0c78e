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
from tfmmrec.modalities.codecs.file_kinds import OTHER, kind_of, why_not
from tfmmrec.modalities.codecs.mp3 import read_mp3
from tfmmrec.modalities.codecs.sound_structure import (
    mend_wav,
    ogg_links,
    refuse_cut_off,
    wav_codec,
)

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000

# Of all channels together: 4 GB once decoded, three hours of 48 kHz in stereo.
_MAX_SAMPLES = 2**30
# Only silence compresses better; of such a file the header is not believed.
_PLAUSIBLE_SAMPLES_PER_BYTE = 64
# Above it, libsndfile does not know the number of samples.
_UNKNOWN = 1 << 40
_BLOCK = 1 << 20
_MPEG_IN_WAV = (0x50, 0x55)
# Formats whose headers say, or whose ends show, whether the file is cut off.
_FORMATS = {
    "WAV",
    "WAVEX",
    "RF64",
    "W64",
    "MP3",
    "MPEG",
    "FLAC",
    "OGG",
    "AIFF",
    "AU",
    "CAF",
    "NIST",
}
_READ = "WAV, MP3, FLAC, Ogg, AIFF, AU, CAF and NIST"

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
    """Decodes a WAV, MP3, FLAC or Ogg file, or another that libsndfile reads.

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
        parts = [_decode(link) for link in readable_sound(data)]
        rate = parts[0][1]
        if len({(part.shape[1], part_rate) for part, part_rate in parts}) > 1:
            raise BrokenValue("the sampling rate or the channels change within the file")
        channels = parts[0][0] if len(parts) == 1 else np.concatenate([part for part, _ in parts])
        if len(channels) == 0:
            raise BrokenValue("the sound has no samples")
        if not np.isfinite(channels).all():
            raise BrokenValue("the sound has samples that are not finite")
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise BrokenValue(f"a sampling rate of {rate} Hz is not supported")
    except BrokenValue as error:
        raise BrokenValue(f"{hint}: {error}" if hint else str(error)) from None
    except (soundfile.SoundFileError, RuntimeError, ValueError, struct.error) as error:
        where = f"{hint}: " if hint else ""
        raise BrokenValue(f"{where}{_why_not(data, error)}") from None
    return channels, rate


def readable_sound(data: bytes) -> list[bytes]:
    """Returns the parts of a sound file as libsndfile reads each to its end.

    This is the file itself if its header says how much there is. See `read_mp3`, `mend_wav` and
    `ogg_links` for where it does not.

    Raises:
        BrokenValue: the file is cut off.
    """
    if data.startswith(b"OggS"):
        return ogg_links(data)
    if data[:4] in (b"RIFF", b"RF64", b"BW64") and data[8:12] == b"WAVE":
        wav = mend_wav(data)
        mp3 = read_mp3(wav[12:]) if wav_codec(wav) in _MPEG_IN_WAV else None
        return [wav if mp3 is None else mp3.data]
    kind = kind_of(data)
    if kind is None or kind.name.startswith("MP3") or kind.medium == OTHER:
        mp3 = read_mp3(data)
        return [data if mp3 is None else mp3.data]
    refuse_cut_off(data)
    return [data]


def describe_sound(data: bytes) -> tuple[str, float]:
    """Returns the format of a stored sound and its duration in seconds, without decoding it."""
    infos = [soundfile.info(io.BytesIO(part)) for part in readable_sound(data)]
    seconds = sum(info.frames / info.samplerate for info in infos if info.frames < _UNKNOWN)
    return str(infos[0].format), seconds


def _why_not(data: bytes, error: Exception) -> str:
    for start, name in ((b"OggS", "Ogg"), (b"fLaC", "FLAC")):
        if data.startswith(start):
            return f"not a sound that can be decoded: the {name} stream is broken or cut off"
    reason = str(error).split(": ", 1)[-1].strip().rstrip(".") or "it is malformed"
    if "not recognised" in reason:
        return why_not(data, "sound", _READ)
    return f"not a sound that can be decoded: {reason}"


def _decode(data: bytes) -> tuple[np.ndarray, int]:
    """Decodes a file whose header says how much there is, float32 `[samples, channels]`."""
    info = soundfile.info(io.BytesIO(data))
    if info.format not in _FORMATS:
        raise BrokenValue(f"the file is {info.format}, which is not read; {_READ} are")
    stated = info.frames < _UNKNOWN
    if stated and info.frames <= _PLAUSIBLE_SAMPLES_PER_BYTE * len(data):
        _refuse_too_long(info.frames, info)
    channels = _decode_natively(data, info)
    if channels is None or (stated and len(channels) < info.frames):
        channels = _decode_by_blocks(data, info)
    # Of MP3 the number is that of the frames, and a damaged one may be passed over.
    least = {"OGG": 0, "MP3": info.frames * 19 // 20}.get(info.format, info.frames)
    if stated and len(channels) < least:
        raise BrokenValue(f"sound cut off: {len(channels)} of {info.frames} samples are present")
    return channels, int(info.samplerate)


class _Stream(soundfile.SoundFile):
    """A sound file that is read to its end, wherever its header says that this is."""

    def seekable(self) -> bool:
        return False


def _decode_by_blocks(data: bytes, info: Any) -> np.ndarray:
    """Reads what the header claims, or to the end, without allocating more than there is."""
    blocks, found = [], 0
    with _Stream(io.BytesIO(data)) as file:
        while wanted := min(_BLOCK, info.frames - found):
            block = file.read(wanted, dtype="float32", always_2d=True)
            if not len(block):
                break
            # A copy, because a block has room for all that was asked for.
            blocks.append(block if len(block) == wanted else block.copy())
            found += len(block)
            _refuse_too_long(found, info)
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate(blocks) if blocks else np.zeros([0, info.channels], np.float32)


def _refuse_too_long(frames: int, info: Any) -> None:
    if frames * info.channels > _MAX_SAMPLES:
        hours = frames / max(1, info.samplerate) / 3600
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
