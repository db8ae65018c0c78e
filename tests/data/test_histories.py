"""Histories with times, which every slice of them keeps."""

import itertools

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import Interactions
from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.data.pipelines.sequence_windows import TrainingWindows

# User 0 chose 10, 11 and 12, user 1 nothing, user 2 chose 20, half a second past 70.
EVENTS = Interactions(
    user=np.array([2, 0, 0, 0], np.int32),
    item=np.array([20, 12, 10, 11], np.int32),
    time=np.array([70_500, 60_000, 30_000, 45_999], np.int64),
    rating=np.zeros(4, np.float32),
    positive=np.ones(4, bool),
    order=np.array([0, 2, 0, 1], np.int32),
    part=np.zeros(4, np.int8),
)


@pytest.fixture
def histories() -> Histories:
    return Histories.of(EVENTS, 3, with_times=True)


def test_times_are_whole_seconds_as_a_request_has_them(histories):
    assert histories.items.tolist() == [10, 11, 12, 20]
    assert histories.times.dtype == np.int64
    assert histories.times.tolist() == [30, 45, 60, 70]
    assert Histories.of(EVENTS, 3).times is None


def test_the_last_times_of_users(histories):
    assert histories.last_times(np.array([2, 0, 1]), 2).tolist() == [[70, 0], [45, 60], [0, 0]]
    recent = histories.recent(1)
    assert (recent.items.tolist(), recent.times.tolist()) == ([12, 20], [60, 70])
    with pytest.raises(ValueError, match=r"needs histories with times\. Received: none"):
        Histories.of(EVENTS, 3).last_times(np.array([0]), 2)


TIMES = {-1: 0, 10: 30, 11: 45, 12: 60, 20: 70}


def test_each_item_of_a_batch_has_its_time(histories):
    sources = [
        TrainingExamples(histories, max_history=2, batch_size=4, seed=0),
        TrainingWindows(histories, length=2, batch_size=4, seed=0),
    ]
    for source in sources:
        batch = next(source.epochs(0).as_numpy_iterator())
        expected = np.vectorize(TIMES.get)(batch["history"])
        np.testing.assert_array_equal(batch["history_time"], expected)
        assert {10, 11} <= set(batch["history"].ravel())


def test_nobody_else_has_times():
    source = TrainingExamples(Histories.of(EVENTS, 3), max_history=2, batch_size=4, seed=0)
    assert "history_time" not in next(iter(source.epochs(0)))
    windows = TrainingWindows(Histories.of(EVENTS, 3), length=2, batch_size=4, seed=0)
    assert "history_time" not in next(iter(windows.epochs(0)))


def test_weights_are_1_on_average_and_go_with_the_events():
    events = EVENTS.take(slice(None))
    # In the order of EVENTS: of 20, 12, 10 and 11. The mean is 1 / 2.
    events.weight = np.array([1.0, 0.25, 0.25, 0.5], np.float32)
    histories = Histories.of(events, 3, with_weights=True)
    assert histories.weights.tolist() == [0.5, 1.0, 0.5, 2.0]
    assert histories.recent(1).weights.tolist() == [0.5, 2.0]
    assert Histories.of(events, 3).weights is None
    weight = {-1: 0.0, 10: 0.5, 11: 1.0, 12: 0.5, 20: 2.0}
    sources = [
        TrainingExamples(histories, max_history=2, batch_size=4, seed=0),
        TrainingWindows(histories, length=2, batch_size=4, seed=0),
    ]
    for source in sources:
        [batch] = itertools.islice(source.epochs(0).as_numpy_iterator(), 1)
        expected = [weight[item] for item in batch["item"].ravel().tolist()]
        assert batch["weight"].ravel().tolist() == expected


def test_what_a_history_has():
    histories = Histories(np.array([3, 5, 3, 0], np.int32), np.array([0, 2, 2, 4]))
    users, items = np.array([0, 1, 2, 2]), np.array([5, 5, 0, -1], np.int32)
    assert histories.have(users, items).tolist() == [True, False, True, False]
    # A table of items, a row per user.
    table = np.array([[3, 0, -1], [3, 0, -1]], np.int32)
    assert histories.have(np.array([[0], [2]]), table).tolist() == [
        [True, False, False],
        [True, True, False],
    ]
