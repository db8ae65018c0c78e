"""Convex weights of what is present."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.errors import ConfigError


@tf.keras.utils.register_keras_serializable("tfmmrec")
class ConvexWeights(tf.keras.layers.Layer):
    """A layer `mask [batch, features] -> weights [batch, features]` of what is present.

    The weights are at least 0, those of a row sum to one, and absent features have none; a row
    without any feature gets zeros.

    Args:
        names: the features.
        weights: a weight of at least 0 by feature; what is left out gets 0. Default: see `learned`.
        learned: whether weights that are not given are learned, as the softmax of a logit a
            feature that starts at 0; else they are equal (default True).
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
        """The weights of an item that has every feature, float32 `[features]`."""
        if self.learned:
            return tf.nn.softmax(tf.cast(self.logits, tf.float32))
        given = [1.0] * len(self.names)
        if self.fixed_weights is not None:
            given = [float(self.fixed_weights.get(name, 0.0)) for name in self.names]
        return tf.constant([weight / sum(given) for weight in given])

    def call(self, mask: tf.Tensor) -> tf.Tensor:
        # Shared out in float32: in float16 small weights would vanish before they are scaled up.
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
    hp: keras_tuner.HyperParameters, key: str, names: Sequence[str]
) -> dict[str, float] | None:
    """Draws the weights of features for one trial of a search; None where they are learned.

    Args:
        hp: the hyperparameters of the trial.
        key: what stands before their names, `fusion.weighted.weights`; by itself, it is `learned`
            or `searched`.
        names: the features, each of which gets a weight from 0 to 1 where they are searched; their
            ratios are what counts.
    """
    how = hp.Choice(key, ["learned", "searched"])
    with hp.conditional_scope(key, ["searched"]):
        weights = {name: hp.Float(f"{key}.{name}", 0.0, 1.0, default=0.5) for name in names}
    if how != "searched":
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
