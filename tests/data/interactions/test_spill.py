"""The spill: events are read back by blocks of users, in the order in which they were added."""

import numpy as np

from tfmmrec.data.interactions import Interactions
from tfmmrec.data.interactions.spill import BUCKET_USERS, Spill


def events_of(users: list[int], items: list[int]) -> Interactions:
    num = len(users)
    return Interactions(
        user=np.array(users, np.int32),
        item=np.array(items, np.int32),
        time=np.array(items, np.int64) * 10**12,
        rating=np.array(items, np.float32) / 2,
        positive=np.array(items) % 2 == 0,
        order=np.zeros(num, np.int32),
        part=np.array(items, np.int8),
        kind=np.array(items, np.int16),
        weight=np.array(items, np.float32) / 4,
    )


def test_events_come_back_whole(tmp_path):
    far = 2 * BUCKET_USERS
    spill = Spill(tmp_path / "events")
    spill.add(events_of([far, 3, far + 1], [1, 2, 3]))
    spill.add(events_of([], []))
    spill.add(events_of([2, far], [4, 5]))
    assert spill.counts() == {0: 2, 2: 3}
    first, last = spill.read(0), spill.read(2)
    assert (first.user.tolist(), first.item.tolist()) == ([3, 2], [2, 4])
    assert (last.user.tolist(), last.item.tolist()) == ([far, far + 1, far], [1, 3, 5])
    assert last.time.tolist() == [10**12, 3 * 10**12, 5 * 10**12]
    assert last.rating.tolist() == [0.5, 1.5, 2.5]
    assert (first.positive.tolist(), last.positive.tolist()) == ([True, True], [False] * 3)
    assert last.part.tolist() == last.kind.tolist() == [1, 3, 5]
    assert last.weight.tolist() == [0.25, 0.75, 1.25]
    assert sorted(spill.times().tolist()) == [n * 10**12 for n in (1, 2, 3, 4, 5)]


def test_a_cleared_spill_is_empty(tmp_path):
    spill = Spill(tmp_path)
    spill.add(events_of([1], [1]))
    spill.clear()
    assert (spill.counts(), len(spill.times())) == ({}, 0)
