"""Cold-start embeddings: kernel ridge regression from content to trained item embeddings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.fitted_weight import add_fitted_weight
from tfmmrec.models.cold_start.feature_relevance import fit_feature_weights, item_weights
from tfmmrec.models.cold_start.rbf import rbf, squared_distances
from tfmmrec.models.content_vectors import ContentVectors


class ColdStartRegression(tf.keras.layers.Layer):
    """Embeddings of cold-start items: `weight · regression + (1 − weight) · tower`.

    Towers are trained on the items of the training events, and fit these before they generalize to
    others. A ridge regression from the content of trained items to their final embeddings (ids
    included) has a closed form and a single penalty, and does not overfit with longer training. It
    maps attributes to factors, as in Gantner et al. 2010, "Learning attribute-to-feature mappings
    for cold-start recommendations". Items are weighted by the square root of their number of
    training events, since embeddings of items with few events are noisy. The less similar an item
    is to trained items, the shorter is its regressed embedding, and the lower are its scores.

    The inputs of the kernel are those of `ContentVectors`, each feature of length 1. The kernel is
    `exp(−Σ weight · |x − y|² / 2)` over the features. Feature weights sum to 1; features that
    predict interactions get more weight (see `fit_feature_weights`).

    What the tower does not compute, such as the columns of `ClosedFormTerms`, is regressed alone.
    Before `fit` is called, the output is that of the tower, and zeros beside it.

    Args:
        contents: the content vectors of items.
        width: the width of what is regressed, at least that of the tower.
        num_landmarks: the number of trained items that the regression is fitted to.
        weight: of the regression in the columns of the tower, from 0 to 1 (default 0.5).
        ridge_alpha: the ridge penalty, above 0 (default 1).

    Raises:
        ValueError: there are no features or no landmarks.
    """

    def __init__(
        self,
        contents: ContentVectors,
        *,
        width: int,
        num_landmarks: int,
        weight: float = 0.5,
        ridge_alpha: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        num_features = len(contents.features)
        if not num_features or num_landmarks < 1:
            raise ValueError(
                "A regression needs features and landmarks. "
                f"Received: {num_features} features, {num_landmarks} landmarks"
            )
        self.contents = contents
        self.width = width
        self.num_landmarks = num_landmarks
        self.weight = weight
        self.ridge_alpha = ridge_alpha
        self.feature_weights = add_fitted_weight(self, "feature_weights", [num_features])
        self.feature_weights.assign(tf.fill([num_features], 1.0 / num_features))
        self.landmarks = add_fitted_weight(self, "landmarks", [num_landmarks, contents.width])
        self.coefficients = add_fitted_weight(self, "coefficients", [num_landmarks, width])
        self.fitted_weight = add_fitted_weight(self, "fitted_weight", [])
        self.is_fitted = add_fitted_weight(self, "is_fitted", [])

    def fit(
        self,
        inputs: Mapping[str, Feature],
        vectors: np.ndarray,
        counts: np.ndarray,
        factors: np.ndarray | None = None,
    ) -> None:
        """Fits the regression to trained items.

        Args:
            inputs: the features of `num_landmarks` items.
            vectors: their embeddings, `[num_landmarks, width]`.
            counts: the number of training events of each, above 0, `[num_landmarks]`.
            factors: their factors from `item_factors`, `[num_landmarks, n]`, to fit the feature
                weights; None keeps equal weights (default None).
        """
        if factors is not None:
            contents = [part.numpy() for part in self.contents(inputs)]
            weights = fit_feature_weights(contents, factors, counts, self.ridge_alpha)
            self.feature_weights.assign(weights)
        self.landmarks.assign(self.kernel_inputs(inputs))
        self.fitted_weight.assign(self.weight)
        self.fit_coefficients(vectors, counts)
        self.is_fitted.assign(1.0)

    def fit_coefficients(self, vectors: np.ndarray, counts: np.ndarray) -> None:
        """Fits the coefficients again, with the current `ridge_alpha`, to the same landmarks.

        Args:
            vectors: as for `fit`.
            counts: as for `fit`.
        """
        # Imported here, since scikit-learn takes a second and a trained model does not need it.
        from sklearn.kernel_ridge import KernelRidge

        ridge = KernelRidge(kernel="precomputed", alpha=self.ridge_alpha)
        kernel = _kernel(self.landmarks, self.landmarks).numpy()
        ridge.fit(kernel, vectors, sample_weight=item_weights(counts))
        self.coefficients.assign(ridge.dual_coef_)

    def call(self, content: tf.Tensor, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """Computes the embeddings of cold-start items, `[batch, width]`, of the type of `content`.

        Args:
            content: the output of the item tower without ids, `[batch, width of the tower]`.
            inputs: the features of the items.
        """
        tower_width = content.shape[1]
        alone = [(0, 0), (0, self.width - tower_width)]

        def mixed() -> tf.Tensor:
            kernel = _kernel(self.kernel_inputs(inputs), self.landmarks)  # [batch, landmarks]
            regressed = tf.matmul(kernel, self.coefficients)  # [batch, width]
            tower = tf.cast(content, tf.float32)
            rest = (1.0 - self.fitted_weight) * (tower - regressed[:, :tower_width])
            return tf.cast(regressed + tf.pad(rest, alone), content.dtype)

        # Skipped before `fit`: validation embeds all items after each epoch.
        return tf.cond(self.is_fitted > 0.0, mixed, lambda: tf.pad(content, alone))

    def kernel_inputs(self, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """The weighted inputs of the kernel, float32 `[batch, sum of the features' widths]`."""
        weights = tf.unstack(tf.sqrt(self.feature_weights))
        parts = [w * part for w, part in zip(weights, self.contents(inputs), strict=True)]
        return tf.concat(parts, axis=1)


def _kernel(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return rbf(squared_distances(first, second))
