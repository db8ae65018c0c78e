"""What comes of a user and an item, in one number."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.config.tasks import HeadConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.stateless_random import Dropout, kept
from tfmmrec.layers.build_layer import build_layer


class OutcomeHead(tf.keras.layers.Layer):
    """A number for pairs of users and items: `b_u + b_i + p_u · q_i + deep(u, i)`.

    b, p and q are learned for each known user and item (biased matrix factorisation, Koren et al.
    2009), and 0 for others. deep reads the vectors of the towers, that is histories, contents and
    ids, and their products, `[u, i, u ∘ i]`, by crossing layers (DCN-V2, Wang et al. 2021, arXiv
    2008.13535) and a hidden layer. What is memorised and what is generalised are added (as in Wide
    & Deep, Cheng et al. 2016), so that new users and new items lose the first alone.

    Args:
        width: of the towers' vectors.
        known_users: bool `[users]`, those that training meets.
        known_items: bool `[items]`, those that training meets.
        options: what of this there is.
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
        # Unit vectors have entries that small, which would hardly move the layers.
        self._scale = width**0.5
        self._known = (tf.constant(known_users), tf.constant(known_items))
        self._tables: list[tf.Variable | None] = [None, None]
        # A bias and the factors stand in one row, so that one gather finds both.
        self._num_biases = int(options.biases)
        if options.biases or options.factors:
            self._tables = [
                self._table(name, len(known))
                for name, known in (("users", known_users), ("items", known_items))
            ]
        self._crosses = [
            tfrs.layers.dcn.Cross(
                projection_dim=options.projection_dim or None, name=f"cross_{number}"
            )
            for number in range(options.num_cross_layers)
        ]
        self._hidden = tf.keras.layers.Dense(options.units, "gelu") if options.units else None
        self._drop = Dropout(options.dropout)
        self._output = tf.keras.layers.Dense(1)

    def build(self, input_shape: Any) -> None:
        width = 3 * input_shape[-1]
        for cross in self._crosses:
            # A crossing layer makes its dense layers in its own first call alone.
            cross(tf.zeros([1, width], self.compute_dtype))
        if self._hidden is not None:
            build_layer(self._hidden, [None, width])
            width = self.options.units
        build_layer(self._output, [None, width])
        super().build(input_shape)

    def _table(self, name: str, rows: int) -> tf.Variable:
        def start(shape: list[int], dtype: tf.DType) -> tf.Tensor:
            factors = tf.random.normal([shape[0], self.options.factors], stddev=0.1, dtype=dtype)
            return tf.pad(factors, [[0, 0], [self._num_biases, 0]])

        shape = [rows, self._num_biases + self.options.factors]
        return self.add_weight(name=name, shape=shape, initializer=start)

    @property
    def reads_ids(self) -> bool:
        """Whether known users and items have something of their own here."""
        return self._tables[0] is not None

    def call(
        self,
        users: tf.Tensor,
        items: tf.Tensor,
        user_rows: tf.Tensor,
        item_rows: tf.Tensor,
        training: bool = False,
    ) -> tf.Tensor:
        """Gives a number for each pair.

        Args:
            users: the users' vectors, each block of length 1, `[batch, width]`.
            items: the items' vectors, `[batch, width]`.
            user_rows: int32 `[batch]`, -1 where the user is not in the vocabulary.
            item_rows: int32 `[batch]`, -1 where the item is not.
            training: whether units and ids are dropped.

        Returns:
            float32 `[batch]`.
        """
        # Keras brings the first argument to the precision of the layer, and leaves the others.
        users, items = users * self._scale, tf.cast(items, users.dtype) * self._scale
        crossing = start = tf.concat([users, items, users * items / self._scale], axis=1)
        for cross in self._crosses:
            crossing = cross(start, crossing)
        if self._hidden is not None:
            crossing = self._drop(self._hidden(crossing), training=training)
        number = tf.cast(self._output(crossing)[:, 0], tf.float32)
        if self.reads_ids:
            own_user, own_item = self._own(user_rows, item_rows, training)
            biases, factors = self._num_biases, self.options.factors
            number += tf.reduce_sum(own_user[:, :biases] + own_item[:, :biases], axis=1)
            if factors:
                number += tf.reduce_sum(own_user[:, biases:] * own_item[:, biases:], axis=1)
        return number

    def penalty(self, user_rows: tf.Tensor, item_rows: tf.Tensor) -> tf.Tensor:
        """The mean over some pairs of what the squares of their own numbers cost, a scalar.

        Of several replicas, each gives its pairs' part of the mean.
        """
        if not self.reads_ids or not self.options.l2:
            return tf.constant(0.0)
        own = tf.concat(self._own(user_rows, item_rows, training=False), axis=1)
        num_pairs = replicas.total(tf.cast(tf.size(user_rows), tf.float32))
        return self.options.l2 * tf.reduce_sum(tf.square(own)) / num_pairs

    def _own(self, user_rows: tf.Tensor, item_rows: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """What users and items have of their own, zeros for unknown ones, `[batch, …]` each."""
        own = []
        for rows, known, table in zip(
            (user_rows, item_rows), self._known, self._tables, strict=True
        ):
            places = tf.maximum(rows, 0)
            counted = (rows >= 0) & tf.gather(known, places)
            if training and self.options.id_embedding_dropout:
                counted &= kept(tf.shape(rows), self.options.id_embedding_dropout)
            found = tf.cast(tf.gather(table, places), tf.float32)
            own.append(tf.where(counted[:, tf.newaxis], found, 0.0))
        return own
