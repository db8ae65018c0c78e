"""Summarizes the ranks and top items of segments as metrics, for metrics.SPLIT.json."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_column
from tfmmrec.evaluation.baselines.content import content_matrix, content_size
from tfmmrec.evaluation.metrics import beyond_accuracy
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.metrics.ranking import CUTOFFS, ranking_metrics, target_metrics
from tfmmrec.evaluation.ranking.segment_result import SegmentResult
from tfmmrec.evaluation.segments import MODEL, K
from tfmmrec.evaluation.slices import slices_of, summarize_slices
from tfmmrec.models.bundle import ModelBundle

# Maximum size of the content matrix (items x width) for the diversity of lists.
_MAX_CONTENT_SIZE = 2 * 10**8
# A feature with more categories identifies items rather than groups of items.
_MAX_CATEGORIES = 100


@dataclasses.dataclass(frozen=True)
class ItemFacts:
    """Properties of the items, for metrics of lists.

    Attributes:
        content: float `[items, width]`; None if there is no content, or too much for memory.
        categories: by categorical feature with at most 100 categories, the share of each category
            in each item, `[items, categories]`.
    """

    content: np.ndarray | None
    categories: Mapping[str, np.ndarray]


def item_facts(bundle: ModelBundle) -> ItemFacts:
    """Collects the properties of the items."""
    encoded, content = bundle.items.encodings, None
    if encoded and content_size(encoded) <= _MAX_CONTENT_SIZE:
        content = content_matrix(encoded)
    return ItemFacts(content, _categories(bundle.dataset))


def summarize_segments(
    bundle: ModelBundle,
    segments: Sequence[SegmentResult],
    *,
    cutoffs: Sequence[int] = CUTOFFS,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Summarizes each segment, by its name; see `summarize_segment`."""
    facts = item_facts(bundle)
    return {
        segment.name: summarize_segment(bundle, facts, segment, cutoffs=cutoffs, seed=seed)
        for segment in segments
    }


def summarize_segment(
    bundle: ModelBundle,
    facts: ItemFacts,
    segment: SegmentResult,
    *,
    cutoffs: Sequence[int] = CUTOFFS,
    seed: int = 0,
) -> dict[str, Any]:
    """Computes the metrics of a segment.

    Args:
        bundle: the evaluated model with its data.
        facts: properties of the items.
        segment: the ranks and top items.
        cutoffs: the k of HR@k, NDCG@k and the like.
        seed: of the bootstrap over users.

    Returns:
        `{"targets", "users", "items"}` (numbers of each); `never_chosen`, how many of the items, of
        the targets, and of the model's recommendations are items without training events that are
        not cold-start items, `{"items", "targets", "recommendations", "all_recommendations"}`, None
        for cold-start items, which all are without training events; by model the means of
        `ranking_metrics`; `intervals`, `[low, high]` by model and metric (95 %, users resampled;
        None for fewer than 10 users); `lead`, the difference in NDCG@10 to the best baseline,
        `{"metric", "baseline", "users", "mean", "low", "high", "p", "verdict"}`, see
        `PairedDifference`; `slices`, NDCG@10 of the model, as `summarize_slices`; `lists`, metrics
        of the top items by model; and `by_user`, by model the means over users of
        `per_user_metrics`, None if each user has one target.
    """
    bootstrap = UserBootstrap(segment.targets.user, seed=seed)
    baseline = segment.best_baseline
    lead = bootstrap.difference(segment.ndcg(MODEL), segment.ndcg(baseline))
    slices = slices_of(bundle, segment.targets)
    never_chosen = bundle.histories.counts(bundle.dataset.count("items")) == 0
    return {
        "targets": len(segment.targets.user),
        "users": len(np.unique(segment.targets.user)),
        "items": int(segment.candidate_mask.sum()),
        "never_chosen": None if segment.name == "cold" else _never_chosen(segment, never_chosen),
        **{name: ranking_metrics(ranks, cutoffs) for name, ranks in segment.ranks.items()},
        "baseline_notes": dict(segment.notes),
        "intervals": _intervals(segment, bootstrap, cutoffs),
        "lead": {"metric": f"ndcg@{K}", "baseline": baseline, **lead.to_dict()},
        "slices": summarize_slices(slices, bootstrap, segment.ndcg(MODEL)),
        "lists": _summarize_lists(facts, segment),
        "by_user": _by_user(segment, cutoffs),
    }


def _never_chosen(segment: SegmentResult, never_chosen: np.ndarray) -> dict[str, int]:
    """Counts the items that nobody chose in training, bool `[items]`; see `summarize_segment`."""
    recommended = segment.lists[MODEL].recommended
    return {
        "items": int((never_chosen & segment.candidate_mask).sum()),
        "targets": int(never_chosen[segment.targets.item].sum()),
        "recommendations": int(never_chosen[recommended].sum()),
        "all_recommendations": len(recommended),
    }


def _by_user(segment: SegmentResult, cutoffs: Sequence[int]) -> dict[str, dict[str, float]] | None:
    """The means over users, by model; None if each user has one target (they add nothing)."""
    users = segment.targets.user
    if len(np.unique(users)) == len(users):
        return None
    return {
        name: {
            # Per user, the hit rate is the recall: the share of the user's targets that are hits.
            metric.replace("hr@", "recall@"): float(values.mean())
            for k in cutoffs
            for metric, values in per_user_metrics(users, ranks, k)[1].items()
        }
        for name, ranks in segment.ranks.items()
    }


def _intervals(
    segment: SegmentResult, bootstrap: UserBootstrap, cutoffs: Sequence[int]
) -> dict[str, dict[str, list[float | None]]]:
    values = {
        (name, metric): own
        for name, ranks in segment.ranks.items()
        for metric, own in target_metrics(ranks, cutoffs).items()
    }
    intervals = bootstrap.intervals(np.stack(list(values.values()), axis=1))
    found: dict[str, dict[str, list[float | None]]] = {name: {} for name in segment.ranks}
    for (name, metric), own in zip(values, intervals, strict=True):
        found[name][metric] = [own.low, own.high]
    return found


def _summarize_lists(facts: ItemFacts, segment: SegmentResult) -> dict[str, dict[str, float]]:
    histories, num_items = segment.targets.histories, len(segment.candidate_mask)
    found = {}
    for name, own in segment.lists.items():
        figures = {
            f"coverage@{K}": beyond_accuracy.coverage(own, segment.candidate_mask),
            f"gini@{K}": beyond_accuracy.gini(own, segment.candidate_mask),
            f"novelty@{K}": beyond_accuracy.novelty(own, histories, num_items),
            f"popularity_lift@{K}": beyond_accuracy.popularity_lift(own, histories, num_items),
        }
        if facts.content is not None:
            figures[f"diversity@{K}"] = beyond_accuracy.diversity(own, facts.content)
        for feature, categories in facts.categories.items():
            figures[f"miscalibration_{feature}@{K}"] = beyond_accuracy.miscalibration(
                own, histories, categories
            )
        # JSON has no NaN: undefined metrics are omitted.
        found[name] = {key: value for key, value in figures.items() if not np.isnan(value)}
    return found


def _categories(dataset: Dataset) -> dict[str, np.ndarray]:
    """The shares of the categories in each item, by feature; see `ItemFacts`."""
    found = {}
    everything = np.arange(dataset.count("items"))
    for name, modality in dataset.features("items").items():
        categories = dataset.categories("items", name)
        if not modality.has_vocabulary or not 1 < len(categories) <= _MAX_CATEGORIES:
            continue
        values = read_feature_column(dataset, "items", name, everything).numpy()
        shares = np.stack([(values == c.encode()).any(axis=1) for c in categories], axis=1)
        total = shares.sum(axis=1, keepdims=True)
        found[name] = shares / np.maximum(total, 1)
    return found
