"""Callbacks that interrupt a training, as a kill would."""

import itertools
from collections.abc import Callable

import tensorflow as tf


class Stop(BaseException):
    """An exception that nothing catches, in place of a kill."""


class AtStep(tf.keras.callbacks.Callback):
    """Calls a function after a step of the training, counted from 1 over all of its epochs."""

    def __init__(self, number: int, act: Callable[[], None]):
        super().__init__()
        self._number = number
        self._act = act
        self._steps = itertools.count(1)

    def on_train_batch_end(self, batch, logs=None):
        if next(self._steps) == self._number:
            self._act()


class AtEpochEnd(tf.keras.callbacks.Callback):
    """Interrupts the training after an epoch, counted from 1 over all models that are fitted."""

    def __init__(self, number: int):
        super().__init__()
        self._number = number
        self._epochs = itertools.count(1)

    def on_epoch_end(self, epoch, logs=None):
        if next(self._epochs) == self._number:
            raise KeyboardInterrupt
