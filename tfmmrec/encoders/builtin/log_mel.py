"""What the built-in audio encoders see of a sound: decibels in mel bands over time."""

import tensorflow as tf
import tensorflow_io as tfio

SAMPLE_RATE = 16_000
WINDOW = 1024
STRIDE = 256
NUM_MELS = 64
TOP_DB = 80.0


def log_mel(waveforms: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Turns waveforms into levels in mel bands of 40 to 7800 Hz.

    A waveform is scaled to a peak of one, so that loudness does not matter; of its decibels, the
    80 dB below the loudest are kept. Silence at the end is no sound: the padding of a batch changes
    neither levels nor mask but by more frames of zeros.

    Args:
        waveforms: 16 kHz mono, float32 `[batch, samples]`, any length; NaN and infinity are read
            as silence.

    Returns:
        levels, float32 `[batch, frames, 64]` in 0 to 1, a frame every 16 ms; and the mask, 1 where
        there is sound, float32 `[batch, frames, 1]`.
    """
    waveforms = tf.where(tf.math.is_finite(waveforms), waveforms, 0.0)
    # At least one sample, so that there is a frame; the spectrogram pads the last frames.
    missing = tf.maximum(0, 1 - tf.shape(waveforms)[1])
    waveforms = tf.pad(waveforms, [[0, 0], [0, missing]])
    peak = tf.reduce_max(tf.abs(waveforms), axis=1, keepdims=True)
    waveforms = tf.math.divide_no_nan(waveforms, peak)
    mask = _frames_before_silence(waveforms)
    return _levels(waveforms) * mask, mask


def _frames_before_silence(waveforms: tf.Tensor) -> tf.Tensor:
    """Returns 1 for every frame that starts before the last sample that is not zero."""
    places = tf.range(1, tf.shape(waveforms)[1] + 1)
    ends = tf.reduce_max(tf.where(waveforms != 0.0, places, 0), axis=1, keepdims=True)
    starts = tf.range(0, tf.shape(waveforms)[1], STRIDE)
    return tf.cast(starts < ends, tf.float32)[:, :, tf.newaxis]


def _levels(waveforms: tf.Tensor) -> tf.Tensor:
    power = tfio.audio.spectrogram(waveforms, nfft=WINDOW, window=WINDOW, stride=STRIDE)
    bands = tfio.audio.melscale(power, rate=SAMPLE_RATE, mels=NUM_MELS, fmin=40.0, fmax=7800.0)
    # dbscale cuts below the loudest of the whole batch; 300 dB cut nothing, and each
    # waveform is cut below its own loudest here.
    decibels = tfio.audio.dbscale(bands, top_db=300.0)
    loudest = tf.reduce_max(decibels, axis=[1, 2], keepdims=True)
    return tf.nn.relu(1.0 + (decibels - loudest) / TOP_DB)
