"""Retrieval across modalities: does a text find the picture of its own item?"""

import itertools
from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tfmmrec.evaluation.measure import Metrics
from tfmmrec.evaluation.ranking.blocked_scores import ItemBlocks, query_batches
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.modalities import search_options
from tfmmrec.models.bundle import ModelBundle


def retrieval_recall(
    bundle: ModelBundle, candidate_mask: np.ndarray, *, k: int = 10, least: int = 20
) -> Metrics:
    """Whether an item's one modality finds the other one of the same item, among many.

    Args:
        assembly: the trained model.
        among: bool `[items]`, the items that are looked at, such as those that were held out.
        k: how many are found.
        least: how many items must have two modalities for the pair to be looked at.

    Returns:
        `{"text → image": [items with both], …}`, 1 where the item's own is within k, else 0.
    """
    figures = {}
    for query, candidate in itertools.permutations(search_options(), 2):
        rows = items_with(bundle, (query, candidate), candidate_mask)
        if len(rows) >= least:
            queries, candidates = (vectors_of(bundle, m, rows) for m in (query, candidate))
            ranks = retrieval_ranks(queries, candidates)
            figures[f"{query} → {candidate}"] = (ranks <= k).astype(np.float64)
    return figures


def items_with(
    bundle: ModelBundle, modalities: Collection[str], candidate_mask: np.ndarray
) -> np.ndarray:
    """Rows of the items that have something of each modality.

    Args:
        assembly: the model and the encoded items.
        modalities: such as text and image.
        among: bool `[items]`, which items are looked at.

    Returns:
        int `[rows]`, ascending.
    """
    here = np.array(candidate_mask)
    for modality in modalities:
        present = [bundle.items.encodings[name].present for name in _features_of(bundle, modality)]
        here &= np.any(present, axis=0) if present else False
    return np.flatnonzero(here)


def vectors_of(bundle: ModelBundle, modality: str, rows: np.ndarray) -> np.ndarray:
    """What one modality alone says of some items, in the space that alignment makes one.

    Returns:
        float32 `[rows, dim]`, of length 1.
    """
    tower = bundle.model.item_tower
    if tower.projections is None:
        raise ValueError("The items have no features to make a vector of")
    names = _features_of(bundle, modality)
    given = {
        name: Feature(encoding, present & (name in names))
        for name, (encoding, present) in bundle.model.items.gather(tf.constant(rows)).items()
    }
    embeddings = tower.projections.project(given)
    return tower.projections.contrastive_embedding(*embeddings).numpy()


def retrieval_ranks(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The rank of each query's own candidate among all, by cosine; ties are shared.

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
