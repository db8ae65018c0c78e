"""Item embeddings from a subset of the modalities, and the attribution of scores to modalities."""

from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tfmmrec.data.schema import features_by_modality
from tfmmrec.evaluation.attribution.shapley import coalition_values, shapley_values
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.catalog_embeddings import in_batches

# The name of the id embeddings among the modalities.
IDS = "ids"


class ModalityAblation:
    """Computes item embeddings with only some of the modalities present.

    Args:
        bundle: the model with its data.

    Attributes:
        modalities: the modalities of the items, and `ids` if items have id embeddings.
    """

    def __init__(self, bundle: ModelBundle):
        groups = features_by_modality(bundle.items.modalities)
        model = bundle.model
        self.modalities = [*groups, *([IDS] if model.item_tower.id_embedding is not None else [])]
        self._modality_of = {name: kind for kind, names in groups.items() for name in names}
        self._num_items = bundle.dataset.count("items")
        # The presence of each feature is an input, so that one graph serves all subsets.
        self._vectors = tf.function(
            lambda rows, present, with_ids: model.item_vectors(
                rows,
                feature_mask={
                    name: present[column] for column, name in enumerate(self._modality_of)
                },
                ids=with_ids,
            ),
            input_signature=[
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([len(self._modality_of)], tf.bool),
                tf.TensorSpec([], tf.bool),
            ],
        )

    def vectors(self, present: Collection[str], rows: np.ndarray | None = None) -> np.ndarray:
        """Returns the embeddings of items with some of `modalities` present.

        Args:
            present: names from `modalities`.
            rows: of items, int32 `[rows]` (default all).

        Returns:
            float32 `[rows, width]`.
        """
        mask = np.array([kind in present for kind in self._modality_of.values()], bool)
        rows = np.arange(self._num_items, dtype=np.int32) if rows is None else rows
        return in_batches(lambda batch: self._vectors(batch, mask, IDS in present), rows)


def attribute_scores(
    bundle: ModelBundle, items: ModalityAblation, queries: tf.Tensor, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Attributes the scores of items to their modalities, by Shapley values.

    A modality is removed from the scored items only, not from the items of histories.

    Args:
        bundle: the model with its data.
        items: the items of the model.
        queries: embeddings of users, `[queries, width]`.
        rows: of items, int32 `[items]`.

    Returns:
        By modality, float `[queries, items]`; they add up to the scores.
    """

    def scores(present: Collection[str]) -> np.ndarray:
        index = bundle.model.index(tf.constant(items.vectors(present, rows)))
        found = bundle.model.score(queries, index)
        # An item without any present modality has no finite score.
        return np.where(np.isfinite(found), found, 0.0)

    return shapley_values(items.modalities, coalition_values(items.modalities, scores))
