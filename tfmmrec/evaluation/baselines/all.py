"""The baselines that a model is compared with, fitted to the same events."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS, context_of
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.evaluation.baselines.content import ContentBaselines, content_matrix, content_size
from tfmmrec.evaluation.baselines.history_baselines import HistoryBaselines
from tfmmrec.evaluation.baselines.interactions import FitBaseline
from tfmmrec.evaluation.baselines.item_item import EASE_ITEMS
from tfmmrec.evaluation.baselines.matrix_factorization import (
    FACTORIZATION_BASELINES,
    available_factorizations,
)
from tfmmrec.evaluation.baselines.trivial import popularity, same_for_all
from tfmmrec.evaluation.baselines.tuning import choose, middle
from tfmmrec.evaluation.ranking.rankers import Ranker

# Limit of the content matrix (items x width), 1.6 GB.
_MAX_CONTENT_SIZE = 2 * 10**8
# The shares of the most recent events that define recent popularity.
_RECENT_SHARES = (0.02, 0.05, 0.1, 0.2)


@dataclasses.dataclass(frozen=True)
class Baselines:
    """The baselines of a segment.

    Attributes:
        rankers: by name, which contains the hyperparameters in parentheses.
        notes: by name, why a baseline was not fitted, or not to all items.
    """

    rankers: dict[str, Ranker]
    notes: dict[str, str]


class WarmItemBaselines:
    """The baselines for warm items, in two groups, of which the first does not depend on the run.

    Hyperparameters are the best on valid; if valid is the evaluated split, the middle candidates.

    Args:
        dataset: the data folder.
        items: the encoded items.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.
    """

    def __init__(self, dataset: Dataset, items: EncodedEntities, split: str):
        self._dataset = dataset
        self._items = items
        self._split = split
        # Both groups need EASE and item-kNN, which are tuned and fitted once.
        self._of_histories = HistoryBaselines(dataset, split)

    def by_interactions(self) -> Baselines:
        """Fits popularity, recent popularity, EASE, item-kNN, own items, ALS and BPR.

        Recent popularity is omitted if events have no times, and ALS and BPR without the extra
        `baselines`.
        """
        dataset, split = self._dataset, self._split
        found: dict[str, Ranker] = {"popularity": popularity(dataset, split)}
        notes = {}
        if dataset.events("train").time.any():
            share = choose(
                dataset, split, _RECENT_SHARES, lambda share: _recent(dataset, "valid", share)
            )
            found[f"recent popularity ({share:g})"] = _recent(dataset, split, share)
        else:
            notes["recent popularity"] = "not run: the log has no times"
        if (num_items := dataset.count("items")) > EASE_ITEMS:
            notes["EASE"] = (
                f"of the {EASE_ITEMS:,} most popular of {num_items:,} items, since the matrix of "
                f"all would take {num_items**2 * 8 / 1e9:,.1f} GB"
            )
        found |= self._of_histories.item_item_rankers()
        found |= self._of_histories.own_item_rankers()
        factorizations = available_factorizations()
        for name in FACTORIZATION_BASELINES:
            if name not in factorizations:
                notes[name] = "not run: it needs pip install 'tfmmrec[baselines]'"
        return Baselines({**found, **_fit(dataset, split, factorizations)}, notes)

    def by_content(self) -> Baselines:
        """Fits the cosine similarity of content, and its sums with EASE and with item-kNN.

        None are fitted without content, or if the matrix of the content needs more than 1.6 GB.
        """
        content = _content(self._items)
        if isinstance(content, str):
            return Baselines({}, {"content": content})
        return Baselines(self._of_histories.content_rankers(content), {})


def warm_item_baselines(dataset: Dataset, items: EncodedEntities, split: str) -> Baselines:
    """Fits all baselines for warm items; see `WarmItemBaselines`."""
    own = WarmItemBaselines(dataset, items, split)
    groups = own.by_interactions(), own.by_content()
    return Baselines(
        {name: ranker for group in groups for name, ranker in group.rankers.items()},
        {name: note for group in groups for name, note in group.notes.items()},
    )


def cold_start_baselines(dataset: Dataset, items: EncodedEntities, split: str) -> Baselines:
    """Fits the content baselines for cold-start items: cosine, ridge and regressed ALS factors.

    Regularization weights are the middle candidates, since valid has no cold-start items. None are
    fitted without content, or if the matrix of the content needs more than 1.6 GB.

    Args:
        dataset: the data folder.
        items: the encoded items.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.
    """
    content = _content(items)
    if isinstance(content, str):
        return Baselines({}, {"content": content})
    interactions = interaction_matrix(context_of(dataset, split), dataset.count("items"))
    baselines = ContentBaselines(interactions)
    found: dict[str, Ranker] = {}
    for name, alphas in baselines.alphas.items():
        alpha = middle(alphas)
        label = f"content {name} ({alpha:g})" if len(alphas) > 1 else f"content {name}"
        found[label] = baselines.ranker(name, content, alpha)
    return Baselines(found, {})


def _content(items: EncodedEntities) -> np.ndarray | str:
    """Returns the content matrix, or why there is none."""
    if not items.encodings:
        return "not run: the model reads no features of items"
    if (size := content_size(items.encodings)) > _MAX_CONTENT_SIZE:
        return f"not run: the content takes {size * 8 / 1e9:.1f} GB"
    return content_matrix(items.encodings)


def _fit(
    dataset: Dataset, split: str, baselines: Mapping[str, tuple[FitBaseline, tuple[float, ...]]]
) -> dict[str, Ranker]:
    """Fits baselines with their best hyperparameters, or the middle candidates."""
    num_items = dataset.count("items")
    valid, interactions = (
        interaction_matrix(dataset.histories(CONTEXT_SPLITS[name]), num_items)
        for name in ("valid", split)
    )
    histories = interaction_matrix(context_of(dataset, split), num_items)
    found = {}
    for name, (fit, parameters) in baselines.items():
        best = choose(
            dataset,
            split,
            parameters,
            lambda value, fit=fit: fit(valid, value, valid),  # type: ignore[misc]
        )
        found[f"{name} ({best:g})"] = fit(interactions, best, histories)
    return found


def _recent(dataset: Dataset, split: str, share: float) -> Ranker:
    """Scores items by their number of events among the most recent ones before the split."""
    events = [dataset.events(name) for name in CONTEXT_SPLITS[split]]
    times = np.concatenate([e.time[e.positive] for e in events])
    items = np.concatenate([e.item[e.positive] for e in events])
    newest = times >= np.quantile(times, 1.0 - share)
    return same_for_all(np.bincount(items[newest], minlength=dataset.count("items")))
