"""Kinds of events: the key `kinds`, parsed values, and which events can be targets."""

from typing import Any

import numpy as np
import pytest

from tfmmrec.data.interactions import EventKinds, Interactions
from tfmmrec.data.interactions.kinds import parse_kinds
from tfmmrec.errors import BrokenValue

KINDS = EventKinds({"view": 0.1, "buy": 1.0, "skip": -1.0, "seen": 0.0})


def test_weights_are_read_in_their_order():
    kinds = parse_kinds({"view": 0.1, "buy": 1, "skip": -1, "seen": 0})
    assert kinds == KINDS
    assert (kinds.names, kinds.target_names) == (["view", "buy", "skip", "seen"], ["buy"])
    assert kinds.target_weight == 1.0
    assert kinds.are_weighted and kinds.have_dislikes


def test_a_log_without_kinds_has_one_weight_and_no_dislikes():
    kinds = EventKinds()
    assert not kinds and not kinds.are_weighted and not kinds.have_dislikes
    assert (kinds.names, kinds.target_weight) == ([], 1.0)


def test_dislikes_and_zeros_do_not_make_positives_differ():
    assert not EventKinds({"buy": 2.0, "rent": 2.0, "skip": -1.0, "seen": 0.0}).are_weighted


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (["view", "buy"], "write the weight of each kind"),
        ({}, "write the weight of each kind"),
        ({"view": "much"}, "view: a weight must be a finite number"),
        ({"view": True}, "view: a weight must be a finite number"),
        ({"view": float("inf")}, "view: a weight must be a finite number"),
        ({"skip": -1, "seen": 0}, "one weight at least must be above 0"),
    ],
)
def test_what_gives_no_weights_is_refused(written: Any, reason: str):
    with pytest.raises(ValueError, match=reason):
        parse_kinds(written)


def test_values_are_rows_of_the_vocabulary():
    assert [KINDS.row(raw) for raw in ("view", " buy ", "skip")] == [0, 1, 2]
    # A code in a float column.
    assert EventKinds({"1": 0.1, "2": 1.0}).row(2.0) == 1


def test_an_unknown_kind_is_named_with_the_known_ones():
    with pytest.raises(BrokenValue) as error:
        KINDS.row("byu")
    assert str(error.value).startswith("unknown kind 'byu'")
    assert "interactions.kinds has view, buy, skip, seen: add it" in str(error.value)


def test_targets_are_the_positives_of_the_largest_weight():
    num = 5
    events = Interactions(
        user=np.zeros(num, np.int32),
        item=np.arange(num, dtype=np.int32),
        time=np.zeros(num, np.int64),
        rating=np.full(num, np.nan, np.float32),
        # The last is a purchase for which the rule `positive` does not hold.
        positive=np.array([True, True, False, False, False]),
        order=np.arange(num, dtype=np.int32),
        part=np.zeros(num, np.int8),
        kind=np.array([0, 1, 2, 3, 1], np.int16),
        weight=np.array([0.1, 1, -1, 0, 1], np.float32),
    )
    assert KINDS.are_targets(events).tolist() == [False, True, False, False, False]
    assert events.disliked.tolist() == [False, False, True, False, False]
