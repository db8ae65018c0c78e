"""The base class of augmentations, and their registry by modality."""

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
    """Changes each example of a batch at random.

    A subclass is a frozen dataclass whose fields are its options, all off by default. It is
    stateless: equal inputs and seeds give equal outputs, in eager mode, in `tf.function` and in
    `tf.data`, so that a resumed training augments as an uninterrupted one would.
    """

    kind: ClassVar[str]

    @abc.abstractmethod
    def __call__(self, inputs: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments a batch.

        Args:
            inputs: float `[batch, ...]`.
            seed: int32 or int64 `[2]`, such as the run's seed and the step.

        Returns:
            A tensor of the same shape, type and value range; the inputs if all options are off.
        """


AUGMENTATIONS: Registry[Augmentation] = Registry("augment")


def create_augmentation(kind: str, options: Mapping[str, Any], **properties: Any) -> Augmentation:
    """Creates an augmentation from its options, such as `{"flip": 0.5, "crop": 0.8}`.

    Args:
        kind: `image`, `audio` or `spectrogram`.
        options: the options of the training file.
        **properties: properties of the encoder's inputs, such as `value_range` of images.

    Raises:
        ConfigError: the kind has no augmentation, or an option is unknown or out of range.
    """
    variants = AUGMENTATIONS.variants
    if kind not in variants:
        raise ConfigError(f"augment: {kind} has none; use {', '.join(sorted(variants))}")
    if not isinstance(options, Mapping):
        raise ConfigError(f"augment: write {{OPTION: value, …}}. Received: {options!r}")
    return parse(variants[kind], {**properties, **options}, f"augment of {kind}")


def uniform(
    inputs: tf.Tensor, seed: tf.Tensor, draw: int, low: float = 0.0, high: float = 1.0
) -> tf.Tensor:
    """Draws a uniform number for each example, float32 `[batch]` in [low, high).

    Args:
        inputs: the batch.
        seed: of the batch, `[2]`.
        draw: number of the draw; draws with different numbers are independent.
        low: lower bound, included.
        high: upper bound, excluded.
    """
    seed = tf.random.experimental.stateless_fold_in(seed, draw)
    return tf.random.stateless_uniform([tf.shape(inputs)[0]], seed, low, high)


def check_range(
    options: Augmentation, names: tuple[str, ...], low: float, high: float, *, below: bool = False
) -> None:
    """Raises ConfigError if an option is outside of [low, high], or of [low, high) if `below`."""
    for name in names:
        value = getattr(options, name)
        if not low <= value <= high or (below and value == high):
            interval = f"from {low:g} to {'below ' if below else ''}{high:g}"
            raise ConfigError(f"{name} must be {interval}. Received: {value!r}")
