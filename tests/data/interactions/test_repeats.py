"""Repeats: held-out positives of items that the user chose before."""

import numpy as np

from tfmmrec.data.interactions import EventKinds, Interactions
from tfmmrec.data.interactions.repeats import count_repeats


def events(*rows: tuple[int, int, bool]) -> Interactions:
    user, item, positive = (np.array(column) for column in zip(*rows, strict=True))
    zeros = np.zeros(len(rows))
    return Interactions(
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        time=zeros.astype(np.int64),
        rating=np.full(len(rows), np.nan, np.float32),
        positive=positive,
        order=np.arange(len(rows), dtype=np.int32),
        part=zeros.astype(np.int8),
    )


def test_repeats_are_counted_by_split():
    parts = {
        "train": events((0, 1, True), (0, 2, False), (1, 5, True)),
        # A repeat; no repeat, since the earlier event is no positive; another user; no positive.
        "valid": events((0, 1, True), (0, 2, True), (1, 1, True), (1, 5, False)),
        # Repeats of train and of valid; a new item, and the same again.
        "test": events((0, 1, True), (0, 2, True), (1, 7, True), (1, 7, True)),
    }
    assert count_repeats(parts, []) == {"valid_repeats": 1, "test_repeats": 3}


def test_an_item_that_was_rated_before_is_known_and_one_that_is_rated_later_is_not():
    train = events((0, 1, False), (0, 3, False), (1, 2, False))
    train.rating[:] = 2.0
    train.order = np.array([0, 9, 0], np.int32)
    test = events((0, 1, True), (0, 3, True))
    test.order = np.array([5, 6], np.int32)
    parts = {"train": train, "valid": train.take(slice(0)), "test": test}
    assert count_repeats(parts, []) == {"valid_repeats": 0, "test_repeats": 1}


def test_of_a_cold_user_the_last_positive_is_held_out():
    nothing = events((9, 9, False))
    repeated = events((3, 1, True), (3, 2, True), (3, 1, True), (4, 1, True), (4, 2, True))
    parts = {"train": nothing, "valid": nothing, "test": repeated}
    assert count_repeats(parts, np.array([3, 4])) == {"valid_repeats": 0, "test_repeats": 1}


def test_only_the_largest_weight_is_held_out_and_dislikes_count_as_known():
    kinds = EventKinds({"view": 0.5, "buy": 1.0, "skip": -1.0})
    train = events((0, 1, True), (0, 2, False), (0, 3, True))
    train.weight = np.array([0.5, -1.0, 1.0], np.float32)
    # Purchases of a viewed, a skipped and a new item; a view of a purchased item is no target. What
    # was viewed has not been chosen.
    test = events((0, 1, True), (0, 2, True), (0, 4, True), (0, 3, True))
    test.weight = np.array([1.0, 1.0, 1.0, 0.5], np.float32)
    parts = {"train": train, "valid": train.take(slice(0)), "test": test}
    assert count_repeats(parts, [], kinds) == {"valid_repeats": 0, "test_repeats": 1}


def test_of_a_cold_user_the_views_after_the_last_purchase_are_not_known():
    kinds = EventKinds({"view": 0.5, "buy": 1.0})
    nothing = events((9, 9, False))
    # The second purchase repeats the first; the last view is after it, and of no interest.
    test = events((3, 1, True), (3, 1, True), (3, 2, True))
    test.weight = np.array([1.0, 1.0, 0.5], np.float32)
    parts = {"train": nothing, "valid": nothing, "test": test}
    assert count_repeats(parts, [3], kinds) == {"valid_repeats": 0, "test_repeats": 1}
    test.weight[0] = 0.5
    assert count_repeats(parts, [3], kinds) == {"valid_repeats": 0, "test_repeats": 0}
