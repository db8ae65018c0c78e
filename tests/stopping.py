"""The end of a process within a training, as far as a test can have one."""

import itertools
from collections.abc import Callable

from tfmmrec.training.epoch_callback import Watch


class Stop(BaseException):
    """As a kill would end it, without a word to anybody."""


def at_step(monkeypatch, number: int, act: Callable[[], None]) -> None:
    """Has something done after a step of the next training, counted from 1."""
    steps, before = itertools.count(1), Watch.after_batch

    def after_batch(self, batch):
        before(self, batch)
        if next(steps) == number:
            act()

    monkeypatch.setattr(Watch, "after_batch", after_batch)
