"""A feature whose encoder is fine-tuned with the towers."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.finetuning import FinetuneConfig
from tfmmrec.distribute import replicas, strategies
from tfmmrec.encoders.augmentation import Augmentation, create_augmentation
from tfmmrec.encoders.finetuning.gradient_checkpointing import encode_in_parts
from tfmmrec.encoders.finetuning.media_store import MediaStore
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.errors import ConfigError

_BATCH = 32


class TrainableFeature(tf.Module):
    """A feature's raw values, its encoder, and the trainable weights of the encoder.

    A step encodes its target items from their raw values. Items in histories are looked up in a
    table of encodings that is refreshed after each epoch: encoding all items of a batch would
    cost a pass over the catalog per step.

    Args:
        feature: name of the feature.
        encoder: a trainable encoder.
        raw: the raw values.
        options: the fine-tuning options, with a learning rate.

    Attributes:
        weights: the variables that are trained.
        state: the other variables of the module that training may change, such as moving averages.

    Raises:
        ConfigError: no item has the feature, no weight matches `variables`, or `augment` does not
            apply to the modality.
    """

    def __init__(
        self,
        feature: str,
        encoder: HubEncoder,
        raw: MediaStore,
        options: FinetuneConfig,
    ):
        super().__init__()
        if not raw.present.any():
            raise ConfigError(
                f"item feature {feature!r}: no item has a value, so its encoder cannot be trained; "
                "leave it out of features"
            )
        self.feature = feature
        self.encoder = encoder
        self.raw = raw
        self.learning_rate = options.learning_rate
        self.recompute = options.recompute
        self.weights = _select_weights(feature, encoder, options.variables)
        # Listed here, because Keras does not track the variables of a loaded SavedModel.
        trainable = {id(weight) for weight in self.weights}
        self.state = [v for v in encoder.module.variables_read() if id(v) not in trainable]
        # Small updates would be lost in half precision, so they accumulate in float32 copies.
        with strategies.current_strategy().scope():
            self.master_weights = [
                tf.Variable(_full(w)) if w.dtype.size < 4 else w for w in self.weights
            ]
            self.optimizer = tf.keras.optimizers.legacy.Adam(options.learning_rate)
        self.augmentation = _create_augmentation(feature, encoder, options)
        self._strategy = strategies.current_strategy()
        self._encode = tf.function(
            lambda values: self._strategy.run(self._encode_together, args=(values,)),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )

    def inputs(self, rows: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """Reads, decodes and augments the values that a step encodes; runs in the input pipeline.

        Args:
            rows: int32 `[n]`, rows of distinct items.
            seed: int64 `[2]`, of the augmentation.

        Returns:
            The rows that have the feature, int32 `[m]` (if none has it, another row that does),
            and the inputs of the encoder for them.
        """
        rows = tf.boolean_mask(rows, tf.gather(tf.constant(self.raw.present), rows))
        # Many modules fail on an empty batch.
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

        # One at a time, so that shifts and masks are relative to the length of each waveform.
        def augment_one(numbered: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            waveform, number = numbered
            own_seed = tf.random.experimental.stateless_fold_in(seed, number)
            return tf.cond(
                tf.size(waveform) > 0,
                lambda: augment(waveform[tf.newaxis], own_seed)[0],
                lambda: waveform,
            )

        spec = tf.RaggedTensorSpec([None], inputs.dtype, ragged_rank=0)
        return tf.map_fn(augment_one, (inputs, tf.range(inputs.nrows())), fn_output_signature=spec)

    def __call__(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """Encodes the result of `inputs`, to `[m, dim]`."""
        if training and self.recompute:
            # In inference mode, since dropout would differ between the two forward passes.
            return encode_in_parts(self.encoder.forward, inputs, dim=self.encoder.dim)
        return self.encoder.forward(inputs, training=training)

    def check_gradients(self) -> None:
        """Raises ConfigError if no weight has a gradient, before a training step is compiled."""

        def gradients(values: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                encodings = self.encoder.forward(self.encoder.prepare(values), training=True)
            return [one for one in tape.gradient(encodings, self.weights) if one is not None]

        traced = tf.function(gradients).get_concrete_function(tf.TensorSpec([None], tf.string))
        if not traced.structured_outputs:
            raise ConfigError(
                f"finetune.{self.feature}: the encoder's output has no gradient with respect to "
                "the trainable weights; select others by variables, or leave it frozen"
            )

    def apply(self, gradients: list[tf.Tensor | None]) -> None:
        """Applies the gradients of `weights`; a weight whose gradient is None stays unchanged."""
        pairs = [
            (_full(gradient), master)
            for gradient, master in zip(gradients, self.master_weights, strict=True)
            if gradient is not None
        ]
        self.optimizer.apply_gradients(pairs)
        halves = [
            (weight, tf.cast(master, weight.dtype))
            for weight, master in zip(self.weights, self.master_weights, strict=True)
            if weight is not master
        ]
        replicas.assign([weight for weight, _ in halves], [value for _, value in halves])

    def encode_catalog(self) -> Iterator[tuple[np.ndarray, tf.Tensor]]:
        """Encodes all items that have the feature, with the current weights.

        Yields:
            Rows, int `[n]`, and their encodings, float32 `[n, dim]`.
        """
        sizes = np.diff(self.raw.offsets)
        rows = np.flatnonzero(self.raw.present)
        # Sorted by length, so that the texts of a batch need little padding.
        rows = rows[np.argsort(sizes[rows], kind="stable")]
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            # Each replica needs at least one row.
            batch = np.resize(batch, max(len(batch), self._strategy.num_replicas_in_sync))
            encodings = self._encode(tf.constant(self.raw.take(batch)))
            yield batch, self._strategy.experimental_local_results(encodings)[0]

    def refresh(self, table: tf.Variable) -> None:
        """Writes the encodings of the whole catalog, with the current weights, to a table.

        Args:
            table: `[items, dim]`, the encodings that histories read.
        """
        for rows, encodings in self.encode_catalog():
            self._strategy.extended.update(
                table,
                lambda copy, indices, values: copy.scatter_nd_update(indices, values),
                args=(rows[:, np.newaxis], encodings),
            )

    def _encode_together(self, values: tf.Tensor) -> tf.Tensor:
        return replicas.all_gather(self.encoder.encode(replicas.local_slice(values)))

    def summary(self) -> str:
        """Returns the number of trainable weights and their learning rate, for people."""
        count = int(sum(np.prod(weight.shape) for weight in self.weights))
        return f"{count:,} weights trained at {self.learning_rate:g}"


def _full(values: Any) -> Any:
    """Casts half precision to float32; returns other tensors unchanged."""
    return tf.cast(values, tf.float32) if values.dtype.size < 4 else values


def _select_weights(feature: str, encoder: HubEncoder, pattern: str) -> list[tf.Variable]:
    weights = [v for v in encoder.trainable_variables if re.search(pattern, v.name)]
    if not weights:
        names = ", ".join(variable.name for variable in encoder.trainable_variables[:5])
        raise ConfigError(
            f"finetune.{feature}.variables: no weight matches {pattern!r}; the first are {names}"
        )
    return weights


def _create_augmentation(
    feature: str, encoder: HubEncoder, options: FinetuneConfig
) -> Augmentation | None:
    if not options.augment:
        return None
    try:
        return create_augmentation(encoder.modality, options.augment, **encoder.inputs.properties())
    except ConfigError as error:
        raise ConfigError(f"finetune.{feature}: {error}") from None
