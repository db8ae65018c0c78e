"""A SavedModel of any call form behind one call: a batch of inputs in, vectors out."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.encoders.hub.call_signatures import CallForm, call_forms, choose_form, shown
from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.encoders.hub.loading import hash_files, load_frozen, load_module
from tfmmrec.encoders.hub.outputs import choose_output, named_outputs, pooled
from tfmmrec.encoders.hub.text_preprocessor import TextPreprocessor, token_mask
from tfmmrec.errors import ConfigError, one_line


class HubModule(tf.Module):
    """A module, what stands in front of it, and the form in which it is called.

    Args:
        modality: `text`, `image` or `audio`.
        handle: as `resolve` takes it.
        choice: the options of it.
        frozen: whether nobody trains it, so that several may share it.

    Attributes:
        loaded: as TensorFlow loads it.
        preprocessor: of texts, or None.
        form: how it is called.
        output: the name of the output that is taken, "" for the only one; known after `probe`.
        dim: of the vectors, likewise.
        pools: whether the output has axes to pool over, likewise.

    Raises:
        ConfigError: the handle leads to no module, or to one that does not take the modality.
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
        self.form = self._find_form()
        self.batched = self.form.is_batched(modality)

    def _find_form(self) -> CallForm:
        forms = call_forms(self.loaded, self.handle, self.choice.signature)
        if self.preprocessor is None:
            return choose_form(forms, self.modality, self.choice.input, self.handle)
        tokens = self.preprocessor(tf.constant(["a"]))
        for form in forms:
            if form.takes_tokens(tokens):
                return form
        given = ", ".join(f"{k}: {shown(v)}" for k, v in named_outputs(tokens).items())
        raise ConfigError(
            f"encoder {self.handle}: takes {'; '.join(form.listing() for form in forms)}, and the "
            f"preprocessor gives {given}"
        )

    def probe(self, example: tf.Tensor, sample_rate: int) -> None:
        """Calls the module once, so that one of another form is refused here and by name.

        Args:
            example: a batch of one.
            sample_rate: of sounds; some modules take it as an input.
        """
        self.sample_rate = sample_rate
        try:
            outputs, mask = self._outputs(example, training=False)
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise ConfigError(
                f"encoder {self.handle}: cannot be called on {self.modality}, "
                f"{shown(example)}: {one_line(error)}"
            ) from None
        axes = int(self.batched)
        self.output = choose_output(outputs, axes, self.choice.output, self.handle)
        shape = outputs[self.output].shape
        if axes and shape[0] != 1:
            raise ConfigError(
                f"encoder {self.handle}: gives {shown(outputs[self.output])} for a batch of one"
            )
        self.dim = int(shape[-1])
        self.rank = shape.rank + 1 - axes
        self.pools = self.rank > 2
        self._masked = mask is not None and mask.shape[1:] == shape[1:-1]

    def __call__(self, inputs: tf.Tensor | tf.RaggedTensor, *, training: bool) -> tf.Tensor:
        """Encodes a batch to float32 `[batch, dim]`; rows without samples to zeros."""
        if self.batched and self.modality != "audio" and self.form.spec.shape[:1] != [1]:
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
        # A graph may know less of the shape than what came when the module was tried.
        output = tf.ensure_shape(output, [*[None] * (self.rank - 1), self.dim])
        return pooled(output, self.choice.pool, mask if self._masked else None)

    def _outputs(
        self, inputs: tf.Tensor, training: bool
    ) -> tuple[Mapping[str, tf.Tensor], tf.Tensor | None]:
        inputs = inputs if self.batched else inputs[0]
        tokens = inputs if self.preprocessor is None else self.preprocessor(inputs)
        outputs = self.form(tokens, training=training, sample_rate=self.sample_rate)
        return named_outputs(outputs), token_mask(tokens)

    def weights_to_train(self) -> tuple[tf.Variable, ...]:
        """Returns the trainable variables: those that the module lists, else those that it reads.

        Raises:
            ConfigError: there are none.
        """
        read = {id(v): v for f in self._functions() for v in f.trainable_variables}
        listed = getattr(self.loaded, "trainable_variables", ())
        weights = tuple(listed if self.form.name == "call" and listed else read.values())
        if not weights:
            raise ConfigError(
                f"encoder {self.handle}: {self.form.name} has no variables that can be trained; "
                "leave it frozen"
            )
        return weights

    def variables_read(self) -> tuple[tf.Variable, ...]:
        """Returns all variables that its functions read or write, moving averages among them."""
        return tuple({id(v): v for f in self._functions() for v in f.variables}.values())

    def _functions(self) -> list[Any]:
        if self.form.name != "call":
            return [self.form.function]
        return list(self.loaded.__call__.concrete_functions)

    def resources(self) -> list[Any]:
        """What holds the variables, tables and files of the module and what is in front of it."""
        chained = [] if self.preprocessor is None else [self.preprocessor.module]
        return [self.loaded, *chained]

    def fingerprint(self) -> str:
        """Returns the hash of the module's files, 64 hex digits."""
        return hash_files(self.folder)
