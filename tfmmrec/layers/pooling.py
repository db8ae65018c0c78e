"""Several vectors as one: the values of a feature, and the features of a modality."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.config.choices import POOLINGS
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.masked_softmax import masked_softmax


@tf.keras.utils.register_keras_serializable("tfmmrec")
class AttentionPool(tf.keras.layers.Layer):
    """Pools the vectors of a row by a learned query: Σᵢ aᵢ vᵢ, a = softmax(q · vᵢ / |vᵢ|).

    A vector is weighed by its direction, so that the weights do not depend on the encoder's scale.
    The query is zero at first, which makes the result the mean of what is there. The softmax runs
    over the places where the mask is True, in float32; what stands elsewhere does not matter.

    Input: `vectors` float `[batch, n, dim]` and `mask` bool `[batch, n]`. Output: float
    `[batch, dim]`; zeros for a row of which nothing is there.

    Example:
        >>> vectors = tf.constant([[[2.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])
        >>> AttentionPool()(vectors, tf.constant([[True, True, False]])).numpy().tolist()
        [[1.0, 2.0]]

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", whose
    context vector the query is.
    """

    def build(self, input_shape: Any) -> None:
        self.query = self.add_weight(name="query", shape=[input_shape[-1]], initializer="zeros")
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        vectors = tf.where(mask[..., tf.newaxis], vectors, 0.0)
        weights = tf.cast(self.weights_of(vectors, mask), vectors.dtype)
        return tf.einsum("bn,bnd->bd", weights, vectors)

    def weights_of(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The weight of each vector, float32 `[batch, n]`; they sum to one, or are all 0."""
        # The epsilon stands under the root, so that the gradient at zero is finite.
        direction = tf.math.l2_normalize(tf.cast(vectors, tf.float32), axis=-1, epsilon=1e-12)
        query = tf.cast(self.query, tf.float32)
        return masked_softmax(tf.linalg.matvec(direction, query), mask)


@tf.keras.utils.register_keras_serializable("tfmmrec")
class MeanPool(tf.keras.layers.Layer):
    """Pools the vectors of a row by the mean of those that are there; as `AttentionPool`."""

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        here = tf.cast(mask, vectors.dtype)
        total = tf.reduce_sum(tf.where(mask[..., tf.newaxis], vectors, 0.0), axis=1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(here, axis=1, keepdims=True))


@tf.keras.utils.register_keras_serializable("tfmmrec")
class ModalityGroups(tf.keras.layers.Layer):
    """Pools the features of each modality, so that a fusion sees one vector a modality.

    A title and a plot are both text: fused as two, text would count twice, and a fusion of
    modality pairs would pair a text with a text. A modality of one feature passes as it is.

    Args:
        names: the features, in the order of the vectors' second axis.
        kinds: the modality of each feature, such as `{"title": "text", "poster": "image"}`.
        pool: `attention`, with a learned query for each modality of several features, or `mean`
            (default attention).

    Attributes:
        groups: the modalities in the order of the result's second axis, each standing where its
            first feature did.

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
        # A single vector would teach its query nothing.
        self.pools = {
            group: layer(name=group) for group in self.groups if len(self.places(group)) > 1
        }

    def build(self, input_shape: Any) -> None:
        for group, pool in self.pools.items():
            build_layer(pool, [None, len(self.places(group)), input_shape[-1]])
        super().build(input_shape)

    def places(self, group: str) -> list[int]:
        """Where the features of one modality stand in the vectors."""
        return [place for place, name in enumerate(self.names) if self.kinds[name] == group]

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pooled, here = [], []
        for group in self.groups:
            places = self.places(group)
            given = tf.gather(vectors, places, axis=1)
            present = tf.gather(mask, places, axis=1)
            here.append(tf.reduce_any(present, axis=1))
            if group in self.pools:
                pooled.append(self.pools[group](given, mask=present))
            else:
                pooled.append(tf.where(present, given[:, 0], 0.0))
        return tf.stack(pooled, axis=1), tf.stack(here, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "names": self.names,
            "kinds": dict(self.kinds),
            "pool": self.pool,
        }
