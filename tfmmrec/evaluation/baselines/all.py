"""The baselines that a model is compared with, fitted to the same events."""

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

# Limits of the dense matrices of users by items and items by items, about 1.6 GB. Beyond them only
# popularity, ALS and BPR are compared.
_MAX_CELLS = 2 * 10**8
_MAX_ITEMS = 8000
# The shares of the most recent events that define recent popularity.
_RECENT_SHARES = (0.02, 0.05, 0.1, 0.2)


def warm_item_baselines(dataset: Dataset, split: str) -> dict[str, Ranker]:
    """Fits popularity, recent popularity, EASE, item-kNN, ALS and BPR, for warm items.

    Hyperparameters are the best on valid; if valid is the evaluated split, the middle candidates.
    EASE and item-kNN are omitted if they need matrices of more than 1.6 GB, recent popularity if
    events have no times, and ALS and BPR without the extra `baselines`.

    Args:
        dataset: the data folder.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.

    Returns:
        By name, which contains the hyperparameter in parentheses.
    """
    can_tune = split != "valid" and bool(dataset.events("valid").positive.any())
    found: dict[str, Ranker] = {"popularity": popularity(dataset, split)}
    if dataset.events("train").time.any():
        share = _middle(_RECENT_SHARES)
        if can_tune:
            share = best_on_valid(
                dataset, _RECENT_SHARES, lambda share: _recent(dataset, "valid", share)
            )
        found[f"recent popularity ({share:g})"] = _recent(dataset, split, share)
    if _matrices_fit(dataset):
        found.update(_item_item(dataset, split, can_tune))
    found.update(_factorizations(dataset, split, can_tune))
    return found


def cold_start_baselines(dataset: Dataset, items: EncodedEntities, split: str) -> dict[str, Ranker]:
    """Fits the content baselines for cold-start items: cosine, ridge and regressed ALS factors.

    Regularization weights are the middle candidates, since valid has no cold-start items. Empty
    without content, or if the matrices need more than 1.6 GB.

    Args:
        dataset: the data folder.
        items: the encoded items.
        split: the evaluated split, `valid` or `test`; the baselines are fitted to the earlier ones.

    Returns:
        By name, which contains the regularization weight in parentheses.
    """
    if not items.encodings or not _matrices_fit(dataset):
        return {}
    interactions = interaction_matrix(context_of(dataset, split), dataset.count("items"))
    baselines, content = ContentBaselines(interactions), content_matrix(items.encodings)
    found: dict[str, Ranker] = {}
    for name, alphas in baselines.alphas.items():
        alpha = _middle(alphas)
        label = f"content {name} ({alpha:g})" if len(alphas) > 1 else f"content {name}"
        found[label] = ScoreRanker.of(baselines.scores(name, content, alpha))
    return found


def _item_item(dataset: Dataset, split: str, can_tune: bool) -> Iterator[tuple[str, Ranker]]:
    """EASE and item-kNN, which need dense matrices."""
    best = {name: _middle(parameters) for name, (_, parameters) in ITEM_ITEM_BASELINES.items()}
    if can_tune:
        best = tune_item_item(dataset)
    num_items = dataset.count("items")
    interactions = interaction_matrix(dataset.histories(CONTEXT_SPLITS[split]), num_items)
    histories = interaction_matrix(context_of(dataset, split), num_items)
    for name, (score, _) in ITEM_ITEM_BASELINES.items():
        yield f"{name} ({best[name]:g})", ScoreRanker.of(score(interactions, best[name], histories))


def _factorizations(dataset: Dataset, split: str, can_tune: bool) -> Iterator[tuple[str, Ranker]]:
    """ALS and BPR, which need embeddings of users and items only."""
    best = {
        name: _middle(parameters) for name, (_, parameters) in available_factorizations().items()
    }
    if can_tune:
        best = tune_factorizations(dataset)
    num_items = dataset.count("items")
    interactions = sparse_interaction_matrix(dataset.histories(CONTEXT_SPLITS[split]), num_items)
    histories = sparse_interaction_matrix(context_of(dataset, split), num_items)
    for name, value in best.items():
        fit, _ = FACTORIZATION_BASELINES[name]
        yield f"{name} ({value:g})", fit(interactions, value, histories)


def _matrices_fit(dataset: Dataset) -> bool:
    num_users, num_items = dataset.count("users"), dataset.count("items")
    return num_items <= _MAX_ITEMS and num_users * num_items <= _MAX_CELLS


def _middle(parameters: tuple[float, ...]) -> float:
    return parameters[len(parameters) // 2]


def _recent(dataset: Dataset, split: str, share: float) -> Ranker:
    """Scores items by their number of events among the most recent ones before the split."""
    events = [dataset.events(name) for name in CONTEXT_SPLITS[split]]
    times = np.concatenate([e.time[e.positive] for e in events])
    items = np.concatenate([e.item[e.positive] for e in events])
    newest = times >= np.quantile(times, 1.0 - share)
    return same_for_all(np.bincount(items[newest], minlength=dataset.count("items")))
