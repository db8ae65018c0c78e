"""The built-in image encoder: colours, oriented edges and corners, pooled over the picture."""

import math

import numpy as np
import tensorflow as tf

# Opponent axes: light-dark, red-green and blue-yellow, from red, green and blue.
_OPPONENT = np.array([[0.577, 0.577, 0.577], [0.707, -0.707, 0.0], [-0.408, -0.408, 0.816]])


class BuiltinImage(tf.Module):
    """Picture -> vector by a small convolutional net whose first weights are chosen, not learned.

    Three streams see the picture at `picture_size`. *Colour*: units that answer to a direction in
    colour space beyond a threshold, a soft histogram. *Edges*: the energy of pairs of Gabor filters
    in eight directions, in two widths on lightness and in one on each colour axis. *Form*: random
    orthogonal 3x3 filters, twice, over the edges of all colours together, so that a shape is the
    same shape in another colour. Each is pooled as mean and standard
    deviation over the whole picture, and as mean over a grid, which keeps the layout; a random
    orthogonal matrix brings all that to `dim`. Random filters with rectification and pooling are
    good features (Jarrett et al. 2009, "What is the Best Multi-Stage Architecture"; Saxe et al.
    2011, "On Random Weights and Unsupervised Feature Learning"), and every weight can be trained.

    Input: float32 `[batch, height, width, 3]` in [0, 1], any size. Output: float32 `[batch, 256]`.

    Args:
        seed: of the random weights, plus one and two (default 0).
    """

    version = 1
    from_scratch = False
    dim = 256
    picture_size = 96

    # tf.Module has properties of these names; hub.KerasLayer reads saved lists.
    variables: list[tf.Variable] = []
    trainable_variables: list[tf.Variable] = []
    regularization_losses: list[object] = []

    input_spec = tf.TensorSpec([None, None, None, 3], tf.float32, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        colour, thresholds = _colour_units(32)
        self.colour = tf.Variable(colour, dtype=tf.float32, name="colour")
        self.colour_bias = tf.Variable(-thresholds, dtype=tf.float32, name="colour_bias")
        self.edges = tf.Variable(_gabor_filters(), dtype=tf.float32, name="edges")
        num_edges = self.edges.shape[-1] // 2
        self.corners = tf.Variable(_random_filters(seed, 16, 64), name="corners")
        self.shapes = tf.Variable(_random_filters(seed + 1, 64, 64), name="shapes")
        pooled = 32 * (2 + 4) + num_edges * (2 + 16) + 64 * (2 + 4) + 64 * (2 + 4)
        projection = tf.keras.initializers.Orthogonal(seed=seed + 2)([pooled, self.dim])
        self.projection = tf.Variable(projection, name="projection")
        self.variables = [
            self.colour, self.colour_bias, self.edges, self.corners, self.shapes, self.projection,
        ]  # fmt: skip
        self.trainable_variables = list(self.variables)
        self.regularization_losses = []

    @tf.function
    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        del training  # both modes are the same
        # Convolutions of nothing come out with a wrong number of channels on some processors.
        return tf.cond(
            tf.shape(inputs)[0] > 0,
            lambda: self._encode(inputs),
            lambda: tf.zeros([tf.shape(inputs)[0], self.dim]),
        )

    def _encode(self, inputs: tf.Tensor) -> tf.Tensor:
        pictures = tf.image.resize(inputs, [self.picture_size] * 2, antialias=True)
        pictures = tf.where(tf.math.is_finite(pictures), pictures, 0.0)
        pictures = 2.0 * tf.clip_by_value(pictures, 0.0, 1.0) - 1.0
        colour = tf.nn.relu(tf.nn.conv2d(pictures, self.colour, 1, "SAME") + self.colour_bias)
        # The border is repeated, for else it would be the strongest edge of most pictures.
        framed = tf.pad(pictures, [[0, 0], [5, 5], [5, 5], [0, 0]], "SYMMETRIC")
        edges = _energy(tf.nn.conv2d(framed, self.edges, 2, "VALID"))  # [batch, 48, 48, edges]
        edges = tf.nn.avg_pool2d(edges, 3, 2, "SAME")  # [batch, 24, 24, edges]
        form = _normalise(_without_colour(edges))  # [batch, 24, 24, 16]
        corners = _normalise(tf.nn.relu(tf.nn.conv2d(form, self.corners, 1, "SAME")))
        corners = tf.nn.avg_pool2d(corners, 3, 2, "SAME")  # [batch, 12, 12, 64]
        shapes = _normalise(tf.nn.relu(tf.nn.conv2d(corners, self.shapes, 1, "SAME")))
        pooled = [
            _pool(colour, 2),
            _pool(_normalise(edges), 4),
            _pool(corners, 2),
            _pool(shapes, 2),
        ]
        return tf.matmul(tf.concat(pooled, axis=1), self.projection)


def _energy(answers: tf.Tensor) -> tf.Tensor:
    """Joins the cosine and sine answers of each pair, `[..., 2 * pairs]` to `[..., pairs]`."""
    cosine, sine = tf.split(answers, 2, axis=-1)
    # The root has no slope at zero.
    return tf.sqrt(tf.square(cosine) + tf.square(sine) + 1e-8)


def _without_colour(edges: tf.Tensor) -> tf.Tensor:
    """Adds up lightness and the colour axes at the wide width, direction by direction."""
    fine, *wide = tf.split(edges, 4, axis=-1)
    return tf.concat([fine, tf.sqrt(tf.add_n([tf.square(part) for part in wide]))], axis=-1)


def _pool(maps: tf.Tensor, cells: int) -> tf.Tensor:
    """Mean and deviation over the picture, mean over `cells` x `cells`; the stream in unit length.

    Input: `[batch, height, width, channels]`. Output: `[batch, channels * (2 + cells ** 2)]`.
    """
    height, channels = maps.shape[1], maps.shape[3]
    mean, variance = tf.nn.moments(maps, [1, 2])
    grid = tf.nn.avg_pool2d(maps, height // cells, height // cells, "VALID")
    grid = tf.reshape(grid, [-1, cells**2 * channels]) / cells
    # The root of the variance has no slope at zero.
    deviation = tf.sqrt(variance + 1e-6)
    return tf.math.l2_normalize(tf.concat([mean, deviation, grid], axis=1), axis=1, epsilon=1e-6)


def _normalise(maps: tf.Tensor) -> tf.Tensor:
    """Divides by the strength of all channels around, so that contrast matters less than form."""
    power = tf.reduce_mean(tf.square(maps), axis=-1, keepdims=True)
    around = tf.nn.avg_pool2d(power, 5, 1, "SAME")
    overall = tf.reduce_mean(power, axis=[1, 2], keepdims=True)
    return maps * tf.math.rsqrt(around + overall + 1e-4)


def _colour_units(units: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions spread over the sphere of opponent colours, each with one of four thresholds."""
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
    """Returns 3 x 3 filters, orthogonal before their mean over the patch is taken off."""
    filters = tf.keras.initializers.Orthogonal(seed=seed)([3, 3, channels, units])
    # What answers to a plain patch says little: the filters look at differences.
    return filters - tf.reduce_mean(filters, axis=[0, 1, 2])
