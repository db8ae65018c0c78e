"""Baselines that predict ratings and clicks."""

import numpy as np

from tfmmrec.data.outcomes import LabeledEvents


def mean_rating(train: LabeledEvents, events: LabeledEvents) -> np.ndarray:
    """Predicts the mean of all training ratings, for every event."""
    return np.full(len(events), np.nanmean(train.rating, dtype=np.float64))


def rating_biases(
    train: LabeledEvents, events: LabeledEvents, *, damping: float = 10.0, rounds: int = 10
) -> np.ndarray:
    """Predicts the mean rating plus a bias of the item and a bias of the user.

    A bias is the damped mean of the residuals, as if there were `damping` more residuals of 0
    (Koren 2010, "Factor in the neighbors", the baseline estimate). The bias of a new user or item
    is 0.

    Args:
        train: training events.
        events: the events to predict.
        damping: of both biases (default 10).
        rounds: number of alternations between user and item biases (default 10).

    Returns:
        float `[events]`.
    """
    train = train.take(train.rated)
    mean = float(np.mean(train.rating, dtype=np.float64))
    num_users = max(train.user.max(initial=-1), events.user.max(initial=-1)) + 1
    num_items = max(train.item.max(initial=-1), events.item.max(initial=-1)) + 1
    users, items = np.zeros(num_users), np.zeros(num_items)
    for _ in range(rounds):
        residuals = train.rating - mean - users[train.user]
        items = _damped_means(train.item, residuals, num_items, damping)
        residuals = train.rating - mean - items[train.item]
        users = _damped_means(train.user, residuals, num_users, damping)
    predicted = mean + users[events.user] + items[events.item]
    return np.clip(predicted, train.rating.min(), train.rating.max())


def rating_svd(
    train: LabeledEvents,
    events: LabeledEvents,
    *,
    factors: int = 100,
    epochs: int = 20,
    learning_rate: float = 0.005,
    penalty: float = 0.02,
    seed: int = 0,
) -> np.ndarray:
    """Predicts by biased matrix factorization, trained by stochastic gradient descent.

    Known as SVD since the Netflix Prize (Funk 2006; Koren et al. 2009); with the defaults of the
    library Surprise (Hug 2020).

    Args:
        train: training events.
        events: the events to predict.
        factors: number of factors (default 100).
        epochs: passes over the ratings, in their order (default 20).
        learning_rate: of the gradient descent (default 0.005).
        penalty: L2 regularization of factors and biases (default 0.02).
        seed: of the initial factors.

    Returns:
        float `[events]`.
    """
    train = train.take(train.rated)
    generator = np.random.default_rng(seed)
    num_users = max(train.user.max(initial=-1), events.user.max(initial=-1)) + 1
    num_items = max(train.item.max(initial=-1), events.item.max(initial=-1)) + 1
    mean = float(np.mean(train.rating, dtype=np.float64))
    user_biases, item_biases = np.zeros(num_users), np.zeros(num_items)
    users = generator.normal(0.0, 0.1, [num_users, factors])
    items = generator.normal(0.0, 0.1, [num_items, factors])
    triples = list(
        zip(train.user.tolist(), train.item.tolist(), train.rating.tolist(), strict=True)
    )
    for _ in range(epochs):
        for user, item, rating in triples:
            p, q = users[user], items[item]
            error = rating - (mean + user_biases[user] + item_biases[item] + p @ q)
            user_biases[user] += learning_rate * (error - penalty * user_biases[user])
            item_biases[item] += learning_rate * (error - penalty * item_biases[item])
            users[user], items[item] = (
                p + learning_rate * (error * q - penalty * p),
                q + learning_rate * (error * p - penalty * q),
            )
    known_users = np.bincount(train.user, minlength=num_users) > 0
    known_items = np.bincount(train.item, minlength=num_items) > 0
    users[~known_users], items[~known_items] = 0.0, 0.0
    product = np.sum(users[events.user] * items[events.item], axis=1)
    predicted = mean + user_biases[events.user] + item_biases[events.item] + product
    return np.clip(predicted, train.rating.min(), train.rating.max())


def click_rate(
    train: LabeledEvents, events: LabeledEvents, share: float | None = None
) -> np.ndarray:
    """Predicts the share of positives in the training events, or `share` if given."""
    return np.full(len(events), np.mean(train.clicked) if share is None else share)


def popularity_rate(
    train: LabeledEvents,
    events: LabeledEvents,
    num_items: int,
    *,
    sampled_nonclicks: bool,
    damping: float = 10.0,
) -> np.ndarray:
    """Predicts the damped click rate of each item.

    Args:
        train: training events.
        events: the events to predict.
        num_items: number of items.
        sampled_nonclicks: whether negatives are sampled, one per positive, since the log has
            positives only.
        damping: number of events with the overall rate that are added to each item (default 10).
    """
    shown = np.bincount(train.item, minlength=num_items).astype(float)
    clicks = np.bincount(train.item, train.clicked, minlength=num_items)
    overall = 0.5 if sampled_nonclicks else float(np.mean(train.clicked))
    if sampled_nonclicks:
        # One non-click is sampled per positive, uniformly from the items with positives.
        has_clicks = clicks > 0
        shown = clicks + has_clicks * np.sum(clicks) / max(1, np.count_nonzero(has_clicks))
    rates = (clicks + damping * overall) / (shown + damping)
    return rates[events.item]


def _damped_means(
    rows: np.ndarray, values: np.ndarray, num_rows: int, damping: float
) -> np.ndarray:
    counts = np.bincount(rows, minlength=num_rows)
    return np.bincount(rows, values, minlength=num_rows) / (counts + damping)
