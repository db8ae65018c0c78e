"""Items of which only some modalities are known, and what each modality adds to a score."""

from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tfmmrec.data.schema import features_by_modality
from tfmmrec.evaluation.attribution.shapley import coalition_values, shapley
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.catalog_embeddings import in_batches

# The name of the learned vectors of ids among the modalities.
IDS = "ids"


class ModalityAblation:
    """The vectors of items when only some of their modalities are known.

    Args:
        assembly: the model.

    Attributes:
        players: the modalities, and `ids` where items have learned vectors.
    """

    def __init__(self, bundle: ModelBundle):
        groups = features_by_modality(bundle.items.modalities)
        model = bundle.model
        self.players = [*groups, *([IDS] if model.item_tower.id_embedding is not None else [])]
        self._kinds = {name: kind for kind, names in groups.items() for name in names}
        self._num_items = bundle.dataset.count("items")
        # Traced once, whatever is left out.
        self._vectors = tf.function(
            lambda rows, here, with_ids: model.item_vectors(
                rows,
                feature_mask={name: here[place] for place, name in enumerate(self._kinds)},
                ids=with_ids,
            ),
            input_signature=[
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([len(self._kinds)], tf.bool),
                tf.TensorSpec([], tf.bool),
            ],
        )

    def vectors(self, present: Collection[str], rows: np.ndarray | None = None) -> np.ndarray:
        """The vectors of some items, or of all, by some of the players, `[rows, width]`."""
        here = np.array([kind in present for kind in self._kinds.values()], bool)
        rows = np.arange(self._num_items, dtype=np.int32) if rows is None else rows
        return in_batches(lambda batch: self._vectors(batch, here, IDS in present), rows)


def attribute_scores(
    bundle: ModelBundle, by_modality: ModalityAblation, queries: tf.Tensor, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """How much of the scores of items each of their modalities makes up: Shapley values.

    A modality is taken from the items that are scored alone, not from those of histories.

    Args:
        assembly: the model.
        by_modality: its items.
        queries: the vectors of users, `[queries, width]`.
        rows: of items, int32 `[items]`.

    Returns:
        By modality float `[queries, items]`; they add up to the scores.
    """

    def scores(present: Collection[str]) -> np.ndarray:
        found = bundle.model.score(
            queries, bundle.model.index(tf.constant(by_modality.vectors(present, rows)))
        )
        # An item of which nothing is told.
        return np.where(np.isfinite(found), found, 0.0)

    return shapley(by_modality.players, coalition_values(by_modality.players, scores))
