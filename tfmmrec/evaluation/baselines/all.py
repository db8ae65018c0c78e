"""What a report compares a model with: simple recommenders that know the same."""

from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS, context_of
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.evaluation.baselines.content import (
    ContentBaselines,
    content_matrix,
    interaction_matrix,
)
from tfmmrec.evaluation.baselines.item_item import ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.matrix_factorization import (
    FACTORIZATION_BASELINES,
    available_factorizations,
    sparse_interaction_matrix,
)
from tfmmrec.evaluation.baselines.trivial import popularity, same_for_all
from tfmmrec.evaluation.baselines.tuning import (
    best_on_valid,
    tune_factorizations,
    tune_item_item,
)
from tfmmrec.evaluation.ranking.rankers import Ranker, ScoreRanker

# What matrices of users or items by items may take; beyond it counts and factors are compared with.
_MOST_CELLS = 2 * 10**8
_MOST_ITEMS = 8000
# Of all choices, the newest whose counts say what is popular now.
_RECENT_SHARES = (0.02, 0.05, 0.1, 0.2)


def warm_item_baselines(dataset: Dataset, split: str) -> dict[str, Ranker]:
    """Popularity, popularity of late, EASE, item-kNN, ALS and BPR, parameters in brackets, by name.

    Parameters are the best on valid, where valid is not what is measured, else the middle ones.
    What would need matrices of more than 1.6 GB is left out, and what is of late without times;
    ALS and BPR are there with the extra `baselines`, however large the catalogue.

    Args:
        dataset: the data folder.
        split: `valid` or `test`, before which all is known.
    """
    tunable = split != "valid" and bool(dataset.events("valid").positive.any())
    found: dict[str, Ranker] = {"popularity": popularity(dataset, split)}
    if dataset.events("train").time.any():
        share = _middle(_RECENT_SHARES)
        if tunable:
            share = best_on_valid(
                dataset, _RECENT_SHARES, lambda share: _recent(dataset, "valid", share)
            )
        found[f"recent popularity ({share:g})"] = _recent(dataset, split, share)
    if _matrices_fit(dataset):
        found.update(_by_items(dataset, split, tunable))
    found.update(_by_factors(dataset, split, tunable))
    return found


def cold_start_baselines(dataset: Dataset, items: EncodedEntities, split: str) -> dict[str, Ranker]:
    """The cosine and the ridge regression of content, and ALS factors regressed on it, by name.

    Penalties are the middle ones, since valid has no new items to choose by. Nothing without
    content, or where it would need matrices of more than 1.6 GB.

    Args:
        dataset: the data folder.
        items: what is known of items.
        split: `valid` or `test`, before which all is known.
    """
    if not items.encodings or not _matrices_fit(dataset):
        return {}
    chosen = interaction_matrix(context_of(dataset, split), dataset.count("items"))
    rivals, content = ContentBaselines(chosen), content_matrix(items.encodings)
    found: dict[str, Ranker] = {}
    for name, penalties in rivals.penalties.items():
        penalty = _middle(penalties)
        shown = f"content {name} ({penalty:g})" if len(penalties) > 1 else f"content {name}"
        found[shown] = ScoreRanker.of(rivals.scores(name, content, penalty))
    return found


def _by_items(dataset: Dataset, split: str, tunable: bool) -> Iterator[tuple[str, Ranker]]:
    """EASE and item-kNN, by matrices of users by items and of items by items."""
    best = {name: _middle(parameters) for name, (_, parameters) in ITEM_ITEM_BASELINES.items()}
    if tunable:
        best = tune_item_item(dataset)
    num_items = dataset.count("items")
    chosen = interaction_matrix(dataset.histories(CONTEXT_SPLITS[split]), num_items)
    known = interaction_matrix(context_of(dataset, split), num_items)
    for name, (score, _) in ITEM_ITEM_BASELINES.items():
        yield f"{name} ({best[name]:g})", ScoreRanker.of(score(chosen, best[name], known))


def _by_factors(dataset: Dataset, split: str, tunable: bool) -> Iterator[tuple[str, Ranker]]:
    """ALS and BPR, by vectors of users and of items."""
    best = {
        name: _middle(parameters) for name, (_, parameters) in available_factorizations().items()
    }
    if tunable:
        best = tune_factorizations(dataset)
    num_items = dataset.count("items")
    chosen = sparse_interaction_matrix(dataset.histories(CONTEXT_SPLITS[split]), num_items)
    known = sparse_interaction_matrix(context_of(dataset, split), num_items)
    for name, value in best.items():
        fit, _ = FACTORIZATION_BASELINES[name]
        yield f"{name} ({value:g})", fit(chosen, value, known)


def _matrices_fit(dataset: Dataset) -> bool:
    num_users, num_items = dataset.count("users"), dataset.count("items")
    return num_items <= _MOST_ITEMS and num_users * num_items <= _MOST_CELLS


def _middle(parameters: tuple[float, ...]) -> float:
    return parameters[len(parameters) // 2]


def _recent(dataset: Dataset, split: str, share: float) -> Ranker:
    """Scores items by how many of the newest choices before the split were of them."""
    events = [dataset.events(name) for name in CONTEXT_SPLITS[split]]
    times = np.concatenate([e.time[e.positive] for e in events])
    items = np.concatenate([e.item[e.positive] for e in events])
    newest = times >= np.quantile(times, 1.0 - share)
    return same_for_all(np.bincount(items[newest], minlength=dataset.count("items")))
