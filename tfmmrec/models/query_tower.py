"""Query tower: a user's embedding, from the history encoder and the user's own features."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.feature_projections import Feature, FeatureProjections
from tfmmrec.layers.history import HistoryEncoder, HistoryItems
from tfmmrec.layers.unit_length import unit_length


class QueryTower(tf.keras.layers.Layer):
    """Encodes histories of item embeddings and adds the embeddings of the user's features.

    An item embedding consists of one or more blocks, see `Fusion`. Each block has a history encoder
    of its own.

    Args:
        features: the user features.
        dim: the width of a block.
        history_encoders: one per block, of the same class and options.
        num_users: the number of users with a learned embedding, if the history encoders
            `reads_user` (default 0).
        dropout: the dropout rate of the projections (default 0.1).
        static_shapes: whether shapes must not depend on the contents of a batch, as XLA requires
            (default False).
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        dim: int,
        history_encoders: Sequence[HistoryEncoder],
        num_users: int = 0,
        dropout: float = 0.1,
        static_shapes: bool = False,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.dim = dim
        self.static_shapes = static_shapes
        self.history_encoders = list(history_encoders)
        self.projections = FeatureProjections(features, dim, dropout=dropout) if features else None
        num_blocks = len(self.history_encoders)
        if features:
            self.feature_scale = self.add_weight(
                name="feature_scale",
                shape=[num_blocks],
                initializer=tf.keras.initializers.Constant(0.1),
            )
        self.user_embeddings = None
        if self.reads_user:
            self.user_embeddings = self.add_weight(
                name="user_embeddings",
                shape=[num_users, num_blocks * dim],
                initializer=tf.keras.initializers.RandomNormal(stddev=dim**-0.5),
            )
        # The embedding of a user with neither history nor features.
        self.default_embedding = self.add_weight(
            name="default_embedding", shape=[num_blocks, dim], initializer="random_normal"
        )

    def build(self, input_shape: Any) -> None:
        if self.projections is not None:
            build_layer(self.projections, None)
        for encoder in self.history_encoders:
            build_layer(encoder, [None, None, self.dim])
        super().build(input_shape)

    @property
    def tables(self) -> list[tf.Variable]:
        """The embeddings of users and of large vocabularies, of which a batch reads some rows."""
        tables = [] if self.projections is None else self.projections.tables
        return tables + ([] if self.user_embeddings is None else [self.user_embeddings])

    @property
    def max_history(self) -> int:
        """The maximum number of latest items of a history that are read."""
        return self.history_encoders[0].max_history

    @property
    def has_prefixes(self) -> bool:
        """Whether one call can encode all prefixes of a history, see `HistoryEncoder`."""
        return self.history_encoders[0].has_prefixes

    @property
    def reads_user(self) -> bool:
        """Whether users have a learned embedding."""
        return self.history_encoders[0].reads_user

    @property
    def reads_times(self) -> bool:
        """Whether the times of the events of a history are read."""
        return self.history_encoders[0].time_intervals

    def call(
        self,
        history: HistoryItems,
        mask: tf.Tensor,
        inputs: Mapping[str, Feature],
        users: tf.Tensor | None = None,
        training: bool = False,
        positions: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Computes the embeddings of a batch of users.

        Args:
            history: item embeddings, each block of length 1, `[items, blocks * dim]`, and the items
                of each history, `[batch, n]`, oldest first.
            mask: bool `[batch, n, blocks]`, where there is an item with content in the block.
            inputs: the user features of the batch.
            users: int32 `[batch]`, rows of users with training events, -1 for others; needed if the
                tower `reads_user`.
            training: whether dropout is applied.
            positions: integers `[positions, 2]`, rows of the batch and positions in their
                histories, for the embedding of the history up to each; needs `has_prefixes`
                (default: the embedding of each whole history).
            times: int64 `[batch, n]`, the times of the events in Unix seconds, 0 or below if
                unknown; needed if the tower `reads_times`.

        Returns:
            float32 `[batch, blocks * dim]`, each block of length 1; `[positions, blocks * dim]`
            with positions.
        """
        features = self._features(inputs, training)
        options: dict[str, Any] = {} if positions is None else {"positions": positions}
        if self.reads_times:
            if times is None:
                raise ValueError("times are needed with time_intervals. Received: times=None")
            options["times"] = times
        of_users = self._of_users(users)
        blocks = []
        # tf.split, since the gradient of a slice is a copy of the whole tensor.
        item_blocks = tf.split(history.embeddings, len(self.history_encoders), axis=1)
        for block, (encoder, embeddings) in enumerate(
            zip(self.history_encoders, item_blocks, strict=True)
        ):
            items: HistoryItems | tf.Tensor = HistoryItems(embeddings, history.rows)
            if self.static_shapes or not encoder.takes_items:
                items = items.gather()
            block_mask = mask[:, :, block]  # [batch, n]
            # Sums and lengths are computed in float32 for every precision of the encoder.
            embedding = tf.cast(
                encoder(items, mask=block_mask, training=training, **options), tf.float32
            )  # [batch, dim] or [positions, dim]
            has_history = tf.reduce_any(block_mask, axis=1, keepdims=True)
            if positions is not None:
                first = tf.argmax(block_mask, axis=1, output_type=positions.dtype)  # [batch]
                rows, numbers = positions[:, 0], positions[:, 1]
                has_history = tf.gather(has_history, rows)
                has_history &= (tf.gather(first, rows) <= numbers)[:, tf.newaxis]
            if of_users is not None:
                has_history, user_blocks = of_users
                embedding += tf.cast(user_blocks[block], embedding.dtype)
            default = tf.cast(self.default_embedding[block], embedding.dtype)
            embedding = tf.where(has_history, embedding, default)
            if features is not None:
                scaled = tf.cast(self.feature_scale[block], embedding.dtype) * features
                embedding += scaled if positions is None else tf.gather(scaled, positions[:, 0])
            blocks.append(unit_length(embedding))
        return tf.concat(blocks, axis=-1)

    def _of_users(self, users: tf.Tensor | None) -> tuple[tf.Tensor, list[tf.Tensor]] | None:
        """Which users are known, bool `[batch, 1]`, and their learned embeddings by block.

        None if users have no learned embeddings; the blocks are `[batch, dim]` each.
        """
        if self.user_embeddings is None:
            return None
        if users is None:
            raise ValueError("users are needed with user ids. Received: users=None")
        # Unlike tf.gather, this requests from each parameter server only its own rows.
        rows = tf.nn.embedding_lookup(self.user_embeddings, tf.maximum(users, 0))
        return users[:, tf.newaxis] >= 0, tf.split(rows, len(self.history_encoders), axis=1)

    def _features(self, inputs: Mapping[str, Feature], training: bool) -> tf.Tensor | None:
        """The sum of the embeddings of the user's features, float32 `[batch, dim]`."""
        if self.projections is None:
            return None
        embeddings, present = self.projections(inputs, training=training)
        embeddings = tf.cast(embeddings, tf.float32)  # [batch, features, dim]
        present = tf.cast(present, embeddings.dtype)[..., tf.newaxis]
        return tf.reduce_sum(embeddings * present, axis=1)
