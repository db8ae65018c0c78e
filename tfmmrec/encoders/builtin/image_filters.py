"""The default built-in image encoder: colors, oriented edges and corners, pooled."""

import math

import numpy as np
import tensorflow as tf

# Opponent axes: light-dark, red-green and blue-yellow, from red, green and blue.
_OPPONENT = np.array([[0.577, 0.577, 0.577], [0.707, -0.707, 0.0], [-0.408, -0.408, 0.816]])


class BuiltinImage(tf.Module):
    """Encodes images by fixed and random convolution filters.

    Three streams are computed at `picture_size`. *Color*: units that respond to a direction in
    color space above a threshold (a soft histogram). *Edges*: the energy of pairs of Gabor filters
    in eight directions, at two scales for lightness and at one for each color axis. *Form*: two
    layers of random orthogonal 3x3 filters over the edges of all colors together, so that a shape
    has the same features in another color. Each stream is pooled to its mean and standard
    deviation over the image, and to its mean per cell of a grid, which keeps the layout. A random
    orthogonal matrix projects the result to `dim`. Random filters with rectification and pooling
    are good features (Jarrett et al. 2009, "What is the Best Multi-Stage Architecture"; Saxe et
    al. 2011, "On Random Weights and Unsupervised Feature Learning"), and all can be fine-tuned.

    Input: float32 `[batch, height, width, 3]` in [0, 1], any size. Output: float32 `[batch, 256]`.

    Args:
        seed: the random weights use this seed and the next two (default 0).
    """

    version = 1
    from_scratch = False
    dim = 256
    picture_size = 96

    # Lists instead of tf.Module's properties, because hub.KerasLayer reads saved lists.
    variables: list[tf.Variable] = []
    trainable_variables: list[tf.Variable] = []
    regularization_losses: list[object] = []

    input_spec = tf.TensorSpec([None, None, None, 3], tf.float32, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        color, thresholds = _color_units(32)
        self.color = tf.Variable(color, dtype=tf.float32, name="color")
        self.color_bias = tf.Variable(-thresholds, dtype=tf.float32, name="color_bias")
        self.edges = tf.Variable(_gabor_filters(), dtype=tf.float32, name="edges")
        num_edges = self.edges.shape[-1] // 2
        self.corners = tf.Variable(_random_filters(seed, 16, 64), name="corners")
        self.shapes = tf.Variable(_random_filters(seed + 1, 64, 64), name="shapes")
        pooled = 32 * (2 + 4) + num_edges * (2 + 16) + 64 * (2 + 4) + 64 * (2 + 4)
        projection = tf.keras.initializers.Orthogonal(seed=seed + 2)([pooled, self.dim])
        self.projection = tf.Variable(projection, name="projection")
        self.variables = [
            self.color, self.color_bias, self.edges, self.corners, self.shapes, self.projection,
        ]  # fmt: skip
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
        images = tf.image.resize(inputs, [self.picture_size] * 2, antialias=True)
        images = tf.where(tf.math.is_finite(images), images, 0.0)
        images = 2.0 * tf.clip_by_value(images, 0.0, 1.0) - 1.0
        color = tf.nn.relu(tf.nn.conv2d(images, self.color, 1, "SAME") + self.color_bias)
        # Mirrored at the border, which would otherwise be the strongest edge of most images.
        framed = tf.pad(images, [[0, 0], [5, 5], [5, 5], [0, 0]], "SYMMETRIC")
        edges = _energy(tf.nn.conv2d(framed, self.edges, 2, "VALID"))  # [batch, 48, 48, edges]
        edges = tf.nn.avg_pool2d(edges, 3, 2, "SAME")  # [batch, 24, 24, edges]
        form = _normalize(_without_color(edges))  # [batch, 24, 24, 16]
        corners = _normalize(tf.nn.relu(tf.nn.conv2d(form, self.corners, 1, "SAME")))
        corners = tf.nn.avg_pool2d(corners, 3, 2, "SAME")  # [batch, 12, 12, 64]
        shapes = _normalize(tf.nn.relu(tf.nn.conv2d(corners, self.shapes, 1, "SAME")))
        pooled = [
            _pool(color, 2),
            _pool(_normalize(edges), 4),
            _pool(corners, 2),
            _pool(shapes, 2),
        ]
        return tf.matmul(tf.concat(pooled, axis=1), self.projection)


def _energy(responses: tf.Tensor) -> tf.Tensor:
    """Combines the cosine and sine responses of each pair, `[..., 2 * pairs]` to `[..., pairs]`."""
    cosine, sine = tf.split(responses, 2, axis=-1)
    # The epsilon avoids an infinite gradient of the root at zero.
    return tf.sqrt(tf.square(cosine) + tf.square(sine) + 1e-8)


def _without_color(edges: tf.Tensor) -> tf.Tensor:
    """Combines lightness and the color axes at the coarse scale, for each direction."""
    fine, *wide = tf.split(edges, 4, axis=-1)
    return tf.concat([fine, tf.sqrt(tf.add_n([tf.square(part) for part in wide]))], axis=-1)


def _pool(maps: tf.Tensor, cells: int) -> tf.Tensor:
    """Pools to mean and deviation over the image and means of `cells` x `cells`, in unit length.

    Input: `[batch, height, width, channels]`. Output: `[batch, channels * (2 + cells ** 2)]`.
    """
    height, channels = maps.shape[1], maps.shape[3]
    mean, variance = tf.nn.moments(maps, [1, 2])
    grid = tf.nn.avg_pool2d(maps, height // cells, height // cells, "VALID")
    grid = tf.reshape(grid, [-1, cells**2 * channels]) / cells
    # The epsilon avoids an infinite gradient of the root at zero.
    deviation = tf.sqrt(variance + 1e-6)
    return tf.math.l2_normalize(tf.concat([mean, deviation, grid], axis=1), axis=1, epsilon=1e-6)


def _normalize(maps: tf.Tensor) -> tf.Tensor:
    """Divides by the local energy of all channels, so that contrast matters less than form."""
    power = tf.reduce_mean(tf.square(maps), axis=-1, keepdims=True)
    around = tf.nn.avg_pool2d(power, 5, 1, "SAME")
    overall = tf.reduce_mean(power, axis=[1, 2], keepdims=True)
    return maps * tf.math.rsqrt(around + overall + 1e-4)


def _color_units(units: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns directions spread over the sphere of opponent colors, and their thresholds."""
    # A Fibonacci sphere, with the golden angle between neighbours.
    height = 1.0 - 2.0 * (np.arange(units) + 0.5) / units
    angle = np.pi * (3.0 - np.sqrt(5.0)) * np.arange(units)
    radius = np.sqrt(1.0 - height**2)
    directions = np.stack([height, radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    thresholds = np.array([0.0, 0.3, 0.6, 0.9])[np.arange(units) % 4]
    return (directions @ _OPPONENT).T[None, None], thresholds


def _gabor_filters() -> np.ndarray:
    """Returns 11 x 11 x 3 x 64 filters of mean zero: 32 cosines, then their sines."""
    y, x = np.mgrid[-5:6, -5:6]
    filters = []
    for wave in (np.cos, np.sin):
        for axis, wavelength in ((0, 4.0), (0, 8.0), (1, 8.0), (2, 8.0)):
            envelope = np.exp(-(x**2 + y**2) / (2.0 * (0.4 * wavelength) ** 2))
            for turn in np.arange(8) * math.pi / 8:
                along = x * math.cos(turn) + y * math.sin(turn)
                plane = envelope * wave(2.0 * math.pi * along / wavelength)
                plane -= envelope * plane.sum() / envelope.sum()
                plane /= np.linalg.norm(plane)
                filters.append(plane[:, :, None] * _OPPONENT[axis])
    return np.stack(filters, axis=-1)


def _random_filters(seed: int, channels: int, units: int) -> tf.Tensor:
    """Returns random orthogonal 3 x 3 filters, minus their mean over the patch."""
    filters = tf.keras.initializers.Orthogonal(seed=seed)([3, 3, channels, units])
    # Filters with mean zero respond to differences, not to uniform patches.
    return filters - tf.reduce_mean(filters, axis=[0, 1, 2])
