"""Training windows: each event once per epoch, after its user's earlier history."""

import itertools

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.data.pipelines.sequence_windows import TrainingWindows

# User 0 chose 10 … 16, user 1 nothing, user 2 chose 20 and user 3 chose 30, 31, 10.
HISTORIES = Histories(
    items=np.array([10, 11, 12, 13, 14, 15, 16, 20, 30, 31, 10], np.int32),
    offsets=np.array([0, 7, 7, 8, 11]),
)


def windows(seed: int = 0, batch_size: int = 2, length: int = 3) -> TrainingWindows:
    return TrainingWindows(HISTORIES, length=length, batch_size=batch_size, seed=seed)


def read(source: TrainingWindows, first: int = 0, epochs: int = 1) -> list[tuple]:
    steps = source.steps_per_epoch * epochs
    return [
        (int(user), tuple(history.tolist()), tuple(item.tolist()))
        for batch in itertools.islice(source.epochs(first).as_numpy_iterator(), steps)
        for user, history, item in zip(batch["user"], batch["history"], batch["item"], strict=True)
    ]


def events(rows: list[tuple]) -> list[tuple]:
    return sorted((user, item) for user, _, items in rows for item in items if item >= 0)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 50])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_event_comes_once(seed, length):
    users = np.repeat(np.arange(4), np.diff(HISTORIES.offsets))
    everything = sorted(zip(users.tolist(), HISTORIES.items.tolist(), strict=True))
    source = TrainingWindows(HISTORIES, length=length, batch_size=1, seed=seed)
    for epoch in range(3):
        assert events(read(source, first=epoch)) == everything


def test_behind_each_item_stands_what_its_user_chose_next():
    before = {(0, b): a for a, b in itertools.pairwise(range(10, 17))}
    before |= {(3, 31): 30, (3, 10): 31}
    for user, history, items in read(windows(), epochs=5):
        for past, item in zip(history, items, strict=True):
            if item >= 0:
                assert past == before.get((user, item), -1)
            else:
                assert past == -1


def test_the_cuts_move_with_the_epochs():
    source = windows(batch_size=100)
    cuts = {
        items for epoch in range(8) for user, _, items in read(source, first=epoch) if user == 0
    }
    starts = {items[0] for items in cuts if min(items) >= 0}
    assert starts == {10, 11, 12, 13, 14}


def test_same_seed_and_epoch_same_batches_and_other_ones_others():
    assert read(windows(seed=3), first=2) == read(windows(seed=3), first=2)
    orders = [read(windows(seed=seed), first=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_a_run_that_goes_on_gets_the_batches_that_it_would_have_had():
    source = windows()
    together = read(source, first=0, epochs=3)
    ahead = source.steps_per_epoch * source.batch_size
    assert together[ahead:] == read(windows(), first=1, epochs=2)


def test_a_batch_holds_as_many_windows_as_have_so_many_events():
    # 11 events lie in 3 + 1 + 2 windows of 3 places.
    source = windows(batch_size=4)
    assert (source.num_events, source.batch_size, source.steps_per_epoch) == (11, 2, 3)
    assert windows(batch_size=1).batch_size == 1
    assert (windows(batch_size=1000).batch_size, windows(batch_size=1000).steps_per_epoch) == (6, 1)


@pytest.mark.parametrize(
    ("batch_size", "multiple_of", "min_windows", "expected"),
    # There are 6 windows for 11 events.
    [(4, 1, 1, 2), (1, 1, 1, 1), (1, 1, 2, 2), (1, 4, 4, 4), (7, 2, 2, 4), (7, 3, 3, 3)],
)
def test_windows_for_several_devices(batch_size, multiple_of, min_windows, expected):
    source = TrainingWindows(
        HISTORIES,
        length=3,
        batch_size=batch_size,
        seed=0,
        multiple_of=multiple_of,
        min_windows=min_windows,
    )
    assert source.batch_size == expected


def test_nothing_tunes_a_pipeline_whose_end_could_wait_for_it():
    examples = TrainingExamples(HISTORIES, max_history=3, batch_size=2, seed=0)
    for batches in (windows(), examples):
        followed = batches.epochs(0).map(lambda batch: batch).prefetch(1)
        assert followed.options().autotune.enabled is False


def test_without_events_there_are_no_steps():
    none = Histories(items=np.zeros(0, np.int32), offsets=np.zeros(5, np.int64))
    source = TrainingWindows(none, length=2, batch_size=4, seed=0)
    assert (source.num_events, source.steps_per_epoch) == (0, 0)
