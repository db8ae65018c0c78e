"""The term of a score that only the items of a user's own history have."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.layers.fitted_weight import add_fitted_weight

# The weights before they are fitted to the valid split.
DEFAULT_WEIGHTS = np.array([0.0, 1.0, 1.0], np.float32)
# Whether each of them can be below 0: the first can, where users rarely choose an item again.
CAN_BE_NEGATIVE = np.array([True, False, False])
# The number of events, all of average items, that the share of repeats of an item is smoothed by.
_PRIOR_EVENTS = 10.0
_LEAST_SHARE, _LARGEST_SHARE = 1e-3, 0.9


class RepeatTerm(tf.keras.layers.Layer):
    """Adds to the score of an item that the user has chosen before (repeat consumption).

    What is added for an item i of the history is

        w_0 + w_1 · ln Σ_j (1 + a_j)^-0.5 + w_2 · (logit p_i − logit p),

    where a_j is the number of items that follow the j-th event with the item. The sum over its
    events is the base-level activation of memory, by recency and frequency at once (Anderson and
    Schooler 1991, "Reflections of the environment in memory"; for music, Reiter-Haas et al. 2021,
    "Predicting music relistening using the ACT-R framework"). p_i is the share of an item's
    training events that repeat an earlier one, as nappies are bought again and prams are not, and p
    that of all items. The weights are fitted to the valid split along with the other terms.

    It is no product of a vector of the user and one of the item, and is added to the scores of the
    few items of a history.

    Args:
        num_items: the number of items.
    """

    def __init__(self, num_items: int, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.log_odds = add_fitted_weight(self, "log_odds", [num_items])
        self.term_weights = add_fitted_weight(
            self,
            "term_weights",
            [len(DEFAULT_WEIGHTS)],
            tf.keras.initializers.Constant(DEFAULT_WEIGHTS),
        )

    def fit(self, histories: Histories) -> None:
        """Computes the log-odds of repeats.

        Args:
            histories: of the training.
        """
        self.log_odds.assign(repeat_log_odds(histories, self.log_odds.shape[0]))

    def terms(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The terms of the items of histories.

        Args:
            history: int32 `[batch, n]`, rows of items, oldest first; -1 is padding.

        Returns:
            The terms, float32 `[batch, n, 3]`; and which positions have them, bool `[batch, n]`:
            the last one of each distinct item.
        """
        is_item = history >= 0
        ages = tf.cumsum(tf.cast(is_item, tf.float32), axis=1, exclusive=True, reverse=True)
        strengths = tf.where(is_item, tf.math.rsqrt(1.0 + ages), 0.0)  # [batch, n]
        same = (history[:, :, tf.newaxis] == history[:, tf.newaxis]) & is_item[:, tf.newaxis]
        sums = tf.reduce_sum(tf.where(same, strengths[:, tf.newaxis], 0.0), axis=2)
        is_later = tf.linalg.band_part(same, 0, -1) & ~tf.linalg.band_part(same, 0, 0)
        is_last = is_item & ~tf.reduce_any(is_later, axis=2)
        log_odds = tf.gather(self.log_odds, tf.maximum(history, 0))
        terms = tf.stack(
            [tf.ones_like(sums), tf.math.log(tf.where(is_last, sums, 1.0)), log_odds], axis=2
        )
        return tf.where(is_last[..., tf.newaxis], terms, 0.0), is_last

    def added(self, history: tf.Tensor) -> tf.Tensor:
        """What is added to the score of the item at each position of histories.

        Args:
            history: see `terms`.

        Returns:
            float32 `[batch, n]`; 0 at padding, and at all positions of an item but the last.
        """
        terms, _ = self.terms(history)
        return tf.tensordot(terms, self.term_weights, [[2], [0]])

    def describe(self) -> dict[str, float]:
        """The weights of the terms, as JSON."""
        names = ("constant", "activation", "share_of_repeats")
        weights = self.term_weights.numpy().round(4).tolist()
        return dict(zip(names, weights, strict=True))


def add_to_scores(scores: tf.Tensor, history: tf.Tensor, added: tf.Tensor) -> tf.Tensor:
    """Adds to the scores of the items of histories.

    Args:
        scores: float32 `[batch, items]`.
        history: int32 `[batch, n]`, rows of items; -1 is padding.
        added: float32 `[batch, n]`, 0 at padding.
    """
    rows = tf.maximum(history, 0)
    users = tf.broadcast_to(tf.range(tf.shape(rows)[0])[:, tf.newaxis], tf.shape(rows))
    return tf.tensor_scatter_nd_add(scores, tf.stack([users, rows], axis=2), added)


def repeat_log_odds(histories: Histories, num_items: int) -> np.ndarray:
    """The log-odds that an event of an item is a repeat, minus those of all items.

    Args:
        histories: the training events by user.
        num_items: the number of items.

    Returns:
        float32 `[num_items]`, 0 for items without events.
    """
    counts = histories.counts(num_items)
    lengths = np.diff(histories.offsets)
    users = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    pairs = np.unique(users * num_items + histories.items)
    repeats = counts - np.bincount(pairs % num_items, minlength=num_items)
    overall = repeats.sum() / max(1, counts.sum())
    shares = (repeats + _PRIOR_EVENTS * overall) / (counts + _PRIOR_EVENTS)
    shares, overall = (np.clip(p, _LEAST_SHARE, _LARGEST_SHARE) for p in (shares, overall))
    return (np.log(shares / (1 - shares)) - np.log(overall / (1 - overall))).astype(np.float32)
