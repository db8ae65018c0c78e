"""The log-mel spectrogram of the built-in audio encoders."""

import tensorflow as tf

SAMPLE_RATE = 16_000
WINDOW = 1024
STRIDE = 256
NUM_MELS = 64
TOP_DB = 80.0


def log_mel(waveforms: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes log-mel spectrograms with 64 bands from 40 to 7800 Hz.

    A waveform is scaled to a peak of one, so that its volume does not matter, and its levels are
    clipped at 80 dB below the loudest. Silence at the end is masked: the padding of a batch only
    adds frames of zeros.

    Args:
        waveforms: 16 kHz mono, float32 `[batch, samples]`, any length; NaN and infinity count as
            silence.

    Returns:
        Levels from 0 to 1, float32 `[batch, frames, 64]`, a frame per 16 ms; and the mask, float32
        `[batch, frames, 1]`, 0 after the last sound.
    """
    waveforms = tf.where(tf.math.is_finite(waveforms), waveforms, 0.0)
    # At least one sample, so that there is a frame; the spectrogram pads the last frames.
    missing = tf.maximum(0, 1 - tf.shape(waveforms)[1])
    waveforms = tf.pad(waveforms, [[0, 0], [0, missing]])
    peak = tf.reduce_max(tf.abs(waveforms), axis=1, keepdims=True)
    waveforms = tf.math.divide_no_nan(waveforms, peak)
    mask = _sound_mask(waveforms)
    return _levels(waveforms) * mask, mask


def _sound_mask(waveforms: tf.Tensor) -> tf.Tensor:
    """Returns 1 for each frame that starts before the last nonzero sample."""
    positions = tf.range(1, tf.shape(waveforms)[1] + 1)
    ends = tf.reduce_max(tf.where(waveforms != 0.0, positions, 0), axis=1, keepdims=True)
    starts = tf.range(0, tf.shape(waveforms)[1], STRIDE)
    return tf.cast(starts < ends, tf.float32)[:, :, tf.newaxis]


def _levels(waveforms: tf.Tensor) -> tf.Tensor:
    # Imported here, since most commands save no encoder.
    import tensorflow_io as tfio

    power = tfio.audio.spectrogram(waveforms, nfft=WINDOW, window=WINDOW, stride=STRIDE)
    bands = tfio.audio.melscale(power, rate=SAMPLE_RATE, mels=NUM_MELS, fmin=40.0, fmax=7800.0)
    # dbscale clips relative to the loudest level of the batch; 300 dB clip nothing, and each
    # waveform is clipped relative to its own loudest level below.
    decibels = tfio.audio.dbscale(bands, top_db=300.0)
    loudest = tf.reduce_max(decibels, axis=[1, 2], keepdims=True)
    return tf.nn.relu(1.0 + (decibels - loudest) / TOP_DB)
