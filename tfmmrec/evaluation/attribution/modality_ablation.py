"""Item embeddings from a subset of the modalities, and the attribution of scores to modalities."""

from collections.abc import Collection, Sequence

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
        model = self._model = bundle.model
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

    def vectors_of_subsets(self, row: int, subsets: Sequence[Collection[str]]) -> np.ndarray:
        """Returns the embeddings of one item, one per subset of `modalities` that is present.

        Computed as one batch and without a graph, which takes seconds to trace.

        Args:
            row: of the item.
            subsets: of `modalities`.

        Returns:
            float32 `[subsets, width]`.
        """

        def is_in(kind: str) -> tf.Tensor:
            return tf.constant([kind in subset for subset in subsets])

        vectors = self._model.item_vectors(
            tf.fill([len(subsets)], row),
            feature_mask={name: is_in(kind) for name, kind in self._modality_of.items()},
            ids=is_in(IDS),
        )
        return vectors.numpy()


def attribute_item(
    bundle: ModelBundle, items: ModalityAblation, query: tf.Tensor, row: int
) -> dict[str, float]:
    """Attributes the score of one item for one user to the modalities of the item.

    Args:
        bundle: the model with its data.
        items: the items of the model.
        query: embedding of the user, `[1, width]`.
        row: of the item.

    Returns:
        The Shapley value by modality; they add up to the score.
    """
    subsets = list(coalition_values(items.modalities, lambda subset: np.zeros(0)))
    vectors = items.vectors_of_subsets(row, subsets)
    found = bundle.model.score(query, bundle.model.index(tf.constant(vectors))).numpy()[0]
    # An item without any present modality has no finite score.
    scores = np.where(np.isfinite(found), found, 0.0)
    values = dict(zip(subsets, scores[:, np.newaxis], strict=True))
    return {name: float(own[0]) for name, own in shapley_values(items.modalities, values).items()}


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
