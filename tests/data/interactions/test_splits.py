"""Splits of events, in one batch and batch by batch."""

from typing import Any

import numpy as np
import pytest

from tfmmrec.data.interactions import (
    EventKinds,
    Interactions,
    concatenate,
    create_splitter,
    split_events,
)


def events_of(users: list[int], positive: list[bool] | None = None, **columns: Any) -> Interactions:
    """Events in order: the items and times count up within each user."""
    num = len(users)
    positive = [True] * num if positive is None else positive
    given = {"time": np.arange(num, dtype=np.int64), **columns}
    return Interactions(
        user=np.array(users, np.int32),
        item=np.arange(num, dtype=np.int32),
        rating=np.full(num, np.nan, np.float32),
        positive=np.array(positive),
        order=np.zeros(num, np.int32),
        part=np.zeros(num, np.int8),
        **given,
    )


def split(events: Interactions, seed: int = 0, **options: Any) -> list[int]:
    return create_splitter(options, events.time, seed).parts(events).tolist()


def test_last_out_takes_the_last_two_positives_of_users_with_five():
    # User 0 has five positives, user 1 four, user 2 five of seven events.
    users = [0] * 5 + [1] * 4 + [2] * 7
    positive = [True] * 9 + [True, True, True, False, True, True, False]
    parts = split(events_of(users, positive), by="last_out")
    assert parts[:5] == [0, 0, 0, 1, 2]
    assert parts[5:9] == [0, 0, 0, 0]
    assert parts[9:] == [0, 0, 0, 0, 1, 2, 0]


def test_time_puts_the_latest_last_whoever_did_it():
    times = np.array([9, 1, 8, 2, 7, 3, 6, 4, 5, 0], np.int64)
    # 0.2 of ten are test: the times 9 and 8; 0.1 is valid: the time 7.
    parts = split(events_of([0] * 10, time=times), by="time", test_share=0.2, valid_share=0.1)
    assert parts == [2, 0, 2, 0, 1, 0, 0, 0, 0, 0]


def test_random_shares_are_exact_and_the_seed_draws_them():
    options = {"by": "random", "test_share": 0.2, "valid_share": 0.1}
    first = split(events_of([0] * 50), **options)
    # 0.2 * 50 = 10 and 0.1 * 50 = 5.
    assert np.bincount(first).tolist() == [35, 5, 10]
    assert first == split(events_of([0] * 50), **options)
    assert first != split(events_of([0] * 50), seed=1, **options)


def test_a_split_of_nothing_leaves_all_in_train():
    assert split(events_of([0] * 6), by="none") == [0] * 6
    shares = {"test_share": 0.0, "valid_share": 0.0}
    assert split(events_of([0] * 6), by="time", **shares) == [0] * 6


@pytest.mark.parametrize("by", ["last_out", "time", "random"])
def test_batches_split_as_the_whole_does_and_after_a_stop_too(by):
    shares = {} if by == "last_out" else {"test_share": 0.3, "valid_share": 0.2}
    options = {"by": by, **shares}
    # Twelve users of five events, many of one moment.
    times = np.random.default_rng(0).integers(0, 4, 60)
    events = events_of(np.repeat(np.arange(12), 5).tolist(), time=times)
    whole = create_splitter(options, times, seed=3).parts(events)
    assert len(set(whole.tolist())) == 3
    batches = [events.take(slice(start, start + 15)) for start in range(0, 60, 15)]
    assert concatenate(batches).item.tolist() == events.item.tolist()
    splitter = create_splitter(options, times, seed=3)
    first = [splitter.parts(batch) for batch in batches[:2]]
    again = create_splitter(options, times, seed=3)
    again.restore(splitter.state())
    parts = [*first, *(again.parts(batch) for batch in batches[2:])]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_events_of_one_moment_go_by_the_order_of_users():
    # All ten at once: 0.2 of ten are test and 0.1 valid, the last ones.
    options = {"by": "time", "test_share": 0.2, "valid_share": 0.1}
    assert split(events_of([0] * 10, time=np.zeros(10, np.int64)), **options) == [0] * 7 + [1, 2, 2]


def test_what_is_cold_stands_in_test_as_a_whole_and_in_order():
    # User 0 has items 0 to 4, user 1 items 5 to 9, user 2 items 10 and 11; all are positives but 7.
    events = events_of([0] * 5 + [1] * 5 + [2] * 2, [n != 7 for n in range(12)])
    splitter = create_splitter({"by": "last_out"}, events.time, seed=0)
    parts = {name: part.item.tolist() for name, part in split_events(events, splitter, [2], [1])}
    # Of user 0, item 2 is cold, 3 is valid and 4 test; user 1 is cold; user 2 has too few to test.
    assert parts == {"train": [0, 1, 10, 11], "valid": [3], "test": [2, 4, 5, 6, 7, 8, 9]}


KINDS = EventKinds({"v": 0.1, "b": 1.0, "s": -1.0})


def split_kinds(*users: str) -> list[list[int]]:
    """The split of each event of users, whose events are a letter per kind."""
    weight = np.array([KINDS.weights[kind] for kind in "".join(users)], np.float32)
    owners = [user for user, kinds in enumerate(users) for _ in kinds]
    events = events_of(owners, (weight > 0).tolist(), weight=weight)
    parts = create_splitter({"by": "last_out"}, events.time, 0, KINDS).parts(events)
    ends = np.cumsum([len(kinds) for kinds in users])[:-1]
    return [part.tolist() for part in np.split(parts, ends)]


def test_last_out_holds_out_purchases_and_what_is_later():
    # The last purchase is test, with the view and the skip after it; the purchase before it is
    # valid, with the view between them.
    assert split_kinds("vvbbvbvs") == [[0, 0, 0, 1, 1, 2, 2, 2]]
    # A held-out view is no target, so that it takes no other event's place.
    assert split_kinds("vvvvbv") == [[0, 0, 0, 0, 2, 2]]


def test_last_out_needs_as_many_earlier_positives_as_without_kinds():
    # Four positives before test, three before valid; a skip is none.
    assert split_kinds("vvvb", "vvvsb", "vvvvb") == [[0] * 4, [0] * 5, [0, 0, 0, 0, 2]]
    assert split_kinds("vvbvb", "vvvbb") == [[0, 0, 0, 0, 2], [0, 0, 0, 1, 2]]
    # Without a purchase, all is train.
    assert split_kinds("vvvvvv", "vvvvbb", "vvvvvvs") == [[0] * 6, [0, 0, 0, 0, 1, 2], [0] * 7]


def test_last_out_with_kinds_of_one_weight_takes_the_events_that_it_takes_without():
    users = [0] * 5 + [1] * 4 + [2] * 7
    kinds = EventKinds({"buy": 1.0})
    events = events_of(users)
    parts = create_splitter({"by": "last_out"}, events.time, 0, kinds).parts(events)
    assert parts.tolist() == split(events, by="last_out")
    nothing = events.take(slice(0))
    assert not len(create_splitter({"by": "last_out"}, events.time, 0, kinds).parts(nothing))
