"""What each modality is worth: without it, and as its Shapley share."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from tfmmrec.evaluation.attribution.modality_ablation import ModalityAblation
from tfmmrec.evaluation.attribution.shapley import coalition_values, shapley
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.segment_result import K, SegmentResult
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.evaluation.slices import MIN_TARGETS, slices_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer

# 2 to the power of this many models are measured.
_MOST_PLAYERS = 6
_MOST_USERS = 2000


def attribute_metric(
    bundle: ModelBundle, scorer: Scorer, ranked: Sequence[SegmentResult], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Takes every set of modalities away from all items, in histories as well.

    A modality's Shapley share is what it adds to NDCG@10, the mean over all orders in which
    modalities could come one after the other (Shapley 1953; Lundberg and Lee 2017). Shares add up
    to what the whole model is worth beyond nothing, by which items rank as by chance.

    Args:
        assembly: the model.
        scorer: of the model.
        ranked: the parts of the targets; of more than 2000 users of a part as many are drawn.
        seed: of these, and of the draws of users behind intervals.

    Returns:
        By part `{"metric", "all", "nothing", "modalities": {NAME: {"share", "without"}}, "slices":
        [{"group", "name", "targets", "shares": {NAME: mean}}]}`; share and without are `{"mean",
        "low", "high"}`: the share, and how much worse the model is without it. Slices are those of
        30 targets or more. Nothing for a model with one modality, or with more than six.
    """
    by_modality = ModalityAblation(bundle)
    players = by_modality.players
    if not 1 < len(players) <= _MOST_PLAYERS:
        return {}
    asked = [_of_some_users(own.targets, seed) for own in ranked]

    def gains(present: Collection[str]) -> np.ndarray:
        """Of the targets of all parts, one part after the other."""
        vectors = by_modality.vectors(present)
        ranks = [
            model_ranker(scorer, vectors, targets.histories).ranks(targets, own.candidate_mask)
            for own, targets in zip(ranked, asked, strict=True)
        ]
        return target_metrics(np.concatenate(ranks), [K])[f"ndcg@{K}"]

    worth = coalition_values(players, gains)
    shares = shapley(players, worth)
    ends = np.cumsum([len(targets.user) for targets in asked])[:-1]
    whole = worth[frozenset(players)]
    without = [whole - worth[frozenset(players) - {name}] for name in players]
    columns = np.stack([*shares.values(), *without, whole, worth[frozenset()]], axis=1)
    return {
        own.part: _told(bundle, players, targets, values, seed)
        for own, targets, values in zip(ranked, asked, np.split(columns, ends), strict=True)
    }


def _of_some_users(targets: Targets, seed: int) -> Targets:
    users = np.unique(targets.user)
    if len(users) <= _MOST_USERS:
        return targets
    drawn = np.random.default_rng(seed).choice(users, _MOST_USERS, replace=False)
    return targets.take(np.isin(targets.user, drawn))


def _told(
    bundle: ModelBundle, players: Sequence[str], targets: Targets, values: np.ndarray, seed: int
) -> dict[str, Any]:
    """Of the players' shares, what is lost without each, all and nothing, `[targets, columns]`."""
    intervals = UserBootstrap(targets.user, seed=seed).intervals(values[:, :-2])
    told = [dataclasses.asdict(own) for own in intervals]
    num = len(players)
    slices = slices_of(bundle.dataset, bundle.items, targets)
    return {
        "metric": f"ndcg@{K}",
        "all": float(values[:, -2].mean()),
        "nothing": float(values[:, -1].mean()),
        "modalities": {
            name: {"share": told[place], "without": told[num + place]}
            for place, name in enumerate(players)
        },
        "slices": [
            {
                "group": part.group,
                "name": part.name,
                "targets": int(part.rows.sum()),
                "shares": dict(
                    zip(players, map(float, values[part.rows, :num].mean(0)), strict=True)
                ),
            }
            for part in slices
            if part.rows.sum() >= MIN_TARGETS
        ],
    }
