"""Fits to a trained model what has a closed form: terms of the score, and cold-start items."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form.item_factors import low_rank_ease
from tfmmrec.models.closed_form.terms import concatenate
from tfmmrec.models.cold_start.feature_relevance import item_factors
from tfmmrec.models.cold_start.landmarks import landmark_rows


def fit_closed_form(bundle: ModelBundle) -> None:
    """Fits the terms in closed form and the cold-start regression to the current embeddings.

    Weights of the terms that have been set before stay as they are.
    """
    tower = bundle.model.item_tower
    if bundle.model.repeat_term is not None:
        bundle.model.repeat_term.fit(bundle.histories)
    if tower.closed_form is None and tower.regression is None:
        return
    rows = landmarks_of(bundle)
    inputs = bundle.model.items.gather(rows)
    if tower.contents is not None:
        tower.contents.fit(inputs)
    interactions = interaction_matrix(bundle.events.with_ratings, bundle.model.counts.shape[0])
    if tower.closed_form is not None:
        alpha = bundle.config.closed_form.ridge_alpha
        tower.closed_form.fit(
            low_rank_ease(interactions, tower.closed_form.dim, alpha),
            None if tower.contents is None else concatenate(tower.contents(inputs)).numpy(),
        )
    if tower.regression is None:
        return
    counts, factors = bundle.model.counts.numpy()[rows], None
    # The weight of a single feature is 1 in any case.
    is_learned = bundle.config.cold_start.feature_weights == "learned"
    if is_learned and len(tower.regression.contents.features) > 1:
        factors = item_factors(interactions[:, rows])
    tower.regression.fit(inputs, regression_targets(bundle, rows), counts, factors)


def landmarks_of(bundle: ModelBundle) -> np.ndarray:
    """The rows of the trained items that the cold-start regression is fitted to; maybe none."""
    regression = bundle.model.item_tower.regression
    num = 0 if regression is None else regression.num_landmarks
    return landmark_rows(bundle.items, bundle.model.counts.numpy(), num)


def regression_targets(bundle: ModelBundle, rows: np.ndarray) -> np.ndarray:
    """What the cold-start regression is fitted to, `[rows, width of the regression]`."""
    vectors = bundle.model.item_vectors(tf.constant(rows, tf.int32)).numpy()
    tower = bundle.model.item_tower
    if tower.closed_form is None:
        return vectors
    beside = tower.closed_form.fit_targets(vectors[:, tower.width :])
    return np.concatenate([vectors[:, : tower.width], beside], axis=1)
