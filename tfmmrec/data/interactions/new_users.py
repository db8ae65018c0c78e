"""Divides the events of new (cold-start) users into their history and their target."""

import numpy as np

from tfmmrec.data.interactions.events import Interactions


def divide_new_users(
    events: Interactions, is_new: np.ndarray, can_be_target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which events of a held-out split are targets, and which are histories of new users.

    All events of a new user are in test. Their target is the last event that can be one, and their
    history is what precedes it.

    Args:
        events: of the split, in any order.
        is_new: bool `[events]`, events of new users.
        can_be_target: bool `[events]`, positives of the largest weight.

    Returns:
        `targets` and `history`, bool `[events]`.
    """
    users, rows = np.unique(events.user, return_inverse=True)
    last = np.full(len(users), -1)  # [users], order of the last event that can be a target
    np.maximum.at(last, rows[can_be_target], events.order[can_be_target])
    is_target = can_be_target & (~is_new | (events.order == last[rows]))
    return is_target, is_new & (events.order < last[rows])
