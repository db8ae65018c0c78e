"""Fits the cold-start regression to a trained model."""

import numpy as np
import tensorflow as tf

from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.cold_start.feature_relevance import item_factors
from tfmmrec.models.cold_start.landmarks import landmark_rows


def fit_cold_start(bundle: ModelBundle) -> None:
    """Fits the regression of cold-start embeddings to the current embeddings of trained items."""
    regression = bundle.model.item_tower.regression
    if regression is None:
        return
    counts = bundle.model.counts.numpy()
    rows = landmark_rows(bundle.items, counts, regression.num_landmarks)
    vectors = bundle.model.item_vectors(tf.constant(rows, tf.int32)).numpy()
    factors = None
    # The weight of a single feature is 1 in any case.
    if bundle.config.cold_start.feature_weights == "learned" and len(regression.features) > 1:
        from scipy.sparse import csr_matrix

        items, offsets = bundle.histories.items, bundle.histories.offsets
        interactions = (np.ones(len(items)), items, offsets)
        shape = (len(offsets) - 1, len(counts))
        factors = item_factors(csr_matrix(interactions, shape)[:, rows])
    regression.fit(bundle.model.items.gather(rows), vectors, counts[rows], factors)
