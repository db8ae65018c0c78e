"""The rating and click task: predicts the outcome of a user and an item."""

import abc
import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.distribute import replicas
from tfmmrec.tasks.rating_click_head import RatingClickHead


class Outcome(abc.ABC):
    """A label to predict: the loss on a head's logits, and the prediction from them.

    Attributes:
        criterion: the loss between labels and logits, summed over events.
    """

    criterion: tf.keras.losses.Loss

    @abc.abstractmethod
    def labels(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """The labels, float32 `[batch]`, and which events have one, bool `[batch]`."""

    @abc.abstractmethod
    def value(self, logits: tf.Tensor) -> tf.Tensor:
        """The predictions for logits of a head, `[batch]`."""


@dataclasses.dataclass(frozen=True)
class RatingScale:
    """The distribution of the ratings of the training events.

    Attributes:
        mean: of the ratings.
        deviation: their standard deviation; 1 if all are equal.
        lowest: the lowest rating.
        highest: the highest rating.
    """

    mean: float
    deviation: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, ratings: np.ndarray) -> "RatingScale":
        """Measures ratings, NaN where there is none; at least one is a number."""
        ratings = ratings[~np.isnan(ratings)].astype(np.float64)
        return cls(
            mean=float(ratings.mean()),
            deviation=float(ratings.std()) or 1.0,
            lowest=float(ratings.min()),
            highest=float(ratings.max()),
        )


class Rating(Outcome):
    """A rating on the scale of the interactions; logits are standardized ratings.

    Args:
        scale: of the training events.
    """

    criterion = tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.SUM)

    def __init__(self, scale: RatingScale):
        self.scale = scale

    def labels(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        rating = batch["rating"]
        has_rating = ~tf.math.is_nan(rating)
        standardized = (rating - self.scale.mean) / self.scale.deviation
        return tf.where(has_rating, standardized, 0.0), has_rating

    def value(self, logits: tf.Tensor) -> tf.Tensor:
        # Predictions stay within the range of the training ratings.
        scale = self.scale
        return tf.clip_by_value(scale.mean + scale.deviation * logits, scale.lowest, scale.highest)


class Click(Outcome):
    """The probability that a user clicks an item that is shown."""

    criterion = tf.keras.losses.BinaryCrossentropy(
        from_logits=True, reduction=tf.keras.losses.Reduction.SUM
    )

    def labels(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        clicked = batch["clicked"]
        return tf.cast(clicked, tf.float32), tf.ones_like(clicked)

    def value(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(logits)


def create_outcome(name: str, scale: RatingScale | None) -> Outcome:
    """Creates the outcome with the name `rating`, which needs the scale, or `click`."""
    return Click() if name == "click" or scale is None else Rating(scale)


class RatingClickTask(tf.Module):
    """Trains heads that predict a rating, a click or both for a user and an item.

    Each head's loss is computed by `tfrs.tasks.Ranking`, and divided by the number of labels on all
    replicas.

    Args:
        outcomes: `rating`, `click` or both, by name.
        heads: the head of each outcome, by the same names.
    """

    def __init__(self, outcomes: Mapping[str, Outcome], heads: Mapping[str, RatingClickHead]):
        super().__init__()
        self.outcomes = dict(outcomes)
        self.heads = dict(heads)
        self._tasks = {
            name: tfrs.tasks.Ranking(loss=outcome.criterion) for name, outcome in outcomes.items()
        }

    def __call__(
        self,
        user_embeddings: tf.Tensor,
        item_embeddings: tf.Tensor,
        batch: Mapping[str, tf.Tensor],
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Computes the losses of a batch, scalars by name; with several replicas, their parts.

        Args:
            user_embeddings: `[batch, width]`, each block of length 1.
            item_embeddings: `[batch, width]`.
            batch: `user` and `item`, int32 `[batch]`, and the labels `rating`, float32 `[batch]`,
                NaN for none, and `clicked`, bool `[batch]`.
            training: whether dropout is applied.
        """
        users, items = batch["user"], batch["item"]
        losses = {}
        for name, head in self.heads.items():
            labels, has_label = self.outcomes[name].labels(batch)
            logits = head(user_embeddings, item_embeddings, users, items, training=training)
            weights = tf.cast(has_label, tf.float32)
            # With the axis of one output per event that Keras losses take the mean over.
            total = self._tasks[name](
                labels[:, tf.newaxis],
                logits[:, tf.newaxis],
                sample_weight=weights[:, tf.newaxis],
                compute_metrics=False,
            )
            num_labels = replicas.all_reduce_sum(tf.reduce_sum(weights))
            losses[name] = tf.math.divide_no_nan(total, num_labels) + head.penalty(users, items)
        return losses

    def values(
        self, users: tf.Tensor, items: tf.Tensor, user_rows: tf.Tensor, item_rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Predicts the outcomes of pairs, float32 `[batch]` by name; args as `RatingClickHead`."""
        return {
            name: self.outcomes[name].value(head(users, items, user_rows, item_rows))
            for name, head in self.heads.items()
        }
