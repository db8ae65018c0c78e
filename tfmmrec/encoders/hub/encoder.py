"""The adapter of SavedModels (TF Hub or built-in) as text, image and audio encoders."""

import contextlib
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.data.storage import fingerprint as hash_content
from tfmmrec.distribute import strategies
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.hub.call_signatures import format_spec
from tfmmrec.encoders.hub.inputs import INPUTS
from tfmmrec.encoders.hub.module import HubModule


class HubEncoder(FeatureEncoder):
    """Encodes raw values (texts, image files, WAV files) with a TF2 SavedModel.

    How the module is called and which output is the encoding are found by inspection (see
    `find_call_signatures` and `choose_output`); the options state what inspection cannot find.
    Images are resized with anti-aliasing. Audio is resampled, truncated and encoded one waveform
    at a time, since the padding of a batch would change the encoding of an encoder that pools.

    `encode` is `prepare` followed by `forward`. For fine-tuning, `prepare` runs in the input
    pipeline and `forward` in the training step.

    Args:
        modality: `text`, `image` or `audio`.
        handle: a folder, a .tar.gz or a URL; see `handles.resolve`.
        fingerprint: identifies the weights (default: the hash of the module's files).
        trainable: whether it is fine-tuned, i.e. has `trainable_variables`.
        **options: those of `EncoderConfig`, such as `picture_size`.

    Attributes:
        inputs: converts stored values to the inputs of the module.
        dim: length of the encoding.

    Raises:
        ConfigError: there is no module at the handle, or it cannot be called or trained.
    """

    def __init__(
        self,
        modality: str,
        handle: str,
        *,
        fingerprint: str | None = None,
        trainable: bool = False,
        **options: Any,
    ):
        super().__init__()
        self.modality = modality
        self.handle = handle
        self.trainable = trainable
        choice = EncoderConfig(f"hub:{handle}", **options)
        # Trainable variables are mirrored on each device of the strategy.
        with strategies.current_strategy().scope() if trainable else contextlib.nullcontext():
            self.module = HubModule(modality, handle, choice, frozen=not trainable)
        self.inputs = INPUTS.variants[modality](
            self.module.loaded, self.module.call_signature, choice, handle
        )
        self.module.probe(self.inputs.example(), self.inputs.sample_rate)
        self.dim = self.module.dim
        self._weights = self.module.weights_to_train() if trainable else ()
        self.fingerprint = self._hash(fingerprint or self.module.fingerprint())

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """The variables that are fine-tuned; none for a frozen encoder."""
        return tuple(self._weights)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        return self.forward(self.prepare(values))

    def prepare(self, values: tf.Tensor) -> tf.Tensor | tf.RaggedTensor:
        """Decodes, resizes and resamples stored values; it has no trainable part.

        Returns:
            For texts: string `[batch]`. For images: float32 `[batch, height, width, 3]` in the
            value range of the module. For audio: ragged float32 `[batch, (samples)]`, without
            padding. Absent values become "", white images and empty waveforms.
        """
        return self.inputs.prepare(values)

    def forward(self, inputs: tf.Tensor | tf.RaggedTensor, training: bool = False) -> tf.Tensor:
        """Runs the module; differentiable with respect to its weights.

        Args:
            inputs: the result of `prepare`.
            training: whether dropout and the like are active; ignored by a frozen encoder.

        Returns:
            float32 `[batch, dim]`.
        """
        return self.module(inputs, training=training and self.trainable)

    def resources(self) -> Any:
        return self.module.resources()

    def _hash(self, weights: str) -> str:
        preprocessor = self.module.preprocessor
        return hash_content(
            [
                self.modality,
                weights,
                self.inputs.options(),
                self._non_defaults(),
                preprocessor.fingerprint if preprocessor is not None else None,
            ]
        )

    def _non_defaults(self) -> dict[str, Any]:
        """Returns the non-default options that the encodings depend on."""
        module = self.module
        options = self.inputs.non_defaults()
        if module.call_signature.name != "call":
            options["signature"] = module.call_signature.name
        if module.choice.input is not None:
            options["input"] = module.choice.input
        if module.output:
            options["output"] = module.output
        if module.pools:
            options["pool"] = module.choice.pool
        return options

    def describe(self) -> dict[str, Any]:
        signature, preprocessor = self.module.call_signature, self.module.preprocessor
        description = {
            **super().describe(),
            "handle": self.handle,
            "dim": self.dim,
            "signature": signature.name,
            "inputs": {name: format_spec(spec) for name, spec in signature.specs.items()},
            **self._non_defaults(),
            **self.inputs.describe(),
        }
        if preprocessor is not None:
            description["preprocessor"] = preprocessor.handle
        return description

    def summary(self) -> str:
        module = self.module
        line = module.call_signature.format()
        if module.preprocessor is not None:
            line = f"{module.preprocessor.call_signature.format()}, then {line}"
        line += self.inputs.summary()
        output = f"output {module.output}, " if module.output else ""
        pool = f", {module.choice.pool} over its other axes" if module.pools else ""
        return f"{line}, gives {output}dim {self.dim}{pool}"
