"""Convex weights over the present features of an item."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.errors import ConfigError

if TYPE_CHECKING:
    import keras_tuner


@tf.keras.utils.register_keras_serializable("tfmmrec")
class ConvexWeights(tf.keras.layers.Layer):
    """A layer `mask [batch, features] -> weights [batch, features]`.

    Weights are at least 0 and sum to 1 over the present features of a row; missing features have a
    weight of 0. A row without features gets zeros.

    Args:
        names: the features.
        weights: fixed weights of at least 0 by feature; features that are not listed get 0
            (default: see `learned`).
        learned: without fixed weights, whether to learn weights as the softmax of one logit per
            feature, initially 0; otherwise weights are equal (default True).

    Example:
        >>> layer = ConvexWeights(["text", "image"], weights={"text": 3, "image": 1})
        >>> layer(tf.constant([[True, True], [False, True]])).numpy().tolist()
        [[0.75, 0.25], [0.0, 1.0]]
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        weights: Mapping[str, float] | None = None,
        learned: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.names = list(names)
        self.fixed_weights = None if weights is None else dict(weights)
        self.learned = learned and weights is None
        check_weights(weights, self.names)

    def build(self, input_shape: Any) -> None:
        if self.learned:
            self.logits = self.add_weight(
                name="logits", shape=[len(self.names)], initializer="zeros"
            )
        super().build(input_shape)

    def current(self) -> tf.Tensor:
        """The weights of an item with all features, float32 `[features]`."""
        if self.learned:
            return tf.nn.softmax(tf.cast(self.logits, tf.float32))
        given = [1.0] * len(self.names)
        if self.fixed_weights is not None:
            given = [float(self.fixed_weights.get(name, 0.0)) for name in self.names]
        return tf.constant([weight / sum(given) for weight in given])

    def call(self, mask: tf.Tensor) -> tf.Tensor:
        # Rescaled in float32: small weights would underflow float16 first.
        weights = tf.where(mask, self.current(), 0.0)
        total = tf.reduce_sum(weights, axis=1, keepdims=True)
        return tf.cast(tf.math.divide_no_nan(weights, total), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "names": self.names,
            "weights": self.fixed_weights,
            "learned": self.learned,
        }


def draw_weights(
    hp: "keras_tuner.HyperParameters", key: str, names: Sequence[str]
) -> dict[str, float] | None:
    """Draws the weights of features for one trial of a search; None for learned weights.

    Args:
        hp: the hyperparameters of the trial.
        key: the hyperparameter that is `learned` or `searched`, such as `fusion.weighted.weights`;
            the weight of a feature is `KEY.FEATURE`.
        names: the features; each gets a weight from 0 to 1 with `searched`. Only ratios matter.
    """
    source = hp.Choice(key, ["learned", "searched"])
    with hp.conditional_scope(key, ["searched"]):
        weights = {name: hp.Float(f"{key}.{name}", 0.0, 1.0, default=0.5) for name in names}
    if source != "searched":
        return None
    return weights if any(weights.values()) else dict.fromkeys(names, 1.0)


def check_weights(weights: Any, names: Sequence[str]) -> None:
    """Raises ConfigError unless weights are None, or numbers of at least 0 by feature, not all 0.

    Args:
        weights: the option of a fusion.
        names: the features.
    """
    if weights is None:
        return
    if not isinstance(weights, Mapping):
        raise ConfigError(
            f"weights must be a mapping of features to numbers. Received: {weights!r}"
        )
    for name, weight in weights.items():
        if name not in names:
            raise ConfigError(f"weights.{name}: no such feature; there are {', '.join(names)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ConfigError(f"weights.{name} must be a number. Received: {weight!r}")
        if not math.isfinite(weight) or weight < 0:
            raise ConfigError(f"weights.{name} must be at least 0. Received: {weight!r}")
    if not sum(weights.values()) > 0:
        raise ConfigError(f"weights must not all be 0. Received: {dict(weights)}")
