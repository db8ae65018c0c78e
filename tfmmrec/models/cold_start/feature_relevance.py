"""How much each feature tells of what users choose, found by leaving items out."""

from collections.abc import Sequence

import numpy as np
import scipy.optimize
import tensorflow as tf
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from tfmmrec.models.cold_start.rbf import rbf, squared_distances

# Of what users chose: more of them are noise, fewer tell one taste from another.
_NUM_FACTORS = 32
# A matrix of so many rows is inverted some fifteen times, in seconds.
_MOST_ITEMS = 1024


def item_factors(chosen: csr_matrix) -> np.ndarray:
    """What users' choices alone say of items: a truncated singular value decomposition of them.

    Args:
        chosen: what each user chose, `[users, items]` of ones.

    Returns:
        `[items, 32]`, fewer columns where there are fewer users or items.
    """
    dim = min(_NUM_FACTORS, *chosen.shape)
    directions, lengths, _ = randomized_svd(chosen.T, dim, random_state=0)
    return directions * lengths


def relevance(
    contents: Sequence[np.ndarray], factors: np.ndarray, counts: np.ndarray, penalty: float
) -> np.ndarray:
    """Weights of features in the kernel `exp(−Σ weight · |x − y|² / 2)`, at least 0, of sum 1.

    They are those with which kernel ridge regression tells the factors of items best from the
    others, each left out in turn (in closed form, as in Rasmussen and Williams 2006, "Gaussian
    processes for machine learning", 5.4.2). The penalty is fitted along, since factors are noisy,
    and forgotten. The vectors of a model would not do as factors: content is what they are made of.

    Args:
        contents: each feature, `[items, width]`.
        factors: what is to be told, from `item_factors`, `[items, n]`.
        counts: how often each item was chosen, above 0, `[items]`; the square roots are the weights
            of items. At most 1024 items are read, those that were chosen most often.
        penalty: of the ridge, to start from, above 0.
    """
    rows = np.argsort(-counts, kind="stable")[:_MOST_ITEMS]
    held = [tf.constant(content[rows], tf.float64) for content in contents]
    squares = tf.stack([squared_distances(content, content) for content in held])
    targets = tf.constant(factors[rows], tf.float64)
    weights = tf.constant(item_weights(counts[rows]), tf.float64)

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        given = tf.constant(point)
        with tf.GradientTape() as tape:
            tape.watch(given)
            kernel = rbf(tf.tensordot(tf.nn.softmax(given[:-1]), squares, 1))
            errors = left_out_errors(kernel, targets, weights, tf.exp(given[-1]))
            loss = tf.reduce_sum(weights[:, tf.newaxis] * tf.square(errors))
            loss /= tf.reduce_sum(weights[:, tf.newaxis] * tf.square(targets))
        return float(loss), tape.gradient(loss, given).numpy()

    start = np.append(np.zeros(len(contents)), np.log(penalty))
    bounds = [(-8.0, 8.0)] * len(contents) + [tuple(np.log([1e-3, 1e3]))]
    found = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return tf.nn.softmax(found.x[:-1]).numpy()


def left_out_errors(
    kernel: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, penalty: tf.Tensor
) -> tf.Tensor:
    """How far kernel ridge regression is off each row when it is fitted to the others.

    Args:
        kernel: between rows, `[rows, rows]`.
        targets: `[rows, n]`.
        weights: of the rows, above 0.
        penalty: of the ridge.
    """
    inverse = tf.linalg.inv(kernel + tf.linalg.diag(penalty / weights))
    return tf.matmul(inverse, targets) / tf.linalg.diag_part(inverse)[:, tf.newaxis]


def item_weights(counts: np.ndarray) -> np.ndarray:
    """The square roots of counts, such that the mean of their inverses, and so of the penalties
    that the items get, is 1 whatever the counts are."""
    weights = np.sqrt(counts)
    return weights * np.mean(1.0 / weights)
