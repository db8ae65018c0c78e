"""Pooling of vectors: over the values of a feature, and over the features of a modality."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.config.choices import POOLINGS
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.masked_softmax import masked_softmax


@tf.keras.utils.register_keras_serializable("tfmmrec")
class AttentionPool(tf.keras.layers.Layer):
    """Attention pooling with a learned query q: Σᵢ aᵢ vᵢ, a = softmax(q · vᵢ / |vᵢ|).

    The logits depend on the direction of a vector, so that the weights do not depend on the
    encoder's scale. The query is initialized to zeros, which makes the output the mean of the
    vectors. The softmax runs in float32 over the positions where the mask is True; the values at
    other positions are ignored.

    Input: `vectors` float `[batch, n, dim]` and `mask` bool `[batch, n]`. Output: float
    `[batch, dim]`; zeros for a row without vectors.

    Example:
        >>> vectors = tf.constant([[[2.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])
        >>> AttentionPool()(vectors, tf.constant([[True, True, False]])).numpy().tolist()
        [[1.0, 2.0]]

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", where
    the query is called context vector.
    """

    def build(self, input_shape: Any) -> None:
        self.query = self.add_weight(name="query", shape=[input_shape[-1]], initializer="zeros")
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        vectors = tf.where(mask[..., tf.newaxis], vectors, 0.0)
        weights = tf.cast(self.weights_of(vectors, mask), vectors.dtype)
        return tf.einsum("bn,bnd->bd", weights, vectors)

    def weights_of(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The weight of each vector, float32 `[batch, n]`; they sum to 1, or are all 0."""
        # The epsilon is added under the square root, so that the gradient at zero is finite.
        direction = tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1, epsilon=1e-12)
        query = tf.cast(self.query, tf.float32)
        return masked_softmax(tf.linalg.matvec(direction, query), mask)


@tf.keras.utils.register_keras_serializable("tfmmrec")
class MeanPool(tf.keras.layers.Layer):
    """Mean pooling over the positions where the mask is True.

    Input and output as for `AttentionPool`.
    """

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        count = tf.reduce_sum(tf.cast(mask, vectors.dtype), axis=1, keepdims=True)  # [batch, 1]
        total = tf.reduce_sum(tf.where(mask[..., tf.newaxis], vectors, 0.0), axis=1)
        return tf.math.divide_no_nan(total, count)  # [batch, dim]


@tf.keras.utils.register_keras_serializable("tfmmrec")
class ModalityGroups(tf.keras.layers.Layer):
    """Pools the features of each modality, so that the fusion gets one embedding per modality.

    A title and a plot are both text: fused separately, text would count twice, and a fusion of
    pairs of modalities would pair text with text. A modality with a single feature is not changed.

    Args:
        names: the features, in the order of the second axis of `vectors`.
        kinds: the modality of each feature, such as `{"title": "text", "poster": "image"}`.
        pool: `attention`, with a learned query for each modality with several features, or `mean`
            (default attention).

    Attributes:
        groups: the modalities, in the order of the second axis of the output: that of their first
            features.

    Input: `vectors` float `[batch, features, dim]` and `mask` bool `[batch, features]`. Output:
    a pair of float `[batch, groups, dim]` and bool `[batch, groups]`, zeros and False where a row
    has no feature of a modality.

    Raises:
        ValueError: a feature has no modality, or `pool` is unknown.

    Example:
        >>> layer = ModalityGroups(["title", "poster", "plot"],
        ...     {"title": "text", "poster": "image", "plot": "text"}, pool="mean")
        >>> list(layer.groups)
        ['text', 'image']
        >>> vectors, mask = layer(
        ...     tf.constant([[[2.0], [5.0], [4.0]]]), tf.constant([[True, False, True]]))
        >>> vectors.numpy().tolist(), mask.numpy().tolist()
        ([[[3.0], [0.0]]], [[True, False]])
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Mapping[str, str],
        *,
        pool: str = "attention",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if pool not in POOLINGS:
            raise ValueError(f"pool must be one of {', '.join(POOLINGS)}. Received: {pool!r}")
        for name in names:
            if name not in kinds:
                raise ValueError(f"kinds: {name} has none; there are {', '.join(kinds) or 'none'}")
        self.names = list(names)
        self.kinds = {name: kinds[name] for name in self.names}
        self.pool = pool
        self.groups = list(dict.fromkeys(self.kinds.values()))
        layer = AttentionPool if pool == "attention" else MeanPool
        # The query of a single vector would have no gradient.
        self.pools = {
            group: layer(name=group) for group in self.groups if len(self.positions(group)) > 1
        }

    def build(self, input_shape: Any) -> None:
        for group, pool in self.pools.items():
            build_layer(pool, [None, len(self.positions(group)), input_shape[-1]])
        super().build(input_shape)

    def positions(self, group: str) -> list[int]:
        """The positions of a modality's features on the second axis of `vectors`."""
        return [position for position, name in enumerate(self.names) if self.kinds[name] == group]

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pooled, pooled_mask = [], []
        for group in self.groups:
            positions = self.positions(group)
            group_vectors = tf.gather(vectors, positions, axis=1)  # [batch, n, dim]
            group_mask = tf.gather(mask, positions, axis=1)  # [batch, n]
            pooled_mask.append(tf.reduce_any(group_mask, axis=1))
            if group in self.pools:
                pooled.append(self.pools[group](group_vectors, mask=group_mask))
            else:
                pooled.append(tf.where(group_mask, group_vectors[:, 0], 0.0))
        return tf.stack(pooled, axis=1), tf.stack(pooled_mask, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "names": self.names,
            "kinds": dict(self.kinds),
            "pool": self.pool,
        }
