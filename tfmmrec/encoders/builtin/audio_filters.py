"""The default built-in audio encoder: timbre, change and rhythm of a log-mel spectrogram."""

import math

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.log_mel import NUM_MELS, SAMPLE_RATE, STRIDE, log_mel


class BuiltinAudio(tf.Module):
    """Encodes waveforms by fixed and random filters over the log-mel spectrogram (see `log_mel`).

    Three groups of statistics over time are concatenated: mean and deviation of the bands (pitch
    and timbre); mean and deviation of rectified random orthogonal filters over bands and adjacent
    frames (change); and the energy of slow waves of 1 to 16 Hz in groups of bands (rhythm). A
    random orthogonal matrix projects them to `dim`.

    Silence at the end is masked: the padding of a batch does not change an encoding.

    Input: 16 kHz mono waveforms, float32 `[batch, samples]`, of any length and volume.
    Output: float32 `[batch, 256]`; zeros for a waveform of zeros.

    Args:
        seed: the random weights use this seed and the next (default 0).
    """

    version = 1
    from_scratch = False
    dim = 256
    num_changes = 96
    groups = 4
    beats_hz = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 16.0)

    # Lists instead of tf.Module's properties, because hub.KerasLayer reads saved lists.
    variables: list[tf.Variable] = []
    trainable_variables: list[tf.Variable] = []
    regularization_losses: list[object] = []

    input_spec = tf.TensorSpec([None, None], tf.float32, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        changes = tf.keras.initializers.Orthogonal(seed=seed)([5, NUM_MELS, self.num_changes])
        self.changes = tf.Variable(changes, name="changes")
        waves = _slow_waves(SAMPLE_RATE / STRIDE, self.beats_hz)
        self.waves = tf.Variable(waves, dtype=tf.float32, name="waves")
        pooled = 2 * NUM_MELS + 2 * self.num_changes + self.groups * len(self.beats_hz)
        projection = tf.keras.initializers.Orthogonal(seed=seed + 1)([pooled, self.dim])
        self.projection = tf.Variable(projection, name="projection")
        self.variables = [self.changes, self.waves, self.projection]
        self.trainable_variables = list(self.variables)
        self.regularization_losses = []

    @tf.function
    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        del training  # there is no dropout
        # On some processors, a convolution of an empty batch has a wrong number of channels.
        return tf.cond(
            tf.shape(inputs)[0] > 0,
            lambda: self._encode(inputs),
            lambda: tf.zeros([tf.shape(inputs)[0], self.dim]),
        )

    def _encode(self, inputs: tf.Tensor) -> tf.Tensor:
        levels, mask = log_mel(inputs)  # [batch, frames, mels], [batch, frames, 1]
        centered = levels - _mean(levels, mask)
        changes = tf.nn.relu(tf.nn.conv1d(centered * mask, self.changes, 1, "SAME"))
        streams = [
            tf.concat(_moments(levels, mask), axis=1),
            tf.concat(_moments(changes, mask), axis=1),
            self._rhythm(centered * mask, mask),
        ]
        streams = [tf.math.l2_normalize(stream, axis=1, epsilon=1e-6) for stream in streams]
        return tf.matmul(tf.concat(streams, axis=1), self.projection)

    def _rhythm(self, levels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Returns the mean energy of slow waves in groups of bands, `[batch, groups * waves]`."""
        shape = tf.shape(levels)
        grouped = tf.reshape(levels, [shape[0], shape[1], self.groups, -1])
        tracks = tf.transpose(tf.reduce_mean(grouped, axis=3), [0, 2, 1])
        tracks = tf.reshape(tracks, [-1, shape[1], 1])
        responses = tf.nn.conv1d(tracks, self.waves, 1, "SAME")
        cosine, sine = tf.split(responses, 2, axis=-1)
        energy = tf.sqrt(tf.square(cosine) + tf.square(sine) + 1e-8)
        energy = tf.reshape(energy, [shape[0], self.groups, shape[1], len(self.beats_hz)])
        energy = tf.reduce_sum(energy * mask[:, tf.newaxis], axis=2)
        energy /= tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)[:, tf.newaxis]
        return tf.reshape(energy, [-1, self.groups * len(self.beats_hz)])


def _mean(maps: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    count = tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)
    return tf.reduce_sum(maps * mask, axis=1, keepdims=True) / count


def _moments(maps: tf.Tensor, mask: tf.Tensor) -> list[tf.Tensor]:
    """Returns mean and deviation over the unmasked frames, each `[batch, channels]`."""
    mean = _mean(maps, mask)
    variance = _mean(tf.square(maps - mean), mask)
    # The epsilon avoids an infinite gradient of the root at zero; a zero waveform stays zero.
    deviation = tf.sqrt(variance + 1e-8) - 1e-4
    return [mean[:, 0], deviation[:, 0]]


def _slow_waves(frame_rate: float, beats_hz: tuple[float, ...]) -> np.ndarray:
    """Returns cosines, then sines, of one second under a Hann window, `[taps, 1, 2 * beats]`."""
    taps = int(frame_rate) | 1
    seconds = (np.arange(taps) - taps // 2) / frame_rate
    angle = 2.0 * math.pi * seconds[:, None] * np.asarray(beats_hz)
    window = np.hanning(taps + 2)[1:-1, None]
    waves = np.concatenate([np.cos(angle) * window, np.sin(angle) * window], axis=1)
    # Waves have mean zero, since a constant level is no rhythm.
    waves -= window * waves.sum(axis=0) / window.sum()
    return (waves / np.linalg.norm(waves, axis=0))[:, None, :]
