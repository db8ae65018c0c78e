"""What each modality is worth: without it, and as its Shapley share."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.assembly import Assembly
from tfmmrec.evaluation.metrics import target_metrics
from tfmmrec.evaluation.ranked import K, Ranked
from tfmmrec.evaluation.resampling import UserResamples
from tfmmrec.evaluation.targets import target_ranks
from tfmmrec.schema import features_by_modality

# The name of the learned vectors of ids among the modalities.
IDS = "ids"
# 2 to the power of this many models are measured.
_MOST_PLAYERS = 6
_MOST_USERS = 2000


def measure_shares(assembly: Assembly, ranked: Ranked, *, seed: int = 0) -> dict[str, Any] | None:
    """Takes every set of modalities away from all items, in histories as well.

    A modality's Shapley share is what it adds to NDCG@10, the mean over all orders in which
    modalities could come one after the other (Shapley 1953; Lundberg and Lee 2017). Shares add up
    to what the whole model is worth beyond nothing, by which items rank as by chance.

    Args:
        assembly: the model.
        ranked: the part of the targets; of more than 2000 users as many are drawn.
        seed: of these, and of the draws of users behind intervals.

    Returns:
        `{"metric", "all", "nothing", "modalities": {NAME: {"share", "without"}}}`, the last two as
        `{"mean", "low", "high"}`: the share, and how much worse the model is without it. None for
        a model with one modality, or with more than six.
    """
    groups = features_by_modality(assembly.items.modalities)
    players = [*groups, *([IDS] if assembly.model.item_tower.ids is not None else [])]
    if not 1 < len(players) <= _MOST_PLAYERS:
        return None
    users = np.unique(ranked.targets.user)
    if len(users) > _MOST_USERS:
        drawn = np.random.default_rng(seed).choice(users, _MOST_USERS, replace=False)
        users = np.sort(drawn)
    targets = ranked.targets.take(np.isin(ranked.targets.user, users))
    scorer, vectors_of = assembly.scorer(), _vectors_by_modality(assembly, groups)

    def gains(present: Iterable[str]) -> np.ndarray:
        vectors = vectors_of(set(present))
        ranks = target_ranks(
            targets,
            lambda asked: scorer.scores(vectors, targets.histories, asked),
            ranked.among,
        )
        return target_metrics(ranks, [K])[f"ndcg@{K}"]

    worth = {
        frozenset(some): gains(some)
        for size in range(len(players) + 1)
        for some in itertools.combinations(players, size)
    }
    shares = shapley(players, worth)
    resamples = UserResamples(targets.user, seed=seed)
    whole, nothing = worth[frozenset(players)], worth[frozenset()]
    return {
        "metric": f"ndcg@{K}",
        "all": float(whole.mean()),
        "nothing": float(nothing.mean()),
        "modalities": {
            name: {
                "share": vars(resamples.lead(shares[name], np.zeros_like(whole)).interval),
                "without": vars(resamples.lead(whole, worth[frozenset(players) - {name}]).interval),
            }
            for name in players
        },
    }


def shapley(
    players: Sequence[str], worth: dict[frozenset[str], np.ndarray]
) -> dict[str, np.ndarray]:
    """The Shapley value of each player, of each target by itself.

    Args:
        players: their names.
        worth: what every set of them is worth, float `[targets]`.

    Returns:
        By player float `[targets]`; they add up to the worth of all minus that of none.
    """
    num = len(players)
    found = {}
    for player in players:
        others = [name for name in players if name != player]
        total = np.zeros_like(worth[frozenset()])
        for size in range(num):
            weight = math.factorial(size) * math.factorial(num - size - 1) / math.factorial(num)
            for some in map(frozenset, itertools.combinations(others, size)):
                total = total + weight * (worth[some | {player}] - worth[some])
        found[player] = total
    return found


def _vectors_by_modality(
    assembly: Assembly, groups: dict[str, list[str]]
) -> Callable[[set[str]], np.ndarray]:
    """Gives the vectors of all items by some of the modalities alone, traced once."""
    model, num_items = assembly.model, assembly.dataset.count("items")
    kind_of = {name: kind for kind, names in groups.items() for name in names}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([len(kind_of)], tf.bool),
            tf.TensorSpec([], tf.bool),
        ]
    )
    def batch_of(rows: tf.Tensor, here: tf.Tensor, with_ids: tf.Tensor) -> tf.Tensor:
        shown = dict(zip(kind_of, tf.unstack(here), strict=True))
        return model.item_vectors(rows, shown=shown, ids=with_ids)

    def vectors_of(present: set[str]) -> np.ndarray:
        here = np.array([kind in present for kind in kind_of.values()], bool)
        rows = np.arange(num_items, dtype=np.int32)
        batches = [
            batch_of(rows[start : start + 512], here, IDS in present).numpy()
            for start in range(0, num_items, 512)
        ]
        return np.concatenate(batches)

    return vectors_of
