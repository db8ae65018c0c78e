"""The tasks of predicting what comes of a user and an item: a rating, a click."""

import abc
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.distribute import replicas
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.tasks.base import Read, Task
from tfmmrec.tasks.rating_click_head import OutcomeHead


class Outcome(abc.ABC):
    """What is predicted, and how it follows from the number of a head.

    Attributes:
        criterion: the loss between labels and a head's numbers, by event.
    """

    criterion: tf.keras.losses.Loss

    @abc.abstractmethod
    def labels(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """What the numbers should be, float32 `[batch]`, and which events count, bool `[batch]`."""

    @abc.abstractmethod
    def value(self, number: tf.Tensor) -> tf.Tensor:
        """What is predicted, from the numbers of a head."""


class Rating(Outcome):
    """A rating on the scale of the log; a head gives it standardised.

    Args:
        ratings: those of training, of which one at least is a number.
    """

    criterion = tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.SUM)

    def __init__(self, ratings: np.ndarray):
        ratings = ratings[~np.isnan(ratings)].astype(np.float64)
        self.mean = float(ratings.mean())
        self.deviation = float(ratings.std()) or 1.0
        self.least, self.most = float(ratings.min()), float(ratings.max())

    def labels(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        rating = batch["rating"]
        rated = ~tf.math.is_nan(rating)
        return tf.where(rated, (rating - self.mean) / self.deviation, 0.0), rated

    def value(self, number: tf.Tensor) -> tf.Tensor:
        # No rating lies outside of those that were seen.
        return tf.clip_by_value(self.mean + self.deviation * number, self.least, self.most)


class Click(Outcome):
    """The probability that a shown item is chosen."""

    criterion = tf.keras.losses.BinaryCrossentropy(
        from_logits=True, reduction=tf.keras.losses.Reduction.SUM
    )

    def labels(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        chosen = batch["chosen"]
        return tf.cast(chosen, tf.float32), tf.ones_like(chosen)

    def value(self, number: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(number)


def create_outcome(name: str, outcomes: LabeledEvents) -> Outcome:
    """Builds what a task of this name predicts, from the events of training."""
    return Rating(outcomes.rating) if name == "rating" else Click()


class OutcomeTask(Task):
    """Teaches heads what came of events.

    Args:
        outcomes: what is predicted, by name.
        heads: by the same names.
        rows_below: the number of items, where no tensor's shape may depend on what is in a batch.
    """

    def __init__(
        self,
        outcomes: Mapping[str, Outcome],
        heads: Mapping[str, OutcomeHead],
        *,
        rows_below: int | None = None,
    ):
        super().__init__()
        self._rows_below = rows_below
        self.outcomes = dict(outcomes)
        self.heads = dict(heads)
        self._tasks = {
            name: tfrs.tasks.Ranking(loss=outcome.criterion) for name, outcome in outcomes.items()
        }

    def losses(
        self, inputs: Mapping[str, tf.Tensor], read: Read, training: bool
    ) -> dict[str, tf.Tensor]:
        # Beside retrieval, which has a batch of its own.
        batch = inputs.get("outcomes", inputs)
        user, item = batch["user"], batch["item"]
        # All replicas have to ask for the same items.
        everywhere = replicas.gather(item)
        rows, places, _ = padded_unique(everywhere, self._rows_below)
        reading = read(batch, rows)
        own = replicas.first_place(item) + tf.range(tf.size(item))
        items = tf.gather(reading.items, tf.gather(places, own))
        losses = {}
        for name, head in self.heads.items():
            labels, counted = self.outcomes[name].labels(batch)
            numbers = head(reading.users, items, user, item, training=training)
            total = self._tasks[name](
                labels[:, tf.newaxis],
                numbers[:, tf.newaxis],
                sample_weight=tf.cast(counted, tf.float32)[:, tf.newaxis],
                compute_metrics=False,
            )
            count = replicas.total(tf.reduce_sum(tf.cast(counted, tf.float32)))
            losses[name] = tf.math.divide_no_nan(total, count) + head.penalty(user, item)
        return losses

    def values(
        self, users: tf.Tensor, items: tf.Tensor, user_rows: tf.Tensor, item_rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What is predicted for pairs, float32 `[batch]` by name; args as for `OutcomeHead`."""
        return {
            name: self.outcomes[name].value(head(users, items, user_rows, item_rows))
            for name, head in self.heads.items()
        }
