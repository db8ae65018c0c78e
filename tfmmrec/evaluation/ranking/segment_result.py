"""The ranks and lists of a model and of its baselines, part by part."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from tfmmrec.evaluation.baselines.all import cold_start_baselines, warm_item_baselines
from tfmmrec.evaluation.baselines.trivial import random_order
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.rankers import Ranker
from tfmmrec.evaluation.ranking.targets import Targets, by_segment
from tfmmrec.models.bundle import ModelBundle

# The name of what is evaluated, among its baselines.
MODEL = "model"
# What a reader calls the parts.
TITLES = {"warm": "Known items", "cold": "New items", "new_users": "New users"}
# How long lists are that are looked into, and the cutoff of what is compared.
K = 10


@dataclasses.dataclass(frozen=True)
class SegmentResult:
    """What models say of a part of the targets.

    Attributes:
        part: one of PARTS.
        targets: those of the part.
        among: bool `[items]`, the items that are ranked.
        ranks: by model, float64 `[targets]`.
        lists: by model, the best items of the users.
    """

    part: str
    targets: Targets
    candidate_mask: np.ndarray
    ranks: Mapping[str, np.ndarray]
    lists: Mapping[str, TopItems]

    def gains(self, name: str) -> np.ndarray:
        """NDCG@10 of each target by itself, `[targets]`."""
        return target_metrics(self.ranks[name], [K])[f"ndcg@{K}"]

    @property
    def best_baseline(self) -> str:
        """The baseline with the highest NDCG@10."""
        rivals = [name for name in self.ranks if name != MODEL]
        return max(rivals, key=lambda name: self.gains(name).mean())


def rank_segments(
    bundle: ModelBundle, model: Ranker, targets: Targets, split: str, seed: int
) -> list[SegmentResult]:
    """Ranks what each part of the targets asks for, parts without any left out.

    Args:
        assembly: says what there is.
        model: what is evaluated.
        targets: of the split.
        split: `valid` or `test`.
        seed: of chance.
    """
    dataset = bundle.dataset
    # Known items are asked for in two parts, by the same baselines.
    known = functools.cache(lambda: warm_item_baselines(dataset, split))
    found = []
    for part, rows, candidate_mask in by_segment(dataset, targets):
        if not rows.any():
            continue
        own = targets.take(rows)
        new = part == "cold"
        rivals = cold_start_baselines(dataset, bundle.items, split) if new else known()
        models = {MODEL: model, **rivals, "random": random_order(dataset, seed)}
        answers = {name: ranker.rank(own, candidate_mask, K) for name, ranker in models.items()}
        ranks = {name: ranks for name, (ranks, _) in answers.items()}
        lists = {name: lists for name, (_, lists) in answers.items()}
        found.append(SegmentResult(part, own, candidate_mask, ranks, lists))
    return found
