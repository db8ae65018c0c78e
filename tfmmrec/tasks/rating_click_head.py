"""Rating and click head: one logit for a user and an item."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.config.tasks import HeadConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.stateless_random import Dropout, keep_mask
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.gelu import gelu


class RatingClickHead(tf.keras.layers.Layer):
    """Biased matrix factorization plus a deep cross network: `b_u + b_i + p_u · q_i + deep(u, i)`.

    The biases b and the factors p and q are learned per known user and item, and are 0 for others
    (biased matrix factorization, Koren et al. 2009). `deep` reads the tower embeddings, and so
    histories, content and ids, with their product, `[u, i, u ∘ i]`, through cross layers (DCN-V2,
    Wang et al. 2021, arXiv:2008.13535) and a hidden layer. Memorization and generalization are
    added, as in Wide & Deep (Cheng et al. 2016), so that new users and new items only lose the
    former.

    Args:
        width: length of the tower embeddings.
        known_users: bool `[users]`, users with training events.
        known_items: bool `[items]`, items with training events.
        options: the key `head` of the training file.

    Example:
        >>> options = HeadConfig(factors=2, num_cross_layers=1, units=4)
        >>> known = np.array([True, True])
        >>> head = RatingClickHead(width=3, known_users=known, known_items=known, options=options)
        >>> users, items = tf.ones([5, 3]), tf.ones([5, 3])
        >>> head(users, items, tf.zeros([5], tf.int32), tf.zeros([5], tf.int32)).shape
        TensorShape([5])
    """

    def __init__(
        self,
        *,
        width: int,
        known_users: np.ndarray,
        known_items: np.ndarray,
        options: HeadConfig,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.options = options
        # The entries of unit vectors are near width ** -0.5; scaled to 1, the layers train faster.
        self._scale = width**0.5
        self._known = (tf.constant(known_users), tf.constant(known_items))
        self._tables: list[tf.Variable | None] = [None, None]
        # A bias and the factors share one row, so that one gather reads both.
        self._num_biases = int(options.biases)
        if options.biases or options.factors:
            self._tables = [
                self._table(name, len(known))
                for name, known in (("users", known_users), ("items", known_items))
            ]
        self._cross_layers = [
            tfrs.layers.dcn.Cross(
                projection_dim=options.projection_dim or None, name=f"cross_{number}"
            )
            for number in range(options.num_cross_layers)
        ]
        self._hidden = tf.keras.layers.Dense(options.units, gelu) if options.units else None
        self._dropout = Dropout(options.dropout)
        self._output = tf.keras.layers.Dense(1)

    def build(self, input_shape: Any) -> None:
        width = 3 * input_shape[-1]
        for cross in self._cross_layers:
            # A cross layer creates its dense layers in its first call only.
            cross(tf.zeros([1, width], self.compute_dtype))
        if self._hidden is not None:
            build_layer(self._hidden, [None, width])
            width = self.options.units
        build_layer(self._output, [None, width])
        super().build(input_shape)

    def _table(self, name: str, rows: int) -> tf.Variable:
        def initializer(shape: list[int], dtype: tf.DType) -> tf.Tensor:
            factors = tf.random.normal([shape[0], self.options.factors], stddev=0.1, dtype=dtype)
            return tf.pad(factors, [[0, 0], [self._num_biases, 0]])

        shape = [rows, self._num_biases + self.options.factors]
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    @property
    def reads_ids(self) -> bool:
        """Whether known users and items have learned biases or factors."""
        return self._tables[0] is not None

    @property
    def tables(self) -> tuple[tf.Variable | None, tf.Variable | None]:
        """The biases and factors of all users and of all items; None without them."""
        users, items = self._tables
        return users, items

    def call(
        self,
        users: tf.Tensor,
        items: tf.Tensor,
        user_rows: tf.Tensor,
        item_rows: tf.Tensor,
        training: bool = False,
    ) -> tf.Tensor:
        """Computes the logits of pairs.

        Args:
            users: user embeddings, each block of length 1, `[batch, width]`.
            items: item embeddings, `[batch, width]`.
            user_rows: int32 `[batch]`, -1 for users that are not in the vocabulary.
            item_rows: int32 `[batch]`, -1 for items that are not in the vocabulary.
            training: whether dropout of units and ids is applied.

        Returns:
            float32 `[batch]`.
        """
        # Keras casts only the first argument to the layer's compute dtype.
        users, items = users * self._scale, tf.cast(items, users.dtype) * self._scale
        # [batch, 3 * width]
        deep = inputs = tf.concat([users, items, users * items / self._scale], axis=1)
        for cross in self._cross_layers:
            deep = cross(inputs, deep)
        if self._hidden is not None:
            deep = self._dropout(self._hidden(deep), training=training)  # [batch, units]
        logits = tf.cast(self._output(deep)[:, 0], tf.float32)
        if self.reads_ids:
            of_user, of_item = self._lookup(user_rows, item_rows, training)
            biases, factors = self._num_biases, self.options.factors
            logits += tf.reduce_sum(of_user[:, :biases] + of_item[:, :biases], axis=1)
            if factors:
                logits += tf.reduce_sum(of_user[:, biases:] * of_item[:, biases:], axis=1)
        return logits

    def penalty(self, user_rows: tf.Tensor, item_rows: tf.Tensor) -> tf.Tensor:
        """L2 regularization of the biases and factors of some pairs, the mean per pair, a scalar.

        Only rows that are in a batch are regularized. With several replicas, each returns its part
        of the mean.

        Args:
            user_rows: as for `call`.
            item_rows: as for `call`.
        """
        if not self.reads_ids or not self.options.l2:
            return tf.constant(0.0)
        entries = tf.concat(self._lookup(user_rows, item_rows, training=False), axis=1)
        num_pairs = replicas.all_reduce_sum(tf.cast(tf.size(user_rows), tf.float32))
        return self.options.l2 * tf.reduce_sum(tf.square(entries)) / num_pairs

    def _lookup(
        self, user_rows: tf.Tensor, item_rows: tf.Tensor, training: bool
    ) -> list[tf.Tensor]:
        """Biases and factors of users and of items, zeros for unknown ones, `[batch, …]` each."""
        entries = []
        for rows, known, table in zip(
            (user_rows, item_rows), self._known, self._tables, strict=True
        ):
            safe_rows = tf.maximum(rows, 0)
            keep = (rows >= 0) & tf.gather(known, safe_rows)
            if training and self.options.id_embedding_dropout:
                keep &= keep_mask(tf.shape(rows), self.options.id_embedding_dropout)
            # Unlike tf.gather, this requests from each parameter server only its own rows.
            found = tf.cast(tf.nn.embedding_lookup(table, safe_rows), tf.float32)
            entries.append(tf.where(keep[:, tf.newaxis], found, 0.0))
        return entries
