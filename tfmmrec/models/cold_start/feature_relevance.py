"""Relevance of features for interactions, fitted by leave-one-out cross-validation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfmmrec.models.cold_start.rbf import rbf, squared_distances

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Factors of the interactions: more of them fit noise, fewer do not separate tastes.
_NUM_FACTORS = 32
# A matrix of this size is inverted about 15 times, in seconds.
_MAX_ITEMS = 1024


def item_factors(interactions: "csr_matrix") -> np.ndarray:
    """Item factors from interactions alone: a truncated singular value decomposition (SVD).

    Args:
        interactions: `[users, items]`, 1 where the user interacted with the item.

    Returns:
        `[items, 32]`, fewer columns with fewer users or items.
    """
    # Imported here: scikit-learn and SciPy take a second, and only training needs them.
    from sklearn.utils.extmath import randomized_svd

    dim = min(_NUM_FACTORS, *interactions.shape)
    directions, lengths, _ = randomized_svd(interactions.T, dim, random_state=0)
    return directions * lengths


def fit_feature_weights(
    contents: Sequence[np.ndarray], factors: np.ndarray, counts: np.ndarray, ridge_alpha: float
) -> np.ndarray:
    """Fits weights of features in the kernel `exp(−Σ weight · |x − y|² / 2)`.

    They minimize the leave-one-out error of a kernel ridge regression from content to the factors
    of items (closed form: Rasmussen and Williams 2006, "Gaussian processes for machine learning",
    5.4.2). The ridge penalty is fitted along with them and then discarded, since factors are noisy.
    The embeddings of a model cannot replace the factors, since they are functions of content.

    Args:
        contents: the content vectors of each feature, `[items, width]`.
        factors: the factors from `item_factors`, `[items, n]`.
        counts: the number of training events of each item, above 0, `[items]`; square roots are the
            sample weights. The 1,024 items with the most events are used.
        ridge_alpha: the initial ridge penalty, above 0.

    Returns:
        One weight per feature, at least 0, which sum to 1.
    """
    import scipy.optimize

    rows = np.argsort(-counts, kind="stable")[:_MAX_ITEMS]
    inputs = [tf.constant(content[rows], tf.float64) for content in contents]
    squares = tf.stack([squared_distances(content, content) for content in inputs])
    targets = tf.constant(factors[rows], tf.float64)
    weights = tf.constant(item_weights(counts[rows]), tf.float64)

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        """The relative error, and its gradient, at feature logits and a log penalty."""
        parameters = tf.constant(point)
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            kernel = rbf(tf.tensordot(tf.nn.softmax(parameters[:-1]), squares, 1))
            errors = leave_one_out_errors(kernel, targets, weights, tf.exp(parameters[-1]))
            loss = tf.reduce_sum(weights[:, tf.newaxis] * tf.square(errors))
            loss /= tf.reduce_sum(weights[:, tf.newaxis] * tf.square(targets))
        return float(loss), tape.gradient(loss, parameters).numpy()

    start = np.append(np.zeros(len(contents)), np.log(ridge_alpha))
    bounds = [(-8.0, 8.0)] * len(contents) + [tuple(np.log([1e-3, 1e3]))]
    result = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return tf.nn.softmax(result.x[:-1]).numpy()


def leave_one_out_errors(
    kernel: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, ridge_alpha: tf.Tensor
) -> tf.Tensor:
    """The error of kernel ridge regression at each row when fitted to the other rows, `[rows, n]`.

    Args:
        kernel: between rows, `[rows, rows]`.
        targets: `[rows, n]`.
        weights: the sample weights, above 0, `[rows]`.
        ridge_alpha: the ridge penalty, a scalar.
    """
    inverse = tf.linalg.inv(kernel + tf.linalg.diag(ridge_alpha / weights))
    return tf.matmul(inverse, targets) / tf.linalg.diag_part(inverse)[:, tf.newaxis]


def item_weights(counts: np.ndarray) -> np.ndarray:
    """The square roots of counts, scaled so that the mean of their inverses is 1.

    The penalty of an item is inverse to its weight, so that the mean penalty does not depend on the
    counts.

    Args:
        counts: the number of training events, above 0, `[items]`.
    """
    weights = np.sqrt(counts)
    return weights * np.mean(1.0 / weights)
