"""Simple predictors of ratings and clicks, which a model has to beat."""

import numpy as np

from tfmmrec.data.outcomes import LabeledEvents


def mean_rating(train: LabeledEvents, events: LabeledEvents) -> np.ndarray:
    """The mean of all ratings, for every event."""
    return np.full(len(events), np.nanmean(train.rating, dtype=np.float64))


def rating_biases(
    train: LabeledEvents, events: LabeledEvents, *, damping: float = 10.0, rounds: int = 10
) -> np.ndarray:
    """The mean rating plus a number for the item and one for the user.

    Each number is the mean of what is left of its ratings, as if `damping` ratings more had left
    nothing (Koren 2010, "Factor in the neighbors", the baseline estimate); 0 for unknown ones.

    Args:
        train: what is known.
        events: what is predicted.
        damping: for both.
        rounds: of turns between users and items.

    Returns:
        float `[events]`.
    """
    train = train.take(train.rated)
    mean = float(np.mean(train.rating, dtype=np.float64))
    num_users = max(train.user.max(initial=-1), events.user.max(initial=-1)) + 1
    num_items = max(train.item.max(initial=-1), events.item.max(initial=-1)) + 1
    users, items = np.zeros(num_users), np.zeros(num_items)
    for _ in range(rounds):
        left = train.rating - mean - users[train.user]
        items = _damped_means(train.item, left, num_items, damping)
        left = train.rating - mean - items[train.item]
        users = _damped_means(train.user, left, num_users, damping)
    predicted = mean + users[events.user] + items[events.item]
    return np.clip(predicted, train.rating.min(), train.rating.max())


def rating_svd(
    train: LabeledEvents,
    events: LabeledEvents,
    *,
    factors: int = 100,
    epochs: int = 20,
    rate: float = 0.005,
    penalty: float = 0.02,
    seed: int = 0,
) -> np.ndarray:
    """Biased matrix factorisation by stochastic gradient descent, an event at a time.

    What is known as SVD since the Netflix prize (Funk 2006; Koren et al. 2009), with the defaults
    of the library Surprise (Hug 2020).

    Args:
        train: what is known.
        events: what is predicted.
        factors: the width of the vectors.
        epochs: passes over the ratings, in their order.
        rate: of learning.
        penalty: of the squares of all numbers.
        seed: of the vectors.

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
            user_biases[user] += rate * (error - penalty * user_biases[user])
            item_biases[item] += rate * (error - penalty * item_biases[item])
            users[user], items[item] = (
                p + rate * (error * q - penalty * p),
                q + rate * (error * p - penalty * q),
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
    """The share of events that were choices; `share` where none but choices are told of."""
    return np.full(len(events), np.mean(train.clicked) if share is None else share)


def popularity_rate(
    train: LabeledEvents,
    events: LabeledEvents,
    num_items: int,
    *,
    drawn: bool,
    damping: float = 10.0,
) -> np.ndarray:
    """How often each item was chosen when it was shown, or, with `drawn`, drawn beside choices."""
    shown = np.bincount(train.item, minlength=num_items).astype(float)
    clicks = np.bincount(train.item, train.clicked, minlength=num_items)
    overall = 0.5 if drawn else float(np.mean(train.clicked))
    if drawn:
        # One item is drawn for each choice, each that is known as likely as the other.
        known = clicks > 0
        shown = clicks + known * np.sum(clicks) / max(1, np.count_nonzero(known))
    rates = (clicks + damping * overall) / (shown + damping)
    return rates[events.item]


def _damped_means(
    rows: np.ndarray, values: np.ndarray, num_rows: int, damping: float
) -> np.ndarray:
    counts = np.bincount(rows, minlength=num_rows)
    return np.bincount(rows, values, minlength=num_rows) / (counts + damping)
