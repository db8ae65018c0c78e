"""What a report compares a model with: simple recommenders that know the same."""

from collections.abc import Callable, Iterator

import numpy as np

from tfmmrec.assembly import Assembly
from tfmmrec.dataset import Dataset
from tfmmrec.evaluation.content_rivals import (
    ContentRivals,
    chosen_matrix,
    content_matrix,
    score_users,
)
from tfmmrec.evaluation.item_rivals import ITEM_RIVALS
from tfmmrec.evaluation.measuring import measure
from tfmmrec.evaluation.targets import ScoreUsers, popularity, random_order, targets_of
from tfmmrec.past import PAST

# What matrices of users or items by items may take; beyond it only counts are compared with.
_MOST_CELLS = 2 * 10**8
_MOST_ITEMS = 8000
# Of all choices, the newest whose counts say what is popular now.
_RECENT_SHARES = (0.02, 0.05, 0.1, 0.2)

# Makes a recommender of what is known before a split, with a parameter.
Fit = Callable[[Dataset, str, float], ScoreUsers]


def baselines(assembly: Assembly, split: str, part: str, seed: int) -> dict[str, ScoreUsers]:
    """The simple recommenders for a part of the targets, by name, parameters in brackets.

    Everywhere popularity and chance. For warm items and new users also what is popular now,
    item-kNN and EASE; for cold items the cosine and the ridge regression of content, and ALS
    factors regressed on it. Parameters are the best on warm items of valid, where valid is not what
    is measured; else, and for cold items, of which valid has none, the middle ones. What would need
    matrices of more than 1.6 GB is left out.

    Args:
        assembly: says what there is; its model is not used.
        split: `valid` or `test`.
        part: one of PARTS.
        seed: of chance.
    """
    dataset = assembly.dataset
    found: dict[str, ScoreUsers] = {"popularity": popularity(dataset, split)}
    num_users, num_items = dataset.count("users"), dataset.count("items")
    fits = num_items <= _MOST_ITEMS and num_users * num_items <= _MOST_CELLS
    if part == "cold":
        # Nobody has chosen any of these before.
        del found["popularity"]
        if fits and assembly.items.encoded:
            found |= _content_baselines(assembly, split)
    else:
        if dataset.events("train").time.any():
            found |= _tuned(dataset, split, "recent popularity", _RECENT_SHARES, _recent)
        if fits:
            for name, (_, parameters) in ITEM_RIVALS.items():
                found |= _tuned(dataset, split, name, parameters, _item_rival(name))
    return {**found, "random": random_order(dataset, seed)}


def _tuned(
    dataset: Dataset,
    split: str,
    name: str,
    parameters: tuple[float, ...],
    fit: Fit,
) -> dict[str, ScoreUsers]:
    best = parameters[len(parameters) // 2]
    if split != "valid" and dataset.events("valid").positive.any():
        targets = targets_of(dataset, "valid")
        found = [
            measure(dataset, targets, fit(dataset, "valid", value))["warm ndcg@10"].mean()
            for value in parameters
        ]
        best = parameters[int(np.argmax(found))]
    return {f"{name} ({best:g})": fit(dataset, split, best)}


def _item_rival(name: str) -> Fit:
    score, _ = ITEM_RIVALS[name]

    def fit(dataset: Dataset, split: str, parameter: float) -> ScoreUsers:
        num_items = dataset.count("items")
        chosen = chosen_matrix(dataset.histories(PAST[split]), num_items)
        known = chosen_matrix(targets_of(dataset, split).histories, num_items)
        return score_users(score(chosen, parameter, known))

    return fit


def _recent(dataset: Dataset, split: str, share: float) -> ScoreUsers:
    """Scores items by how many of the newest choices before the split were of them."""
    events = [dataset.events(name) for name in PAST[split]]
    times = np.concatenate([e.time[e.positive] for e in events])
    items = np.concatenate([e.item[e.positive] for e in events])
    newest = times >= np.quantile(times, 1.0 - share)
    counts = np.bincount(items[newest], minlength=dataset.count("items")).astype(np.float32)

    def given(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, np.tile(counts, (len(users), 1))

    return given


def _content_baselines(assembly: Assembly, split: str) -> dict[str, ScoreUsers]:
    dataset = assembly.dataset
    chosen = chosen_matrix(targets_of(dataset, split).histories, dataset.count("items"))
    rivals, content = ContentRivals(chosen), content_matrix(assembly.items.encoded)
    found = {}
    for name, penalties in rivals.penalties.items():
        penalty = penalties[len(penalties) // 2]
        shown = f"content {name} ({penalty:g})" if len(penalties) > 1 else f"content {name}"
        found[shown] = score_users(rivals.scores(name, content, penalty))
    return found
