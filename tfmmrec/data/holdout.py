"""What is known of users before a split, and what the split asks for."""

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import Interactions, concatenate
from tfmmrec.data.outcomes import LabeledEvents

# The splits that known users' past is in.
PAST = {"valid": ("train",), "test": ("train", "valid")}


def context_of(dataset: Dataset, split: str, *, timed: bool = False) -> Histories:
    """What each user chose before the moment that a split asks for, oldest first.

    Of known users, their positives of the splits before; of new users, all but the last of theirs.

    Args:
        dataset: the data folder.
        split: valid or test.
        timed: whether the histories have times (default no).
    """
    known, _ = _at(dataset, split)
    return Histories.of(known, dataset.count("users"), timed=timed)


def holdout_events(dataset: Dataset, split: str) -> Interactions:
    """The positives that are to be predicted: all of known users, and the last of each new one."""
    _, asked = _at(dataset, split)
    return asked


def leaking_events(dataset: Dataset, split: str) -> Interactions:
    """What is asked for although its user's past goes on behind it: a history tells the future.

    Of cold items this is so by design: users are read from all that they chose of other items, and
    so these are not looked at.
    """
    known, asked = _at(dataset, split)
    asked = asked.take(~dataset.cold_items[asked.item])
    newest = np.full(dataset.count("users"), -1)
    np.maximum.at(newest, known.user, known.order)
    return asked.take(asked.order < newest[asked.user])


def outcomes_in(dataset: Dataset, split: str) -> LabeledEvents:
    """The events whose outcomes are to be predicted: those that do not stand in the past.

    Of new users, these are the last choice and what they did behind the choice before it.
    """
    events = dataset.outcomes([split])
    choices = np.bincount(events.user, events.chosen, minlength=dataset.count("users"))
    return events.take(
        ~dataset.cold_users[events.user] | (events.place >= choices[events.user] - 1)
    )


def _at(dataset: Dataset, split: str) -> tuple[Interactions, Interactions]:
    """The positives before the moment of a split, and those to be predicted."""
    known = concatenate([dataset.events(name) for name in PAST[split]])
    known = known.take(known.positive)
    asked = dataset.events(split)
    asked = asked.take(asked.positive)
    # What a new user did stands in test as a whole, the past as well.
    past = dataset.cold_users[asked.user] & ~_is_last(asked)
    return concatenate([known, asked.take(past)]), asked.take(~past)


def _is_last(events: Interactions) -> np.ndarray:
    """Which event is the last of its user, bool `[events]`."""
    rows = np.lexsort((events.order, events.user))
    users = events.user[rows]
    last = np.zeros(len(events), bool)
    last[rows[:-1]] = users[1:] != users[:-1]
    last[rows[-1:]] = True
    return last
