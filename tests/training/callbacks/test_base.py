"""The step count of callbacks."""

from types import SimpleNamespace

import pytest

from tfmmrec.training.callbacks import base
from tfmmrec.training.callbacks.base import StepCallback, is_due


class Recorder(StepCallback):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, int, int]] = []
        self.model = SimpleNamespace(distribute_strategy=None)

    def on_steps_end(self, previous: int, step: int) -> None:
        self.calls.append((self.epoch, previous, step))


def test_steps_of_a_resumed_epoch_follow_those_before_it() -> None:
    callback = Recorder()
    callback.initial_step = 3
    callback.on_epoch_begin(1)
    # With `steps_per_execution: 2`, Keras reports the second batch of each pair.
    for batch in (1, 3):
        callback.on_train_batch_end(batch)
    callback.initial_step = 0
    callback.on_epoch_begin(2)
    callback.on_train_batch_end(0)
    assert callback.calls == [(1, 3, 5), (1, 5, 7), (2, 0, 1)]


def test_steps_that_are_only_scheduled_do_not_count(monkeypatch) -> None:
    monkeypatch.setattr(base, "is_asynchronous", lambda strategy: True)
    callback = Recorder()
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0)
    assert callback.calls == []


@pytest.mark.parametrize(
    ("previous", "step", "due"), [(0, 2, False), (2, 3, True), (2, 7, True), (3, 5, False)]
)
def test_an_interval_of_three_steps(previous, step, due) -> None:
    assert is_due(3, previous, step) is due
