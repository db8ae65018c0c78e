"""A feature whose encoder is trained along with the towers."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.augmentation import Augmentation, create_augmentation
from tfmmrec.encoders.hub import HubEncoder
from tfmmrec.errors import ConfigError
from tfmmrec.finetuning.options import FinetuneOptions
from tfmmrec.finetuning.raw_file import RawFile

_BATCH = 32


class TrainedFeature(tf.Module):
    """One feature's raw values, its encoder, and the weights of it that are trained.

    A step encodes the items that it teaches, from their raw values. Items in histories are taken
    from a table of outputs that is written anew after each epoch: to encode all that a batch
    mentions would cost a pass over the catalogue each step.

    Args:
        feature: its name.
        encoder: a trainable encoder.
        raw: the stored values.
        options: how it is trained.

    Raises:
        ConfigError: no weight fits `variables`, or `augment` does not fit the feature.
    """

    def __init__(
        self,
        feature: str,
        encoder: HubEncoder,
        raw: RawFile,
        options: FinetuneOptions,
    ):
        super().__init__(name=f"trained_{feature}")
        self.feature = feature
        self.encoder = encoder
        self.raw = raw
        self.recompute = options.recompute
        self.weights = _chosen_weights(feature, encoder, options.variables)
        self.optimizer = tf.keras.optimizers.legacy.Adam(options.learning_rate)
        self.augmentation = _create_augmentation(feature, encoder, options)

    def inputs(self, rows: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """Reads and prepares what a step encodes; runs where the data is read.

        Args:
            rows: int32 `[n]`, rows of different items.
            seed: int64 `[2]`, of the augmentation.

        Returns:
            The rows that have the feature, int32 `[m]` (the first row where none has), and what
            the encoder takes of them.
        """
        present = tf.gather(tf.constant(self.raw.present), rows)
        present |= tf.logical_not(tf.reduce_any(present)) & (tf.range(tf.size(rows)) == 0)
        rows = tf.boolean_mask(rows, present)
        values = tf.numpy_function(self.raw.take, [rows], tf.string, stateful=False)
        inputs = self.encoder.prepare(tf.ensure_shape(values, [None]))
        return rows, self._augmented(inputs, seed)

    def _augmented(self, inputs: Any, seed: tf.Tensor) -> Any:
        if self.augmentation is None:
            return inputs
        if isinstance(inputs, tf.RaggedTensor):
            varied = self.augmentation(inputs.to_tensor(), seed)
            return tf.RaggedTensor.from_tensor(varied, lengths=inputs.row_lengths())
        return self.augmentation(inputs, seed)

    def __call__(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Encodes what `inputs` gave, `[m, dim]`."""
        if not (training and self.recompute):
            return self.encoder.forward(inputs, training=training)
        return tf.recompute_grad(lambda given: self.encoder.forward(given, training=True))(inputs)

    def apply(self, gradients: list[tf.Tensor | None]) -> None:
        """Takes a step by the gradients of `weights`; a weight without one stays."""
        pairs = zip(gradients, self.weights, strict=True)
        self.optimizer.apply_gradients([(g, w) for g, w in pairs if g is not None])

    def outputs(self) -> Iterator[tuple[np.ndarray, tf.Tensor]]:
        """Encodes the whole catalogue with the weights as they are; yields rows and outputs."""
        encode = tf.function(
            self.encoder.encode, input_signature=[tf.TensorSpec([None], tf.string)]
        )
        sizes = np.diff(self.raw.offsets)
        rows = np.flatnonzero(self.raw.present)
        # Of like length, so that texts of a batch share its padding.
        rows = rows[np.argsort(sizes[rows], kind="stable")]
        for start in range(0, len(rows), _BATCH):
            chosen = rows[start : start + _BATCH]
            yield chosen, encode(tf.constant(self.raw.take(chosen)))

    def describe(self) -> dict[str, Any]:
        """What a run stores of it, as JSON."""
        return {
            "trained_weights": int(sum(np.prod(weight.shape) for weight in self.weights)),
            "learning_rate": float(self.optimizer.learning_rate),
        }


def _chosen_weights(feature: str, encoder: HubEncoder, pattern: str) -> list[tf.Variable]:
    weights = [v for v in encoder.trainable_variables if re.search(pattern, v.name)]
    if not weights:
        names = ", ".join(variable.name for variable in encoder.trainable_variables[:5])
        raise ConfigError(
            f"finetune.{feature}.variables: no weight fits {pattern!r}; the first are {names}"
        )
    return weights


def _create_augmentation(
    feature: str, encoder: HubEncoder, options: FinetuneOptions
) -> Augmentation | None:
    if not options.augment:
        return None
    known: dict[str, Any] = {}
    if encoder.modality == "image":
        low, high = encoder.value_range
        known = {"value_range": (float(low), float(high))}
    try:
        return create_augmentation(encoder.modality, options.augment, **known)
    except ConfigError as error:
        raise ConfigError(f"finetune.{feature}: {error}") from None
