"""The built-in image encoder `builtin:cnn`."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.base import ScratchEncoder
from tfmmrec.encoders.builtin.layers import Convolution, Dense, GroupNorm, LayerNorm, ResidualBlock


class BuiltinImageCnn(ScratchEncoder):
    """Encodes images by a small residual CNN of 0.7 million weights.

    The image is resized to `picture_size`; a convolution and three residual blocks each halve it,
    to 48, 24, 12 and 6 pixels, and the mean over positions is projected to `dim`.

    Input: float32 `[batch, height, width, 3]` in [0, 1], any size. Output: float32 `[batch, 128]`.

    Args:
        seed: of the initial weights (default 0).
    """

    picture_size = 96
    widths = (24, 48, 96, 192)

    input_spec = tf.TensorSpec([None, None, None, 3], tf.float32, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        random = np.random.RandomState(seed)
        self.stem = Convolution(random, 3, self.widths[0], name="stem", stride=2)
        self.blocks = [
            ResidualBlock(random, channels, units, name=f"block_{number}")
            for number, (channels, units) in enumerate(
                zip(self.widths[:-1], self.widths[1:], strict=True)
            )
        ]
        self.last_norm = GroupNorm(self.widths[-1], name="last_norm")
        self.project = Dense(random, self.widths[-1], self.dim, name="project")
        self.norm = LayerNorm(self.dim, name="norm")
        self.list_variables()

    def encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        pictures = tf.where(tf.math.is_finite(inputs), inputs, 0.0)
        pictures = resize_pictures(tf.clip_by_value(pictures, 0.0, 1.0), self.picture_size)
        maps = self.stem(2.0 * pictures - 1.0)
        for block in self.blocks:
            maps, _ = block(maps)
        pooled = tf.reduce_mean(tf.nn.relu(self.last_norm(maps)), axis=[1, 2])
        return self.norm(self.project(self.drop(pooled, training)))


def resize_pictures(pictures: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes like `tf.image.resize(..., antialias=True)`, by matrix products that XLA can compile.

    Shapes: `[batch, height, width, channels]` to `[batch, size, size, channels]`.
    """
    rows = _resizing_weights(tf.shape(pictures)[1], size)
    columns = _resizing_weights(tf.shape(pictures)[2], size)
    pictures = tf.einsum("yh,bhwc->bywc", rows, pictures)
    return tf.einsum("xw,bywc->byxc", columns, pictures)


def _resizing_weights(old: tf.Tensor, new: int) -> tf.Tensor:
    """Returns the weight of each old position for each new one, `[new, old]`."""
    step = tf.cast(old, tf.float32) / new
    centres = (tf.range(new, dtype=tf.float32) + 0.5) * step - 0.5
    distances = tf.abs(centres[:, tf.newaxis] - tf.cast(tf.range(old), tf.float32))
    weights = tf.nn.relu(1.0 - distances / tf.maximum(step, 1.0))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)
