"""A SavedModel with any call signature, as a function from a batch of inputs to vectors."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.encoders.hub.call_signatures import (
    CallSignature,
    choose_call_signature,
    find_call_signatures,
    format_spec,
)
from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.encoders.hub.inputs import INPUTS
from tfmmrec.encoders.hub.loading import hash_files, load_frozen, load_module
from tfmmrec.encoders.hub.outputs import choose_output, named_outputs, pool_output
from tfmmrec.encoders.hub.text_preprocessor import TextPreprocessor, token_mask
from tfmmrec.errors import ConfigError, one_line


class HubModule(tf.Module):
    """A module, its text preprocessor if it has one, and its call signature.

    Args:
        modality: `text`, `image` or `audio`.
        handle: as `resolve` takes it.
        choice: its options.
        frozen: whether it is not trained, so that several features can share it.

    Attributes:
        loaded: the loaded SavedModel.
        preprocessor: of texts, or None.
        call_signature: how it is called.
        output: name of the output that is the encoding, "" for a single output; set by `probe`.
        dim: length of the encoding; set by `probe`.
        pools: whether the output has other axes to pool over; set by `probe`.

    Raises:
        ConfigError: there is no module at the handle, or it does not take the modality.
    """

    output: str
    dim: int

    def __init__(self, modality: str, handle: str, choice: EncoderConfig, *, frozen: bool):
        super().__init__()
        self.modality = modality
        self.handle = handle
        self.choice = choice
        self.folder = resolve(handle)
        self.loaded = (load_frozen if frozen else load_module)(self.folder, handle)
        self.preprocessor: TextPreprocessor | None = None
        if choice.preprocessor is not None:
            self.preprocessor = TextPreprocessor(choice.preprocessor.removeprefix("hub:"))
        self.call_signature = self._find_call_signature()
        self.batched = self.call_signature.is_batched(modality)

    def _find_call_signature(self) -> CallSignature:
        found = find_call_signatures(self.loaded, self.handle, self.choice.signature)
        if self.preprocessor is None:
            return choose_call_signature(found, self.modality, self.choice.input, self.handle)
        tokens = self.preprocessor(tf.constant(["a"]))
        for one in found:
            if one.takes_tokens(tokens):
                return one
        outputs = ", ".join(f"{k}: {format_spec(v)}" for k, v in named_outputs(tokens).items())
        raise ConfigError(
            f"encoder {self.handle}: takes {'; '.join(one.format() for one in found)}, but the "
            f"preprocessor gives {outputs}"
        )

    def probe(self, example: tf.Tensor, sample_rate: int) -> None:
        """Calls the module once, so that an unsuitable one is refused here by its handle.

        Args:
            example: a batch of one.
            sample_rate: of audio, in Hz; some modules take it as an input.
        """
        self.sample_rate = sample_rate
        try:
            outputs, mask = self._outputs(example, training=False)
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise ConfigError(
                f"encoder {self.handle}: cannot be called on {self.modality}, "
                f"{format_spec(example)}: {one_line(error)}"
            ) from None
        axes = int(self.batched)
        self.output = choose_output(outputs, axes, self.choice.output, self.handle)
        shape = outputs[self.output].shape
        if axes and shape[0] != 1:
            raise ConfigError(
                f"encoder {self.handle}: gives {format_spec(outputs[self.output])} "
                "for a batch of one"
            )
        self.dim = int(shape[-1])
        self.rank = shape.rank + 1 - axes
        self.pools = self.rank > 2
        self._masked = mask is not None and mask.shape[1:] == shape[1:-1]

    def __call__(self, inputs: tf.Tensor | tf.RaggedTensor, *, training: bool) -> tf.Tensor:
        """Encodes a batch to float32 `[batch, dim]`; empty waveforms become zeros."""
        is_ragged = INPUTS.variants[self.modality].is_ragged
        if self.batched and not is_ragged and self.call_signature.spec.shape[:1] != [1]:
            return tf.ensure_shape(self._encode(inputs, training), [None, self.dim])

        def encode_one(value: tf.Tensor) -> tf.Tensor:
            return tf.cond(
                tf.size(value) > 0,
                lambda: self._encode(value[tf.newaxis], training)[0],
                lambda: tf.zeros([self.dim]),
            )

        spec = tf.TensorSpec([self.dim], tf.float32)
        outputs = tf.map_fn(encode_one, inputs, fn_output_signature=spec)
        return tf.ensure_shape(outputs, [None, self.dim])

    def _encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        outputs, mask = self._outputs(inputs, training)
        output = outputs[self.output] if self.batched else outputs[self.output][tf.newaxis]
        # The graph may know less of the shape than the eager call of `probe`.
        output = tf.ensure_shape(output, [*[None] * (self.rank - 1), self.dim])
        return pool_output(output, self.choice.pool, mask if self._masked else None)

    def _outputs(
        self, inputs: tf.Tensor, training: bool
    ) -> tuple[Mapping[str, tf.Tensor], tf.Tensor | None]:
        inputs = inputs if self.batched else inputs[0]
        tokens = inputs if self.preprocessor is None else self.preprocessor(inputs)
        outputs = self.call_signature(tokens, training=training, sample_rate=self.sample_rate)
        return named_outputs(outputs), token_mask(tokens)

    def weights_to_train(self) -> tuple[tf.Variable, ...]:
        """Returns the trainable variables that the module lists, or else those that it reads.

        Raises:
            ConfigError: there is no trainable variable.
        """
        read = {id(v): v for f in self._functions() for v in f.trainable_variables}
        listed = getattr(self.loaded, "trainable_variables", ())
        weights = tuple(listed if self.call_signature.name == "call" and listed else read.values())
        if not weights:
            raise ConfigError(
                f"encoder {self.handle}: {self.call_signature.name} has no trainable variables; "
                "leave it frozen"
            )
        return weights

    def variables_read(self) -> tuple[tf.Variable, ...]:
        """Returns all variables that its functions read or write, such as moving averages."""
        return tuple({id(v): v for f in self._functions() for v in f.variables}.values())

    def _functions(self) -> list[Any]:
        if self.call_signature.name != "call":
            return [self.call_signature.function]
        return list(self.loaded.__call__.concrete_functions)

    def resources(self) -> list[Any]:
        """Returns the objects with the variables, tables and files of module and preprocessor."""
        chained = [] if self.preprocessor is None else [self.preprocessor.module]
        return [self.loaded, *chained]

    def fingerprint(self) -> str:
        """Returns a hash of the module's files, 64 hex digits."""
        return hash_files(self.folder)
