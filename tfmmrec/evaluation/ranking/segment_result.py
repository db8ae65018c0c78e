"""The ranks and top items of a model and its baselines, by segment."""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np
import tqdm

from tfmmrec.evaluation.baselines.all import (
    Baselines,
    WarmItemBaselines,
    cold_start_baselines,
)
from tfmmrec.evaluation.baselines.trivial import random_order
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.baseline_cache import (
    BaselineCache,
    RankedBaselines,
    content_fingerprint,
)
from tfmmrec.evaluation.ranking.rankers import Ranker
from tfmmrec.evaluation.ranking.targets import Targets, by_segment
from tfmmrec.evaluation.segments import MODEL, K
from tfmmrec.models.bundle import ModelBundle


@dataclasses.dataclass(frozen=True)
class SegmentResult:
    """The ranks and top items of a model and its baselines in one segment.

    Attributes:
        name: of the segment, one of SEGMENTS.
        targets: those of the segment.
        candidate_mask: bool `[items]`, the items that are ranked.
        ranks: by model, the rank of each target, float64 `[targets]`.
        lists: by model, the top items of each user.
        notes: by baseline, why it is missing or limited, see `Baselines`.
    """

    name: str
    targets: Targets
    candidate_mask: np.ndarray
    ranks: Mapping[str, np.ndarray]
    lists: Mapping[str, TopItems]
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def ndcg(self, model: str) -> np.ndarray:
        """NDCG@10 of each target, `[targets]`."""
        return target_metrics(self.ranks[model], [K])[f"ndcg@{K}"]

    @property
    def best_baseline(self) -> str:
        """The name of the baseline with the highest NDCG@10."""
        baselines = [name for name in self.ranks if name != MODEL]
        return max(baselines, key=lambda name: self.ndcg(name).mean())


def rank_segments(
    bundle: ModelBundle,
    model: Ranker,
    targets: Targets,
    split: str,
    seed: int,
    *,
    quiet: bool = False,
) -> list[SegmentResult]:
    """Ranks the targets of each segment by the model and by its baselines.

    The ranks of the baselines are cached in the data folder.

    Args:
        bundle: the evaluated model with its data.
        model: ranks as the evaluated model does.
        targets: those of the split.
        split: `valid` or `test`.
        seed: of the random baseline.
        quiet: no progress bars.

    Returns:
        The segments that have targets.
    """
    dataset, results = bundle.dataset, []
    baselines = _Baselines(bundle, split, seed, quiet=quiet)
    for name, rows, candidate_mask in by_segment(dataset, targets):
        if rows.any():
            own_targets = targets.take(rows)
            ranks, lists = _rank(name, MODEL, model, own_targets, candidate_mask, quiet)
            found = baselines.rank(name, own_targets, candidate_mask)
            results.append(
                SegmentResult(
                    name,
                    own_targets,
                    candidate_mask,
                    {MODEL: ranks, **found.ranks},
                    {MODEL: lists, **found.lists},
                    found.notes,
                )
            )
    return results


def _rank(
    segment: str, who: str, ranker: Ranker, targets: Targets, mask: np.ndarray, quiet: bool
) -> tuple[np.ndarray, TopItems]:
    """Ranks the targets of a segment, with a progress bar that is cleared at the end."""
    with tqdm.tqdm(
        desc=f"{segment.replace('_', ' ')}: {who}",
        total=len(targets.user),
        unit="target",
        leave=False,
        disable=True if quiet else None,
    ) as bar:
        return ranker.rank(targets, mask, K, progress=bar.update)


class _Baselines:
    """Ranks by the baselines, or reads their ranks from the cache of the data folder."""

    def __init__(self, bundle: ModelBundle, split: str, seed: int, *, quiet: bool):
        self._bundle = bundle
        self._quiet = quiet
        self._split = split
        self._seed = seed
        self._cache = BaselineCache(bundle.dataset, split, seed=seed, k=K)
        # Two segments have warm items; they share the fitted baselines.
        self._warm = WarmItemBaselines(bundle.dataset, bundle.items, split)
        self._by_interactions = functools.cache(self._warm.by_interactions)
        self._by_content = functools.cache(self._warm.by_content)

    def rank(self, segment: str, targets: Targets, candidate_mask: np.ndarray) -> RankedBaselines:
        """Ranks the targets of a segment by each baseline.

        The baselines that read the content of the run's encoders have a file of their own in the
        cache, since the others are the same for all runs.
        """
        rank = functools.partial(self._rank_group, segment, targets, candidate_mask)
        groups = [] if segment == "cold" else [rank(self._by_interactions)]
        groups.append(rank(lambda: self._with_content(segment), content=self._content))
        return RankedBaselines(
            {who: ranks for group in groups for who, ranks in group.ranks.items()},
            {who: lists for group in groups for who, lists in group.lists.items()},
            {who: note for group in groups for who, note in group.notes.items()},
        )

    def _rank_group(
        self,
        segment: str,
        targets: Targets,
        candidate_mask: np.ndarray,
        fit: Callable[[], Baselines],
        **options: str,
    ) -> RankedBaselines:
        found = self._cache.load(segment, targets, **options)
        if found is not None:
            return found
        baselines = fit()
        ranked = {
            who: _rank(segment, who, own, targets, candidate_mask, self._quiet)
            for who, own in baselines.rankers.items()
        }
        found = RankedBaselines(
            {who: ranks for who, (ranks, _) in ranked.items()},
            {who: lists for who, (_, lists) in ranked.items()},
            baselines.notes,
        )
        self._cache.save(segment, found, **options)
        return found

    def _with_content(self, segment: str) -> Baselines:
        """The baselines that read content, and the random one, so that there is always one."""
        dataset = self._bundle.dataset
        if segment == "cold":
            found = cold_start_baselines(dataset, self._bundle.items, self._split)
        else:
            found = self._by_content()
        return Baselines(
            {**found.rankers, "random": random_order(dataset, self._seed)}, found.notes
        )

    @functools.cached_property
    def _content(self) -> str:
        return content_fingerprint(self._bundle.items.encodings)
