"""The built-in audio encoder `builtin:cnn`."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.base import ScratchEncoder
from tfmmrec.encoders.builtin.layers import Convolution, Dense, GroupNorm, LayerNorm, ResidualBlock
from tfmmrec.encoders.builtin.log_mel import NUM_MELS, log_mel


class BuiltinAudioCnn(ScratchEncoder):
    """Encodes waveforms by a small residual CNN over the log-mel spectrogram.

    A convolution and three residual blocks each halve time and frequency. The mean over time, with
    frequencies and channels flattened, is projected to `dim`. Positions after the end of a waveform
    are masked before each convolution, so that the padding of a batch does not matter.

    Input: 16 kHz mono waveforms, float32 `[batch, samples]`, of any length and volume.
    Output: float32 `[batch, 128]`.

    Args:
        seed: of the initial weights (default 0).
    """

    widths = (16, 32, 64, 128)

    input_spec = tf.TensorSpec([None, None], tf.float32, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        random = np.random.RandomState(seed)
        self.stem = Convolution(random, 1, self.widths[0], name="stem", stride=2)
        self.blocks = [
            ResidualBlock(random, channels, units, name=f"block_{number}")
            for number, (channels, units) in enumerate(
                zip(self.widths[:-1], self.widths[1:], strict=True)
            )
        ]
        self.last_norm = GroupNorm(self.widths[-1], name="last_norm")
        self.pooled_dim = self.widths[-1] * NUM_MELS // 2 ** len(self.widths)
        self.project = Dense(random, self.pooled_dim, self.dim, name="project")
        self.norm = LayerNorm(self.dim, name="norm")
        self.list_variables()

    def encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        levels, mask = log_mel(inputs)
        maps = self.stem(levels[..., tf.newaxis])  # [batch, frames, mels, channels]
        mask = mask[:, ::2, :, tf.newaxis]  # [batch, frames, 1, 1]
        for block in self.blocks:
            maps, mask = block(maps, mask)
        maps = tf.nn.relu(self.last_norm(maps, mask)) * mask
        # A waveform of zeros has no frames.
        frames = tf.maximum(tf.reduce_sum(mask, axis=[1, 2]), 1.0)
        pooled = tf.reshape(tf.reduce_sum(maps, axis=1), [-1, self.pooled_dim]) / frames
        return self.norm(self.project(self.drop(pooled, training)))
