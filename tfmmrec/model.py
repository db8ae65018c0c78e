"""The two-tower model: wires the towers and the task, nothing else."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.encoders import Encoded
from tfmmrec.towers import Feature, ItemTower, QueryTower


class FeatureTable(tf.Module):
    """The encoded features of one side, from which batches are gathered by row.

    Args:
        encoded: the encoder outputs of every row, by feature.
    """

    def __init__(self, encoded: Mapping[str, Encoded]):
        super().__init__()
        self.outputs = {name: tf.constant(np.asarray(e.outputs)) for name, e in encoded.items()}
        self.present = {name: tf.constant(e.present) for name, e in encoded.items()}

    def gather(self, rows: tf.Tensor) -> dict[str, Feature]:
        """Returns the features of some rows, `[batch]`."""
        return {
            name: (tf.gather(output, rows), tf.gather(self.present[name], rows))
            for name, output in self.outputs.items()
        }


class TwoTower(tfrs.Model):
    """Scores an item for a user by the product of their vectors, divided by a temperature.

    Args:
        item_tower: items to vectors.
        query_tower: users to vectors.
        items: the encoded features of every item.
        users: the encoded features of every user.
        counts: how often each item was chosen in training, `[items]`. The loss subtracts the log
            of an item's share, since a batch holds popular items more often as negatives
            (Yi et al. 2019, "Sampling-bias-corrected neural modeling").
        temperature: where the learned temperature starts; it stays within [0.01, 1].
    """

    def __init__(
        self,
        item_tower: ItemTower,
        query_tower: QueryTower,
        *,
        items: FeatureTable,
        users: FeatureTable,
        counts: np.ndarray,
        temperature: float = 0.1,
    ):
        super().__init__()
        self.item_tower = item_tower
        self.query_tower = query_tower
        self.items = items
        self.users = users
        self.known = tf.constant(counts > 0)
        self.shares = tf.constant(np.maximum(counts, 1) / max(1, counts.sum()), tf.float32)
        self.log_temperature = self.add_weight(
            name="log_temperature",
            shape=[],
            initializer=tf.keras.initializers.Constant(np.log(temperature)),
        )
        self.task = tfrs.tasks.Retrieval(remove_accidental_hits=True)

    @property
    def temperature(self) -> tf.Tensor:
        """The temperature that scores are divided by, a scalar."""
        return tf.exp(tf.clip_by_value(self.log_temperature, np.log(0.01), 0.0))

    def item_vectors(self, rows: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The vectors of known items by row, `[batch, dim]`."""
        ids = tf.where(tf.gather(self.known, rows), rows + 1, 0)
        return self.item_tower(self.items.gather(rows), ids, training=training)

    def query_vectors(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        features: Mapping[str, Feature],
        training: bool = False,
    ) -> tf.Tensor:
        """The vectors of users, `[batch, dim]`, such that a dot product is the score.

        Args:
            history: item vectors, `[batch, n, dim]`.
            mask: bool `[batch, n]`.
            features: the user features of the batch.
        """
        vectors = self.query_tower(history, mask, features, training=training)
        return vectors / tf.cast(self.temperature, vectors.dtype)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """In-batch softmax over one chosen item a row.

        Args:
            inputs: `history` int32 `[batch, n]` (item rows, -1 where empty), `user` `[batch]` and
                `item` `[batch]`, rows of the data folder's vocabularies.
        """
        history, item = inputs["history"], inputs["item"]
        mask = history >= 0
        # Each item of the batch goes through its tower once, however often it is mentioned.
        mentioned = tf.concat([tf.reshape(tf.maximum(history, 0), [-1]), item], axis=0)
        rows, places = tf.unique(mentioned)
        vectors = tf.gather(self.item_vectors(rows, training=training), places)
        candidates = vectors[-tf.shape(item)[0] :]
        shape = tf.concat([tf.shape(history), [vectors.shape[-1]]], axis=0)
        past = tf.reshape(vectors[: -tf.shape(item)[0]], shape)
        features = self.users.gather(inputs["user"])
        queries = self.query_vectors(past, mask, features, training=training)
        return self.task(
            queries,
            candidates,
            candidate_ids=item,
            candidate_sampling_probability=tf.gather(self.shares, item),
            compute_metrics=False,
        ) / tf.cast(tf.shape(item)[0], tf.float32)
