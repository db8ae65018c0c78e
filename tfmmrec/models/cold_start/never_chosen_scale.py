"""The scale of the embeddings of never-chosen items, fitted to the training events."""

from collections.abc import Iterator

import numpy as np

from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.distribute.strategies import gather_from_processes
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer

_K = 10
_SCALES = np.linspace(1.0, 0.05, 20)
# A sample of users is enough for a share, and the scores of users and items take memory and time.
_MAX_USERS, _MAX_SCORES = 500, 2 * 10**7


def fit_never_chosen_scale(bundle: ModelBundle, scorer: Scorer, vectors: np.ndarray) -> np.ndarray:
    """Fits the scale of never-chosen items, which lowers their scores, and applies it.

    A never-chosen item has been in the catalog without a training event. It is a negative of no
    event, so that its score follows from its content alone. Where content does not tell which items
    are chosen, such items fill the recommendations. Their embeddings are therefore scaled by the
    largest factor of 1, 0.95, …, 0.05 with which their share of the ten best items of the training
    users is at most the probability that an event has an item without earlier events. The
    Good-Turing estimate of it is the number of items with one event over the number of events (Good
    1953, "The population frequencies of species and the estimation of population parameters").

    New items are not scaled: those withheld from training, and those of a later `update` or of a
    request. Their order among themselves, and that of never-chosen items, does not change.

    Args:
        bundle: the model, with its current weights, and its training events.
        scorer: of the model.
        vectors: embeddings of all items with the current scale, float32 `[items, width]`.

    Returns:
        The embeddings with the fitted scale; `vectors` if there is no never-chosen item, or if
        scores are no products of embeddings.
    """
    never_chosen, scale = bundle.statistics.never_chosen, bundle.model.item_tower.never_chosen_scale
    if not never_chosen.any() or not scorer.scores_by_product:
        return vectors
    whole = np.where(never_chosen[:, np.newaxis], vectors / scale.numpy(), vectors)
    counts = bundle.statistics.counts
    found = np.array([_fit(bundle, scorer, whole, (counts == 1).sum() / counts.sum())])
    # The same in all processes, whose scores may be rounded differently.
    scale.assign(gather_from_processes(bundle.model.distribute_strategy, found).flat[0])
    return np.where(never_chosen[:, np.newaxis], whole * scale.numpy(), whole)


def _fit(bundle: ModelBundle, scorer: Scorer, vectors: np.ndarray, most: float) -> float:
    """The largest scale with a share of at most `most`, or the smallest one."""
    batches = list(_best_scores(bundle, scorer, vectors))
    chosen, never_chosen = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    for scale in _SCALES:
        if share_of_never_chosen(chosen, scale * never_chosen) <= most:
            break
    return float(scale)


def share_of_never_chosen(chosen: np.ndarray, never_chosen: np.ndarray) -> float:
    """The share of never-chosen items among each user's best items.

    A user has as many best items as `chosen` has for them.

    Args:
        chosen: the best scores of chosen items, `[users, k]`; −inf if there are fewer.
        never_chosen: likewise of never-chosen items, `[users, k]`.
    """
    k = chosen.shape[1]
    order = np.argsort(-np.concatenate([chosen, never_chosen], axis=1), axis=1, kind="stable")
    length = np.isfinite(chosen).sum(axis=1)  # [users]
    is_answer = np.arange(2 * k) < length[:, np.newaxis]
    return float(((order >= k) & is_answer).sum() / max(1, length.sum()))


def _best_scores(
    bundle: ModelBundle, scorer: Scorer, vectors: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the best scores of chosen and never-chosen items, `[batch, 10]` each, sorted."""
    histories = bundle.histories
    users = np.flatnonzero(np.diff(histories.offsets))
    num = max(1, min(_MAX_USERS, _MAX_SCORES // len(vectors)))
    users = fixed_sample(users, num)
    chosen, never_chosen = bundle.statistics.counts > 0, bundle.statistics.never_chosen
    for batch, scores in scorer.scores(vectors, histories, users):
        scores = scores.copy()
        scores[histories.of_users(batch)] = -np.inf
        yield _best(scores[:, chosen]), _best(scores[:, never_chosen])


def _best(scores: np.ndarray) -> np.ndarray:
    """The ten highest scores of each row, best first; −inf if there are fewer."""
    padded = np.pad(scores, [(0, 0), (0, max(0, _K - scores.shape[1]))], constant_values=-np.inf)
    return -np.sort(np.partition(-padded, _K - 1, axis=1)[:, :_K], axis=1)
