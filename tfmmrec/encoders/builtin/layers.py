"""Layers of the built-in encoders that are trained from scratch.

Their initial weights are drawn by NumPy's `RandomState`, which gives the same numbers on every
machine and in every version.
"""

import math

import numpy as np
import tensorflow as tf


class Dense(tf.Module):
    """A linear layer, `[..., inputs]` to `[..., units]`."""

    def __init__(
        self,
        random: np.random.RandomState,
        inputs: int,
        units: int,
        *,
        name: str,
        use_bias: bool = True,
    ):
        super().__init__()
        self.kernel = normal(random, [inputs, units], 1.0 / math.sqrt(inputs), f"{name}/kernel")
        self.bias = tf.Variable(tf.zeros([units]), name=f"{name}/bias") if use_bias else None

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = tf.tensordot(inputs, self.kernel, 1)
        return outputs if self.bias is None else outputs + self.bias


class LayerNorm(tf.Module):
    """Layer normalization over the channels of each position (Ba et al. 2016, arXiv 1607.06450).

    It depends on no other position or row, so that neither padding nor the batch changes the
    output.
    """

    # If all channels are equal, the slope is 1 / sqrt(epsilon).
    epsilon = 1e-3

    def __init__(self, dim: int, *, name: str):
        super().__init__()
        self.scale = tf.Variable(tf.ones([dim]), name=f"{name}/scale")
        self.shift = tf.Variable(tf.zeros([dim]), name=f"{name}/shift")

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
        centered = inputs - tf.reduce_mean(inputs, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
        return centered * tf.math.rsqrt(variance + self.epsilon) * self.scale + self.shift


class GroupNorm(tf.Module):
    """Group normalization of each row (Wu and He 2018, arXiv 1803.08494).

    Unlike batch normalization it depends on no other row, so that training and serving agree. It
    uses only positions where the mask is one, so that padding does not change the output.
    """

    num_groups = 8
    epsilon = 1e-3

    def __init__(self, channels: int, *, name: str):
        super().__init__()
        self.scale = tf.Variable(tf.ones([channels]), name=f"{name}/scale")
        self.shift = tf.Variable(tf.zeros([channels]), name=f"{name}/shift")

    def __call__(self, maps: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Normalizes `[batch, height, width, channels]`; the mask is `[batch, height, 1, 1]`."""
        centered = maps - self._mean(maps, mask)
        variance = self._mean(tf.square(centered), mask)
        return centered * tf.math.rsqrt(variance + self.epsilon) * self.scale + self.shift

    def _mean(self, maps: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        """Returns the mean of each group, `[batch, 1, 1, channels]`."""
        if mask is None:
            means = tf.reduce_mean(maps, axis=[1, 2])
        else:
            means = tf.reduce_mean(tf.reduce_sum(maps * mask, axis=1), axis=1)
            means /= tf.maximum(tf.reduce_sum(mask, axis=[1, 2]), 1.0)
        channels = maps.shape[-1]
        grouped = tf.reshape(means, [-1, self.num_groups, channels // self.num_groups])
        means = tf.repeat(tf.reduce_mean(grouped, axis=2), channels // self.num_groups, axis=1)
        return means[:, tf.newaxis, tf.newaxis]


class Convolution(tf.Module):
    """A 2D convolution of `[batch, height, width, channels]` to `units` channels.

    The padding is `size // 2` zeros on each side, unlike "SAME", whose padding depends on the input
    size: the output at the start does not change when the input gets longer.
    """

    def __init__(
        self,
        random: np.random.RandomState,
        channels: int,
        units: int,
        *,
        name: str,
        size: int = 3,
        stride: int = 1,
    ):
        super().__init__()
        deviation = math.sqrt(2.0 / (size * size * channels))
        self.kernel = normal(random, [size, size, channels, units], deviation, f"{name}/kernel")
        self.stride = stride
        self.padding = [[0, 0], [size // 2, size // 2], [size // 2, size // 2], [0, 0]]

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(inputs, self.kernel, self.stride, self.padding)


class ResidualBlock(tf.Module):
    """A pre-activation residual block of two convolutions; halves height and width.

    He et al. 2016, "Identity Mappings in Deep Residual Networks", arXiv 1603.05027.
    """

    def __init__(self, random: np.random.RandomState, channels: int, units: int, *, name: str):
        super().__init__()
        self.norm_1 = GroupNorm(channels, name=f"{name}/norm_1")
        self.conv_1 = Convolution(random, channels, units, name=f"{name}/conv_1", stride=2)
        self.norm_2 = GroupNorm(units, name=f"{name}/norm_2")
        self.conv_2 = Convolution(random, units, units, name=f"{name}/conv_2")
        self.shortcut = Convolution(
            random, channels, units, name=f"{name}/shortcut", size=1, stride=2
        )

    def __call__(
        self, maps: tf.Tensor, mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns the new maps, and the new mask for a mask `[batch, height, 1, 1]`."""
        hidden = self.conv_1(_masked(tf.nn.relu(self.norm_1(maps, mask)), mask))
        # With stride 2, each second element of the mask remains.
        mask = None if mask is None else mask[:, ::2]
        hidden = self.conv_2(_masked(tf.nn.relu(self.norm_2(hidden, mask)), mask))
        return self.shortcut(maps) + hidden, mask


def normal(
    random: np.random.RandomState, shape: list[int], deviation: float, name: str
) -> tf.Variable:
    """Creates a variable with normally distributed initial values."""
    values = deviation * random.standard_normal(shape)
    return tf.Variable(values, dtype=tf.float32, name=name)


def _masked(maps: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    return maps if mask is None else maps * mask
