"""Weighted fusion: the average with convex weights, fixed or learned."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.fusion.convex_weights import ConvexWeights, check_weights, draw_weights

if TYPE_CHECKING:
    import keras_tuner


@tf.custom_gradient
def weighted_sum(
    weights: tf.Tensor, vectors: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """The sum of an item's vectors, weighted, `[batch, dim]`.

    An einsum would be a product of tiny matrices per item, and has twice as many passes backward.

    Args:
        weights: `[batch, features]`.
        vectors: `[batch, features, dim]`.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        upstream = upstream[:, tf.newaxis]  # [batch, 1, dim]
        of_weights = tf.reduce_sum(vectors * upstream, axis=2)
        return of_weights, weights[..., tf.newaxis] * upstream

    return tf.reduce_sum(weights[..., tf.newaxis] * vectors, axis=1), gradient


@FUSIONS.register("weighted")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class WeightedFusion(Fusion):
    """Averages the embeddings of an item's modalities with convex weights.

    Before normalization, the score of an item is a convex combination of the modalities' scores:
    u·Σₘ wₘ vₘ = Σₘ wₘ (u·vₘ), with weights that sum to 1 over the present modalities. With two
    modalities t and g and weights (α, 1 − α), it is u·(αt + (1 − α)g).

    Args:
        names: the features, in the order of the second axis of `vectors`.
        weights: fixed weights of at least 0 by feature, which are scaled to sum to 1; features that
            are not listed get 0 (default: learned, initially equal).

    Example:
        >>> fusion = WeightedFusion(["text", "image"], weights={"text": 0.5, "image": 0.5})
        >>> item = fusion(tf.constant([[[4., 5., 6.], [7., 8., 9.]]]), tf.constant([[True, True]]))
        >>> float(tf.tensordot([1., 2., 3.], item[0], 1))
        41.0
    """

    is_zero_without_features = True

    def __init__(
        self, names: Sequence[str], *, weights: Mapping[str, float] | None = None, **kwargs: Any
    ):
        super().__init__(names, **kwargs)
        self.check_options(names=self.names, weights=weights)
        self.fixed_weights = None if weights is None else dict(weights)
        self.weighing = ConvexWeights(self.names, weights=weights)

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_weights(options["weights"], options["names"])

    def build(self, input_shape: Any) -> None:
        build_layer(self.weighing, input_shape)
        super().build(input_shape)

    def current_weights(self) -> tf.Tensor:
        """The weights of an item with all modalities, `[features]`; they sum to 1."""
        return self.weighing.current()

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return weighted_sum(self.weighing(mask), self.fill_missing(vectors, mask))

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws whether weights are learned or fixed, and the fixed weights."""
        return {"weights": draw_weights(hp, "fusion.weighted.weights", names)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.fixed_weights}
