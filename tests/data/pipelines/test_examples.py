"""Training examples: each event once per epoch, with its user's earlier history."""

import itertools
from collections import Counter

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.data.pipelines.sampled_nonclicks import NonClickSampler

# User 0 chose 10, 11, 12, 13, user 1 nothing, user 2 chose 20 and user 3 chose 30, 31, 10.
HISTORIES = Histories(
    items=np.array([10, 11, 12, 13, 20, 30, 31, 10], np.int32),
    offsets=np.array([0, 4, 4, 5, 8]),
)


def examples(seed: int = 0, batch_size: int = 4, max_history: int = 2) -> TrainingExamples:
    return TrainingExamples(HISTORIES, max_history=max_history, batch_size=batch_size, seed=seed)


def read(source: TrainingExamples, first: int = 0, epochs: int = 1) -> list[tuple]:
    rows = []
    steps = source.steps_per_epoch * epochs
    for batch in itertools.islice(source.epochs(first).as_numpy_iterator(), steps):
        for user, history, item in zip(batch["user"], batch["history"], batch["item"], strict=True):
            rows.append((int(user), tuple(history.tolist()), int(item)))
    return rows


def test_each_event_comes_once_with_the_last_items_before_it():
    assert sorted(read(examples())) == [
        (0, (-1, -1), 10),
        (0, (-1, 10), 11),
        (0, (10, 11), 12),
        # Only the last two of 10, 11, 12.
        (0, (11, 12), 13),
        # Nothing of user 0 reaches users 2 and 3.
        (2, (-1, -1), 20),
        (3, (-1, -1), 30),
        (3, (-1, 30), 31),
        (3, (30, 31), 10),
    ]


def test_around_an_event_are_the_items_on_both_sides():
    source = TrainingExamples(
        HISTORIES, max_history=3, batch_size=4, seed=0, history_context="bidirectional"
    )
    # One item before it, which stands last, and two behind it, the farther one first.
    assert sorted(read(source)) == [
        (0, (-1, -1, 12), 13),
        (0, (-1, 13, 11), 12),
        (0, (12, 11, -1), 10),
        (0, (13, 12, 10), 11),
        (2, (-1, -1, -1), 20),
        (3, (-1, -1, 31), 10),
        (3, (-1, 10, 30), 31),
        (3, (10, 31, -1), 30),
    ]


def test_around_an_event_its_own_item_is_not_told():
    again = Histories(items=np.array([5, 6, 5], np.int32), offsets=np.array([0, 3]))
    source = TrainingExamples(
        again, max_history=4, batch_size=3, seed=0, history_context="bidirectional"
    )
    assert sorted(read(source)) == [
        (0, (-1, -1, -1, 6), 5),
        (0, (-1, 5, -1, 5), 6),
        (0, (-1, 6, -1, -1), 5),
    ]


def test_same_seed_and_epoch_same_order():
    assert read(examples(seed=3), first=2) == read(examples(seed=3), first=2)


def test_another_epoch_or_seed_another_order_of_the_same_events():
    orders = [read(examples(seed=seed), first=epoch) for seed in (0, 1) for epoch in (0, 1, 2)]
    assert len({tuple(order) for order in orders}) == 6
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_a_run_that_goes_on_gets_the_batches_that_it_would_have_had():
    together = read(examples(), first=0, epochs=3)
    assert together[8:] == read(examples(), first=1, epochs=2)


def test_the_last_events_that_fill_no_batch_are_left_out():
    source = examples(batch_size=3)
    # 8 events are two batches of 3; two events are left out, others in the next epoch.
    assert (source.num_events, source.steps_per_epoch) == (8, 2)
    first, second = read(source), read(source, first=1)
    assert len(set(first)) == len(set(second)) == 6
    assert set(first) <= set(read(examples()))


def test_a_batch_is_never_wider_than_the_events():
    source = examples(batch_size=1000)
    assert (source.batch_size, source.steps_per_epoch) == (8, 1)
    assert len(set(read(source))) == 8


@pytest.mark.parametrize("max_history", [1, 10])
def test_histories_have_the_asked_for_length(max_history):
    rows = read(examples(max_history=max_history))
    assert {len(history) for _, history, _ in rows} == {max_history}
    fullest = max(rows, key=lambda row: row[2] == 13)
    assert fullest[1][-min(3, max_history) :] == (10, 11, 12)[-min(3, max_history) :]


def test_without_events_there_are_no_steps():
    none = Histories(items=np.zeros(0, np.int32), offsets=np.zeros(5, np.int64))
    source = TrainingExamples(none, max_history=2, batch_size=4, seed=0)
    assert (source.num_events, source.steps_per_epoch) == (0, 0)


# User 0 refused 20 behind 10 and 11; user 3 refused 13 before all else, and rated 31.
OUTCOMES = LabeledEvents(
    user=np.array([0, 3, 3, 3], np.int32),
    item=np.array([20, 13, 31, 10], np.int32),
    num_earlier=np.array([2, 0, 1, 2], np.int32),
    clicked=np.array([False, False, True, True]),
    rating=np.array([np.nan, 1.0, 4.0, np.nan], np.float32),
)


def read_outcomes(source: TrainingExamples, first: int = 0) -> list[tuple]:
    names = ("user", "history", "item", "clicked", "rating")
    rows = []
    for batch in itertools.islice(source.epochs(first).as_numpy_iterator(), source.steps_per_epoch):
        for row in zip(*(batch[name].tolist() for name in names), strict=True):
            rows.append((row[0], tuple(row[1]), row[2], row[3], str(row[4])))
    return rows


@pytest.mark.parametrize(
    "context, expected",
    [
        (
            "causal",
            [
                (0, (-1, 10, 11), 20, False, "nan"),
                (3, (-1, -1, -1), 13, False, "1.0"),
                (3, (-1, -1, 30), 31, True, "4.0"),
                (3, (-1, 30, 31), 10, True, "nan"),
            ],
        ),
        (
            "bidirectional",
            [
                # What stands behind a refused item begins with the choice that came next.
                (0, (13, 12, 11), 20, False, "nan"),
                (3, (-1, -1, 31), 10, True, "nan"),
                (3, (-1, 10, 30), 31, True, "4.0"),
                (3, (31, 30, -1), 13, False, "1.0"),
            ],
        ),
    ],
)
def test_outcomes_come_with_the_choices_around_them(context, expected):
    source = TrainingExamples(
        HISTORIES,
        max_history=3,
        batch_size=2,
        seed=0,
        history_context=context,
        outcomes=OUTCOMES,
    )
    assert sorted(read_outcomes(source)) == expected


def test_beside_each_event_stands_an_item_that_its_user_did_not_choose():
    nonclick_sampler = NonClickSampler(HISTORIES, np.array([10, 11, 20, 30]), num_items=40)
    source = TrainingExamples(
        HISTORIES,
        max_history=2,
        batch_size=2,
        seed=0,
        outcomes=OUTCOMES,
        nonclick_sampler=nonclick_sampler,
    )
    rows = read_outcomes(source)
    plain = TrainingExamples(HISTORIES, max_history=2, batch_size=2, seed=0, outcomes=OUTCOMES)
    # Behind the two of a batch stand those that are drawn for them.
    assert [*rows[:2], *rows[4:6]] == read_outcomes(plain)
    for of, drawn in zip([*rows[:2], *rows[4:6]], [*rows[2:4], *rows[6:]], strict=True):
        assert drawn[:2] == of[:2]
        assert drawn[2] not in HISTORIES.of_user(of[0]) and drawn[3:] == (False, "nan")
    assert rows == read_outcomes(source)
    assert rows != read_outcomes(source, first=1)


def test_an_epoch_may_have_more_batches_than_there_are_events():
    source = TrainingExamples(
        HISTORIES, max_history=2, batch_size=3, seed=0, outcomes=OUTCOMES, steps_per_epoch=4
    )
    counts = Counter(row[2] for row in read_outcomes(source))
    assert counts == {20: 3, 13: 3, 31: 3, 10: 3}
