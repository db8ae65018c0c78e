"""What each modality is worth: without it, and as its Shapley share."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.assembly import Assembly
from tfmmrec.evaluation.metrics import target_metrics
from tfmmrec.evaluation.ranked import K, Ranked
from tfmmrec.evaluation.resampling import UserResamples
from tfmmrec.evaluation.targets import target_ranks
from tfmmrec.schema import features_by_modality
from tfmmrec.scoring import Scorer, in_batches

# The name of the learned vectors of ids among the modalities.
IDS = "ids"
# 2 to the power of this many models are measured.
_MOST_PLAYERS = 6
_MOST_USERS = 2000


def measure_shares(
    assembly: Assembly, scorer: Scorer, ranked: Ranked, *, seed: int = 0
) -> dict[str, Any] | None:
    """Takes every set of modalities away from all items, in histories as well.

    A modality's Shapley share is what it adds to NDCG@10, the mean over all orders in which
    modalities could come one after the other (Shapley 1953; Lundberg and Lee 2017). Shares add up
    to what the whole model is worth beyond nothing, by which items rank as by chance.

    Args:
        assembly: the model.
        scorer: of the model.
        ranked: the part of the targets; of more than 2000 users as many are drawn.
        seed: of these, and of the draws of users behind intervals.

    Returns:
        `{"metric", "all", "nothing", "modalities": {NAME: {"share", "without"}}}`, the last two as
        `{"mean", "low", "high"}`: the share, and how much worse the model is without it. None for
        a model with one modality, or with more than six.
    """
    by_modality = ItemsByModality(assembly)
    players = by_modality.players
    if not 1 < len(players) <= _MOST_PLAYERS:
        return None
    users = np.unique(ranked.targets.user)
    if len(users) > _MOST_USERS:
        drawn = np.random.default_rng(seed).choice(users, _MOST_USERS, replace=False)
        users = np.sort(drawn)
    targets = ranked.targets.take(np.isin(ranked.targets.user, users))

    def gains(present: Collection[str]) -> np.ndarray:
        vectors = by_modality.vectors(present)
        ranks = target_ranks(
            targets,
            lambda asked: scorer.scores(vectors, targets.histories, asked),
            ranked.among,
        )
        return target_metrics(ranks, [K])[f"ndcg@{K}"]

    worth = worth_of_sets(players, gains)
    shares = shapley(players, worth)
    all_of_them, nothing = frozenset(players), worth[frozenset()]
    whole = worth[all_of_them]
    columns = [shares[name] for name in players]
    columns += [whole - worth[all_of_them - {name}] for name in players]
    intervals = UserResamples(targets.user, seed=seed).intervals(np.stack(columns, axis=1))
    told = [dataclasses.asdict(own) for own in intervals]
    return {
        "metric": f"ndcg@{K}",
        "all": float(whole.mean()),
        "nothing": float(nothing.mean()),
        "modalities": {
            name: {"share": share, "without": without}
            for name, share, without in zip(
                players, told[: len(players)], told[len(players) :], strict=True
            )
        },
    }


def worth_of_sets(
    players: Sequence[str], worth: Callable[[Collection[str]], np.ndarray]
) -> dict[frozenset[str], np.ndarray]:
    """What every set of players is worth, the empty one among them."""
    return {
        frozenset(some): worth(some)
        for size in range(len(players) + 1)
        for some in itertools.combinations(players, size)
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


class ItemsByModality:
    """The vectors of items when only some of their modalities are known.

    Args:
        assembly: the model.

    Attributes:
        players: the modalities, and `ids` where items have learned vectors.
    """

    def __init__(self, assembly: Assembly):
        groups = features_by_modality(assembly.items.modalities)
        model = assembly.model
        self.players = [*groups, *([IDS] if model.item_tower.ids is not None else [])]
        self._kinds = {name: kind for kind, names in groups.items() for name in names}
        self._num_items = assembly.dataset.count("items")
        # Traced once, whatever is left out.
        self._vectors = tf.function(
            lambda rows, here, with_ids: model.item_vectors(
                rows,
                shown={name: here[place] for place, name in enumerate(self._kinds)},
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
