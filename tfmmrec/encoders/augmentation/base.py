"""The base class of augmentations and their registry."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.config.parse import parse
from tfmmrec.config.registry import Registry
from tfmmrec.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Augmentation(abc.ABC):
    """Varies a batch of inputs by chance, each example by draws of its own.

    A subclass is a frozen dataclass whose fields are its options, all of them off by default. It
    holds no state: equal inputs and seeds give equal outputs, eager, in `tf.function` and in
    `tf.data`, so that a training that was stopped goes on as it would have.
    """

    kind: ClassVar[str]

    @abc.abstractmethod
    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Varies a batch.

        Args:
            inputs: float `[batch, ...]`.
            seed: int32 or int64 `[2]`, such as the run's seed and the step.

        Returns:
            Of the same shape, type and value range; the inputs themselves if all options are off.
        """


AUGMENTATIONS: Registry[Augmentation] = Registry("augment")


def create_augmentation(kind: str, declared: Mapping[str, Any], **known: Any) -> Augmentation:
    """Builds an augmentation from its declaration, such as `{"flip": 0.5, "crop": 0.8}`.

    Args:
        kind: `image`, `audio` or `spectrogram`.
        declared: the options that are on.
        known: what the encoder says of its inputs, such as `value_range` of pictures.

    Raises:
        ConfigError: the kind has no augmentation, or an option is unknown or out of its range.
    """
    variants = AUGMENTATIONS.variants
    if kind not in variants:
        names = ", ".join(sorted(variants))
        raise ConfigError(f"augment: {kind} has none; there are {names}")
    if not isinstance(declared, Mapping):
        raise ConfigError(f"augment: write {{OPTION: value, …}}. Received: {declared!r}")
    return parse(variants[kind], {**known, **declared}, f"augment of {kind}")


def uniform(
    inputs: tf.Tensor, seed: tf.Tensor, draw: int, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """Draws a number for each example, float32 `[batch]` in [low, high).

    Args:
        inputs: the batch.
        seed: of the batch, `[2]`.
        draw: which of the batch's draws this is; different ones are independent.
        low: the least value.
        high: the bound above.
    """
    seed = tf.random.experimental.stateless_fold_in(seed, draw)
    return tf.random.stateless_uniform([tf.shape(inputs)[0]], seed, low, high)


def refuse_outside(
    options: Augmentation, names: tuple[str, ...], low: float, high: float, *, below: bool = False
) -> None:
    """Raises ConfigError where an option is outside of [low, high], or is `high` if `below`."""
    for name in names:
        value = getattr(options, name)
        if not low <= value <= high or (below and value == high):
            shown = f"from {low:g} to {'below ' if below else ''}{high:g}"
            raise ConfigError(f"{name} must be {shown}. Received: {value!r}")
