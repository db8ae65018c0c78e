"""Tasks: what a model is taught, each a loss over what the towers make of a batch."""

import abc
import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the towers make of a batch.

    Attributes:
        users: the users' vectors, each block of length 1, `[batch, width]`; `[batch, n, width]`
            where each place of a history is a user of its own.
        queries: the same, divided by the temperature.
        items: the vectors of the items that were asked for, `[asked, width]`.
    """

    users: tf.Tensor
    queries: tf.Tensor
    items: tf.Tensor


# Given a batch and the rows of the items that a task asks for, int32 `[asked]`.
Read = Callable[[Mapping[str, tf.Tensor], tf.Tensor], Reading]


class Task(tf.Module):
    """What a model is taught."""

    def begin(self) -> None:
        """Makes the variables, beside weights, that a training holds from step to step."""

    def end(self) -> None:
        """Drops them; a run does not keep them."""

    @abc.abstractmethod
    def losses(
        self, inputs: Mapping[str, tf.Tensor], read: Read, training: bool
    ) -> dict[str, tf.Tensor]:
        """The losses of a batch, scalars by name.

        Args:
            inputs: the batch, as `TwoTower.compute_loss` takes it.
            read: gives what the towers make of it.
            training: whether units are dropped.
        """
