"""A user's vector: the history as a reader reads it, and the user's own features."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.feature_projections import Feature, FeatureProjections
from tfmmrec.layers.history import HistoryEncoder
from tfmmrec.layers.unit_length import unit_length


class QueryTower(tf.keras.layers.Layer):
    """Reads histories of item vectors, one reader a block of them, and adds the user's features.

    Args:
        features: the user features.
        dim: the width of a block.
        readers: one a block.
        num_users: how many users have a vector of their own, where the readers want one.
        dropout: of the projections.
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        dim: int,
        readers: Sequence[HistoryEncoder],
        num_users: int = 0,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.dim = dim
        self.readers = list(readers)
        self.projections = FeatureProjections(features, dim, dropout=dropout) if features else None
        num_blocks = len(self.readers)
        if features:
            self.feature_scale = self.add_weight(
                name="feature_scale",
                shape=[num_blocks],
                initializer=tf.keras.initializers.Constant(0.1),
            )
        self.ids = None
        if self.reads_user:
            self.ids = self.add_weight(
                name="ids",
                shape=[num_users, num_blocks, dim],
                initializer=tf.keras.initializers.RandomNormal(stddev=dim**-0.5),
            )
        # Where there is neither history nor feature, this is what the user is taken for.
        self.nobody = self.add_weight(
            name="nobody", shape=[num_blocks, dim], initializer="random_normal"
        )

    def build(self, input_shape: Any) -> None:
        if self.projections is not None:
            self.projections.build(None)
        for reader in self.readers:
            reader.build([None, None, self.dim])
        super().build(input_shape)

    @property
    def max_history(self) -> int:
        """How many of a user's last items are read."""
        return self.readers[0].max_history

    @property
    def is_causal(self) -> bool:
        """Whether each beginning of a history can be read at once."""
        return self.readers[0].is_causal

    @property
    def reads_user(self) -> bool:
        """Whether users have a learned vector of their own."""
        return self.readers[0].reads_user

    @property
    def reads_times(self) -> bool:
        """Whether it counts when the items of a history were chosen."""
        return self.readers[0].time_intervals

    def call(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        inputs: Mapping[str, Feature],
        users: tf.Tensor | None = None,
        training: bool = False,
        return_sequences: bool = False,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Gives the vectors of a batch of users.

        Args:
            history: item vectors, each block of length 1, `[batch, n, blocks * dim]`, oldest
                first.
            mask: bool `[batch, n, blocks]`, where there is an item that has a word in the block.
            inputs: the user features of the batch.
            users: int32 `[batch]`, the rows of users that training has met, -1 for others; needed
                where the readers read users.
            training: whether units are dropped.
            every_place: whether each beginning of a history is a user of its own; all readers
                have to be `is_causal`.
            times: int64 `[batch, n]`, when the items were chosen, in Unix seconds, 0 or below where
                that is not known; needed where the tower `reads_times`.

        Returns:
            float32 `[batch, blocks * dim]`, each block of length 1; with `return_sequences`,
            `[batch, n, blocks * dim]`.
        """
        features = self._features(inputs, training)
        options: dict[str, Any] = {"return_sequences": True} if return_sequences else {}
        if self.reads_times:
            if times is None:
                raise ValueError("Readers of gaps need the times of histories")
            options["times"] = times
        blocks = []
        # Split, since the gradient of a slice is a copy of the whole, be it the only one.
        of_blocks = tf.split(history, len(self.readers), axis=2)
        for block, (reader, items) in enumerate(zip(self.readers, of_blocks, strict=True)):
            told = mask[:, :, block]
            # Sums and lengths are of full precision, whatever the reader's is.
            vector = tf.cast(reader(items, mask=told, training=training, **options), tf.float32)
            has_history = tf.reduce_any(told, axis=1, keepdims=True)
            if return_sequences:
                has_history = tf.cumsum(tf.cast(told, tf.int32), axis=1)[..., tf.newaxis] > 0
            if self.ids is not None:
                if users is None:
                    raise ValueError("Users that have vectors of their own are needed by row")
                has_history = users[:, tf.newaxis] >= 0
                own_vectors = tf.gather(self.ids[:, block], tf.maximum(users, 0))
                vector += tf.cast(own_vectors, vector.dtype)
            nobody = tf.cast(self.nobody[block], vector.dtype)
            vector = tf.where(has_history, vector, nobody)
            if features is not None:
                own = tf.cast(self.feature_scale[block], vector.dtype) * features
                vector += own[:, tf.newaxis] if return_sequences else own
            blocks.append(unit_length(vector))
        return tf.concat(blocks, axis=-1)

    def _features(self, inputs: Mapping[str, Feature], training: bool) -> tf.Tensor | None:
        if self.projections is None:
            return None
        vectors, present = self.projections(inputs, training=training)
        vectors = tf.cast(vectors, tf.float32)
        present = tf.cast(present, vectors.dtype)[..., tf.newaxis]
        return tf.reduce_sum(vectors * present, axis=1)
