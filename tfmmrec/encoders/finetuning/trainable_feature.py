"""A feature whose encoder is trained along with the towers."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.finetuning import FinetuneConfig
from tfmmrec.distribute import replicas, strategies
from tfmmrec.encoders.augmentation import Augmentation, create_augmentation
from tfmmrec.encoders.finetuning.gradient_checkpointing import encode_in_parts
from tfmmrec.encoders.finetuning.media_store import RawFile
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.errors import ConfigError

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
        options: how it is trained, with a learning rate.

    Attributes:
        weights: what the gradient is taken by.
        state: what else of the module training may change, such as moving averages.

    Raises:
        ConfigError: no item has the feature, no weight fits `variables`, or `augment` does not fit
            the feature.
    """

    def __init__(
        self,
        feature: str,
        encoder: HubEncoder,
        raw: RawFile,
        options: FinetuneConfig,
    ):
        super().__init__(name=f"trained_{feature}")
        if not raw.present.any():
            raise ConfigError(
                f"item feature {feature!r}: no item has it, so that there is nothing to train its "
                "encoder on; leave it out of features"
            )
        self.feature = feature
        self.encoder = encoder
        self.raw = raw
        self.learning_rate = options.learning_rate
        self.recompute = options.recompute
        self.weights = _chosen_weights(feature, encoder, options.variables)
        # Keras keeps and gives back the weights that it finds, and looks into no loaded module.
        trained = {id(weight) for weight in self.weights}
        self.state = [v for v in encoder.module.variables_read() if id(v) not in trained]
        # Steps of a small rate are lost in half precision, so they add up beside it.
        with strategies.current().scope():
            self.masters = [tf.Variable(_full(w)) if w.dtype.size < 4 else w for w in self.weights]
            self.optimizer = tf.keras.optimizers.legacy.Adam(options.learning_rate)
        self.augmentation = _create_augmentation(feature, encoder, options)
        self._strategy = strategies.current()
        self._encode = tf.function(
            lambda values: self._strategy.run(self._encode_together, args=(values,)),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )

    def inputs(self, rows: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """Reads and prepares what a step encodes; runs where the data is read.

        Args:
            rows: int32 `[n]`, rows of different items.
            seed: int64 `[2]`, of the augmentation.

        Returns:
            The rows that have the feature, int32 `[m]` (where none has, some other row that does),
            and what the encoder takes of them.
        """
        rows = tf.boolean_mask(rows, tf.gather(tf.constant(self.raw.present), rows))
        # Modules are not made for a batch of nothing.
        first = np.flatnonzero(self.raw.present)[:1].astype(np.int32)
        rows = tf.cond(tf.size(rows) > 0, lambda: rows, lambda: tf.constant(first))
        values = tf.numpy_function(self.raw.take, [rows], tf.string, stateful=False)
        inputs = self.encoder.prepare(tf.ensure_shape(values, [None]))
        return rows, self._augmented(inputs, seed)

    def _augmented(self, inputs: Any, seed: tf.Tensor) -> Any:
        augment = self.augmentation
        if augment is None:
            return inputs
        if not isinstance(inputs, tf.RaggedTensor):
            return augment(inputs, seed)

        # One at a time, so that it is a sound's own length that is shifted and masked.
        def vary(given: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            sound, number = given
            own = tf.random.experimental.stateless_fold_in(seed, number)
            return tf.cond(
                tf.size(sound) > 0, lambda: augment(sound[tf.newaxis], own)[0], lambda: sound
            )

        spec = tf.RaggedTensorSpec([None], inputs.dtype, ragged_rank=0)
        return tf.map_fn(vary, (inputs, tf.range(inputs.nrows())), fn_output_signature=spec)

    def __call__(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Encodes what `inputs` gave, `[m, dim]`."""
        if training and self.recompute:
            # Out of training, since what is dropped would be something else the second time.
            return encode_in_parts(self.encoder.forward, inputs, dim=self.encoder.dim)
        return self.encoder.forward(inputs, training=training)

    def check_gradients(self) -> None:
        """Raises ConfigError where no weight could move: within a step it would be too late."""

        def slopes(values: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                outputs = self.encoder.forward(self.encoder.prepare(values), training=True)
            return [slope for slope in tape.gradient(outputs, self.weights) if slope is not None]

        traced = tf.function(slopes).get_concrete_function(tf.TensorSpec([None], tf.string))
        if not traced.structured_outputs:
            raise ConfigError(
                f"finetune.{self.feature}: the encoder's output has no gradient by the weights "
                "to train; choose others by variables, or leave it frozen"
            )

    def apply(self, gradients: list[tf.Tensor | None]) -> None:
        """Takes a step by the gradients of `weights`; a weight without one stays."""
        pairs = [
            (_full(gradient), master)
            for gradient, master in zip(gradients, self.masters, strict=True)
            if gradient is not None
        ]
        self.optimizer.apply_gradients(pairs)
        halves = [
            (weight, tf.cast(master, weight.dtype))
            for weight, master in zip(self.weights, self.masters, strict=True)
            if weight is not master
        ]
        replicas.assign([weight for weight, _ in halves], [value for _, value in halves])

    def outputs(self) -> Iterator[tuple[np.ndarray, tf.Tensor]]:
        """Encodes the whole catalogue with the weights as they are; yields rows and outputs."""
        sizes = np.diff(self.raw.offsets)
        rows = np.flatnonzero(self.raw.present)
        # Of like length, so that texts of a batch share its padding.
        rows = rows[np.argsort(sizes[rows], kind="stable")]
        for start in range(0, len(rows), _BATCH):
            chosen = rows[start : start + _BATCH]
            # No replica may be left with a batch of nothing.
            chosen = np.resize(chosen, max(len(chosen), self._strategy.num_replicas_in_sync))
            encoded = self._encode(tf.constant(self.raw.take(chosen)))
            yield chosen, self._strategy.experimental_local_results(encoded)[0]

    def _encode_together(self, values: tf.Tensor) -> tf.Tensor:
        return replicas.gather(self.encoder.encode(replicas.share(values)))

    def summary(self) -> str:
        """What is trained, in a few words for people."""
        count = int(sum(np.prod(weight.shape) for weight in self.weights))
        return f"{count:,} weights trained at {self.learning_rate:g}"


def _full(values: Any) -> Any:
    """Brings half precision to single; other tensors and slices stay as they are."""
    return tf.cast(values, tf.float32) if values.dtype.size < 4 else values


def _chosen_weights(feature: str, encoder: HubEncoder, pattern: str) -> list[tf.Variable]:
    weights = [v for v in encoder.trainable_variables if re.search(pattern, v.name)]
    if not weights:
        names = ", ".join(variable.name for variable in encoder.trainable_variables[:5])
        raise ConfigError(
            f"finetune.{feature}.variables: no weight fits {pattern!r}; the first are {names}"
        )
    return weights


def _create_augmentation(
    feature: str, encoder: HubEncoder, options: FinetuneConfig
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
