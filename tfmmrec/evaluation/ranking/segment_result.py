"""The ranks and top items of a model and its baselines, by segment."""

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

# The name of the evaluated model, next to the names of its baselines.
MODEL = "model"
# Titles of the segments in reports.
TITLES = {"warm": "Warm items", "cold": "Cold-start items", "new_users": "New users"}
# Number of items per user in the lists, and the cutoff by which models are compared.
K = 10


@dataclasses.dataclass(frozen=True)
class SegmentResult:
    """The ranks and top items of a model and its baselines in one segment.

    Attributes:
        name: of the segment, one of SEGMENTS.
        targets: those of the segment.
        candidate_mask: bool `[items]`, the items that are ranked.
        ranks: by model, the rank of each target, float64 `[targets]`.
        lists: by model, the top items of each user.
    """

    name: str
    targets: Targets
    candidate_mask: np.ndarray
    ranks: Mapping[str, np.ndarray]
    lists: Mapping[str, TopItems]

    def ndcg(self, model: str) -> np.ndarray:
        """NDCG@10 of each target, `[targets]`."""
        return target_metrics(self.ranks[model], [K])[f"ndcg@{K}"]

    @property
    def best_baseline(self) -> str:
        """The name of the baseline with the highest NDCG@10."""
        baselines = [name for name in self.ranks if name != MODEL]
        return max(baselines, key=lambda name: self.ndcg(name).mean())


def rank_segments(
    bundle: ModelBundle, model: Ranker, targets: Targets, split: str, seed: int
) -> list[SegmentResult]:
    """Ranks the targets of each segment by the model and by its baselines.

    Args:
        bundle: the evaluated model with its data.
        model: ranks as the evaluated model does.
        targets: those of the split.
        split: `valid` or `test`.
        seed: of the random baseline.

    Returns:
        The segments that have targets.
    """
    dataset = bundle.dataset
    # Two segments have warm items; they share the fitted baselines.
    warm_baselines = functools.cache(lambda: warm_item_baselines(dataset, split))
    results = []
    for name, rows, candidate_mask in by_segment(dataset, targets):
        if not rows.any():
            continue
        segment_targets = targets.take(rows)
        if name == "cold":
            baselines = cold_start_baselines(dataset, bundle.items, split)
        else:
            baselines = warm_baselines()
        rankers = {MODEL: model, **baselines, "random": random_order(dataset, seed)}
        ranked = {
            who: ranker.rank(segment_targets, candidate_mask, K) for who, ranker in rankers.items()
        }
        ranks = {who: ranks for who, (ranks, _) in ranked.items()}
        lists = {who: lists for who, (_, lists) in ranked.items()}
        results.append(SegmentResult(name, segment_targets, candidate_mask, ranks, lists))
    return results
