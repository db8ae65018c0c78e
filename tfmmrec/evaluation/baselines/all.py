"""The baselines that a model is compared with, fitted to the same events."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS, context_of
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.evaluation.baselines.content import ContentBaselines, content_matrix, content_size
from tfmmrec.evaluation.baselines.interactions import FitBaseline, interaction_matrix
from tfmmrec.evaluation.baselines.item_item import EASE_ITEMS, ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.matrix_factorization import (
    FACTORIZATION_BASELINES,
    available_factorizations,
)
from tfmmrec.evaluation.baselines.trivial import popularity, same_for_all
from tfmmrec.evaluation.baselines.tuning import best_on_valid, tune_baselines
from tfmmrec.evaluation.ranking.rankers import Ranker

# Limit of the content matrix (items x width), 1.6 GB.
_MAX_CONTENT_SIZE = 2 * 10**8
# The shares of the most recent events that define recent popularity.
_RECENT_SHARES = (0.02, 0.05, 0.1, 0.2)


@dataclasses.dataclass(frozen=True)
class Baselines:
    """The baselines of a segment.

    Attributes:
        rankers: by name, which contains the hyperparameter in parentheses.
        notes: by name, why a baseline was not fitted, or not to all items.
    """

    rankers: dict[str, Ranker]
    notes: dict[str, str]


def warm_item_baselines(dataset: Dataset, split: str) -> Baselines:
    """Fits popularity, recent popularity, EASE, item-kNN, ALS and BPR, for warm items.

    Hyperparameters are the best on valid; if valid is the evaluated split, the middle candidates.
    Recent popularity is omitted if events have no times, and ALS and BPR without the extra
    `baselines`.

    Args:
        dataset: the data folder.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.
    """
    can_tune = split != "valid" and bool(dataset.events("valid").positive.any())
    found: dict[str, Ranker] = {"popularity": popularity(dataset, split)}
    notes = {}
    if dataset.events("train").time.any():
        share = _middle(_RECENT_SHARES)
        if can_tune:
            share = best_on_valid(
                dataset, _RECENT_SHARES, lambda share: _recent(dataset, "valid", share)
            )
        found[f"recent popularity ({share:g})"] = _recent(dataset, split, share)
    else:
        notes["recent popularity"] = "not run: the log has no times"
    if (num_items := dataset.count("items")) > EASE_ITEMS:
        notes["EASE"] = (
            f"of the {EASE_ITEMS:,} most popular of {num_items:,} items, since the matrix of all "
            f"would take {num_items**2 * 8 / 1e9:,.1f} GB"
        )
    factorizations = available_factorizations()
    for name in FACTORIZATION_BASELINES:
        if name not in factorizations:
            notes[name] = "not run: it needs pip install 'tfmmrec[baselines]'"
    fitted = {**ITEM_ITEM_BASELINES, **factorizations}
    return Baselines({**found, **_fit(dataset, split, fitted, can_tune)}, notes)


def cold_start_baselines(dataset: Dataset, items: EncodedEntities, split: str) -> Baselines:
    """Fits the content baselines for cold-start items: cosine, ridge and regressed ALS factors.

    Regularization weights are the middle candidates, since valid has no cold-start items. None are
    fitted without content, or if the matrix of the content needs more than 1.6 GB.

    Args:
        dataset: the data folder.
        items: the encoded items.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.
    """
    if not items.encodings:
        return Baselines({}, {"content": "not run: the model reads no features of items"})
    if (size := content_size(items.encodings)) > _MAX_CONTENT_SIZE:
        return Baselines({}, {"content": f"not run: the content takes {size * 8 / 1e9:.1f} GB"})
    interactions = interaction_matrix(context_of(dataset, split), dataset.count("items"))
    baselines, content = ContentBaselines(interactions), content_matrix(items.encodings)
    found: dict[str, Ranker] = {}
    for name, alphas in baselines.alphas.items():
        alpha = _middle(alphas)
        label = f"content {name} ({alpha:g})" if len(alphas) > 1 else f"content {name}"
        found[label] = baselines.ranker(name, content, alpha)
    return Baselines(found, {})


def _fit(
    dataset: Dataset,
    split: str,
    baselines: Mapping[str, tuple[FitBaseline, tuple[float, ...]]],
    can_tune: bool,
) -> dict[str, Ranker]:
    """Fits baselines with their best hyperparameters, or the middle candidates."""
    best = {name: _middle(parameters) for name, (_, parameters) in baselines.items()}
    if can_tune:
        best = tune_baselines(dataset, baselines)
    num_items = dataset.count("items")
    interactions = interaction_matrix(dataset.histories(CONTEXT_SPLITS[split]), num_items)
    histories = interaction_matrix(context_of(dataset, split), num_items)
    return {
        f"{name} ({best[name]:g})": fit(interactions, best[name], histories)
        for name, (fit, _) in baselines.items()
    }


def _middle(parameters: tuple[float, ...]) -> float:
    return parameters[len(parameters) // 2]


def _recent(dataset: Dataset, split: str, share: float) -> Ranker:
    """Scores items by their number of events among the most recent ones before the split."""
    events = [dataset.events(name) for name in CONTEXT_SPLITS[split]]
    times = np.concatenate([e.time[e.positive] for e in events])
    items = np.concatenate([e.item[e.positive] for e in events])
    newest = times >= np.quantile(times, 1.0 - share)
    return same_for_all(np.bincount(items[newest], minlength=dataset.count("items")))
