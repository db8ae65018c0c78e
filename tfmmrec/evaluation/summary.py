"""What ranks and lists amount to, in figures for metrics.SPLIT.json."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_column
from tfmmrec.evaluation.baselines.content import content_matrix
from tfmmrec.evaluation.metrics import beyond_accuracy
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.metrics.ranking import CUTOFFS, ranking_metrics, target_metrics
from tfmmrec.evaluation.ranking.segment_result import MODEL, K, SegmentResult
from tfmmrec.evaluation.slices import slices_of, summarize_slices
from tfmmrec.models.bundle import ModelBundle

# Content of more numbers than these is not compared item by item.
_MOST_NUMBERS = 2 * 10**8
# Features with more categories than these tell items by name rather than by kind.
_MOST_CATEGORIES = 100


@dataclasses.dataclass(frozen=True)
class ItemFacts:
    """What lists are judged by.

    Attributes:
        content: float `[items, width]`; None without content, or with too much of it.
        kinds: by categorical feature of few categories, their shares `[items, categories]`.
    """

    content: np.ndarray | None
    kinds: Mapping[str, np.ndarray]


def item_facts(bundle: ModelBundle) -> ItemFacts:
    """Collects what is known of the items."""
    encoded, content = bundle.items.encodings, None
    if encoded:
        width = sum(int(np.prod(e.values.shape[1:])) for e in encoded.values())
        if width * bundle.dataset.count("items") <= _MOST_NUMBERS:
            content = content_matrix(encoded)
    return ItemFacts(content, _kinds(bundle.dataset))


def summarize_segments(
    bundle: ModelBundle,
    ranked: Sequence[SegmentResult],
    *,
    cutoffs: Sequence[int] = CUTOFFS,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """What `describe` says of each part, by its name."""
    facts = item_facts(bundle)
    return {own.part: describe(bundle, facts, own, cutoffs=cutoffs, seed=seed) for own in ranked}


def describe(
    bundle: ModelBundle,
    facts: ItemFacts,
    ranked: SegmentResult,
    *,
    cutoffs: Sequence[int] = CUTOFFS,
    seed: int = 0,
) -> dict[str, Any]:
    """Gives the figures of a part.

    Args:
        assembly: says what there is.
        facts: what lists are judged by.
        ranked: the part.
        cutoffs: the k of HR@k, NDCG@k and the like.
        seed: of the draws of users.

    Returns:
        `{"targets", "users", "items"}` and by model the means of `ranking_metrics`; `intervals`,
        which has `[low, high]` by model and metric, 95 %, users resampled; `lead`, by how much the
        model is ahead of the best baseline; `slices`, as `summarize_slices` gives them, of the
        model's NDCG@10; `lists`, by model what its lists are like; and `by_user`, where users have
        several targets, by model the means over users of `per_user_metrics`.
    """
    resamples = UserBootstrap(ranked.targets.user, seed=seed)
    best = ranked.best_baseline
    lead = resamples.difference(ranked.gains(MODEL), ranked.gains(best))
    slices = slices_of(bundle.dataset, bundle.items, ranked.targets)
    return {
        "targets": len(ranked.targets.user),
        "users": len(np.unique(ranked.targets.user)),
        "items": int(ranked.candidate_mask.sum()),
        **{name: ranking_metrics(ranks, cutoffs) for name, ranks in ranked.ranks.items()},
        "intervals": _intervals(ranked, resamples, cutoffs),
        "lead": {
            "metric": f"ndcg@{K}",
            "over": best,
            **dataclasses.asdict(lead.interval),
            "p": lead.p,
        },
        "slices": summarize_slices(slices, resamples, ranked.gains(MODEL)),
        "lists": _describe_lists(facts, ranked),
        "by_user": _by_user(ranked, cutoffs),
    }


def verdict(described: dict[str, Any]) -> str:
    """Says in one line whether the model is ahead of the best baseline."""
    lead = described["lead"]
    metric, over = lead["metric"], lead["over"]
    if lead["low"] > 0:
        said = "is ahead of"
    elif lead["high"] < 0:
        said = "is BEHIND"
    else:
        said = "does NOT beat"
    return (
        f"The model {said} the best baseline, {over}: {metric.upper()} "
        f"{described[MODEL][metric]:.3f} to {described[over][metric]:.3f}, "
        f"{lead['mean']:+.3f} [{lead['low']:+.3f}, {lead['high']:+.3f}], p {_p(lead['p'])}"
    )


def _p(p: float) -> str:
    return "< 0.001" if p <= 0.001 else f"= {p:.3f}"


def _by_user(ranked: SegmentResult, cutoffs: Sequence[int]) -> dict[str, dict[str, float]] | None:
    """The means over users, by model; None where each has one target, of which it says no more."""
    users = ranked.targets.user
    if len(np.unique(users)) == len(users):
        return None
    return {
        name: {
            # A user's hit rate is the share of their targets that are found.
            metric.replace("hr@", "recall@"): float(values.mean())
            for k in cutoffs
            for metric, values in per_user_metrics(users, ranks, k)[1].items()
        }
        for name, ranks in ranked.ranks.items()
    }


def _intervals(
    ranked: SegmentResult, resamples: UserBootstrap, cutoffs: Sequence[int]
) -> dict[str, dict[str, list[float]]]:
    values = {
        (name, metric): own
        for name, ranks in ranked.ranks.items()
        for metric, own in target_metrics(ranks, cutoffs).items()
    }
    intervals = resamples.intervals(np.stack(list(values.values()), axis=1))
    found: dict[str, dict[str, list[float]]] = {name: {} for name in ranked.ranks}
    for (name, metric), own in zip(values, intervals, strict=True):
        found[name][metric] = [own.low, own.high]
    return found


def _describe_lists(facts: ItemFacts, ranked: SegmentResult) -> dict[str, dict[str, float]]:
    histories, num_items = ranked.targets.histories, len(ranked.candidate_mask)
    found = {}
    for name, own in ranked.lists.items():
        figures = {
            f"coverage@{K}": beyond_accuracy.coverage(own, ranked.candidate_mask),
            f"gini@{K}": beyond_accuracy.gini(own, ranked.candidate_mask),
            f"novelty@{K}": beyond_accuracy.novelty(own, histories, num_items),
            f"popularity_lift@{K}": beyond_accuracy.popularity_lift(own, histories, num_items),
        }
        if facts.content is not None:
            figures[f"diversity@{K}"] = beyond_accuracy.diversity(own, facts.content)
        for feature, categories in facts.kinds.items():
            figures[f"miscalibration_{feature}@{K}"] = beyond_accuracy.miscalibration(
                own, histories, categories
            )
        # What there is nothing to say of, JSON has no number for.
        found[name] = {key: value for key, value in figures.items() if not np.isnan(value)}
    return found


def _kinds(dataset: Dataset) -> dict[str, np.ndarray]:
    """By categorical item feature of few categories, their shares, `[items, categories]`."""
    found = {}
    everything = np.arange(dataset.count("items"))
    for name, modality in dataset.features("items").items():
        categories = dataset.categories("items", name)
        if not modality.has_vocabulary or not 1 < len(categories) <= _MOST_CATEGORIES:
            continue
        held = read_feature_column(dataset, "items", name, everything).numpy()
        shares = np.stack([(held == c.encode()).any(axis=1) for c in categories], axis=1)
        total = shares.sum(axis=1, keepdims=True)
        found[name] = shares / np.maximum(total, 1)
    return found
