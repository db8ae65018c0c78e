"""Cross-modal retrieval: whether, e.g., a text retrieves the image of its own item."""

import itertools
from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tfmmrec.evaluation.measure import Metrics
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.modalities import search_options
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.item_blocks import ItemBlocks, query_batches


def retrieval_recall(
    bundle: ModelBundle, candidate_mask: np.ndarray, *, k: int = 10, min_items: int = 20
) -> Metrics:
    """Computes recall@k of retrieving an item's modality by another modality of the item.

    Args:
        bundle: the trained model.
        candidate_mask: bool `[items]`, the evaluated items, e.g. those held out.
        k: number of retrieved items (default 10).
        min_items: number of items with both modalities that a pair needs (default 20).

    Returns:
        `{"text → image": [items with both], …}`: 1 if the item's own is in the top k, else 0.
    """
    figures = {}
    for query, candidate in itertools.permutations(search_options(), 2):
        rows = items_with(bundle, (query, candidate), candidate_mask)
        if len(rows) >= min_items:
            queries, candidates = (vectors_of(bundle, m, rows) for m in (query, candidate))
            ranks = retrieval_ranks(queries, candidates)
            figures[f"{query} → {candidate}"] = (ranks <= k).astype(np.float64)
    return figures


def items_with(
    bundle: ModelBundle, modalities: Collection[str], candidate_mask: np.ndarray
) -> np.ndarray:
    """Returns the rows of the items that have each of the modalities.

    Args:
        bundle: the model and the encoded items.
        modalities: e.g. text and image.
        candidate_mask: bool `[items]`, the evaluated items.

    Returns:
        int `[rows]`, ascending.
    """
    mask = np.array(candidate_mask)
    for modality in modalities:
        present = [bundle.items.encodings[name].present for name in _features_of(bundle, modality)]
        mask &= np.any(present, axis=0) if present else False
    return np.flatnonzero(mask)


def vectors_of(bundle: ModelBundle, modality: str, rows: np.ndarray) -> np.ndarray:
    """Returns the embeddings of items from one modality, in the space of the contrastive loss.

    Returns:
        float32 `[rows, dim]`, of length 1.
    """
    tower = bundle.model.item_tower
    if tower.projections is None:
        raise ValueError("The items have no features to embed")
    names = _features_of(bundle, modality)
    given = {
        name: Feature(encoding, present & (name in names))
        for name, (encoding, present) in bundle.model.items.gather(tf.constant(rows)).items()
    }
    embeddings = tower.projections.project(given)
    return tower.projections.contrastive_embedding(*embeddings).numpy()


def retrieval_ranks(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Computes the rank of each query's own candidate by cosine similarity; ties share the rank.

    Args:
        queries: `[rows, dim]` of length 1.
        candidates: `[rows, dim]` of length 1, in the same order.

    Returns:
        float64 `[rows]`, from 1.
    """
    rows, nothing = np.arange(len(queries)), np.zeros(0, int)
    blocks = ItemBlocks(candidates, np.ones(len(rows), bool))
    batches = query_batches(len(rows))
    return np.concatenate([blocks.ranks(queries[b], rows[b], nothing, nothing) for b in batches])


def _features_of(bundle: ModelBundle, modality: str) -> list[str]:
    projections = bundle.model.item_tower.projections
    infos = [] if projections is None else projections.features
    return [info.name for info in infos if info.kind == modality]
