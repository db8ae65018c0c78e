"""The adapter of SavedModels (TF Hub or built-in) as text, image and audio encoders."""

import contextlib
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.data.storage import fingerprint as hash_content
from tfmmrec.distribute import strategies
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.hub.call_signatures import format_spec
from tfmmrec.encoders.hub.inputs import choose_image_size, prepare_images, prepare_waveforms
from tfmmrec.encoders.hub.module import HubModule

SAMPLE_RATE = 16_000
MAX_SECONDS = 10.0
# Length of the test waveform: several frames of any encoder of frames.
_PROBE_SECONDS = 2


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
        spec = self.module.call_signature.spec
        self.sample_rate = choice.sample_rate or SAMPLE_RATE
        self.max_seconds = float(choice.max_seconds or MAX_SECONDS)
        self.value_range = choice.value_range or ((0, 255) if spec.dtype.is_integer else (0, 1))
        if modality == "image":
            self.image_size = choose_image_size(
                self.module.loaded, self.module.call_signature, choice, handle
            )
        self.samples = spec.shape[-1] if modality == "audio" and spec.shape.rank else None
        self.module.probe(self._example(), self.sample_rate)
        self.dim = self.module.dim
        self._weights = self.module.weights_to_train() if trainable else ()
        self.fingerprint = self._hash(fingerprint or self.module.fingerprint())

    @property
    def picture_size(self) -> int | list[int]:
        """The side of the square to which images are resized, or the height and width."""
        height, width = self.image_size
        return height if height == width else [height, width]

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
        if self.modality == "text":
            return values
        if self.modality == "image":
            return prepare_images(values, self.image_size, self.value_range)
        return prepare_waveforms(values, self.sample_rate, self.max_seconds, self.samples)

    def forward(self, inputs: tf.Tensor | tf.RaggedTensor, training: bool = False) -> tf.Tensor:
        """Runs the module; differentiable with respect to its weights.

        Args:
            inputs: the result of `prepare`.
            training: whether dropout and the like are active; ignored by a frozen encoder.

        Returns:
            float32 `[batch, dim]`.
        """
        return self.module(inputs, training=training and self.trainable)

    def _example(self) -> tf.Tensor:
        if self.modality == "text":
            return tf.constant(["a"])
        if self.modality == "image":
            return tf.fill([1, *self.image_size, 3], float(self.value_range[1]))
        return tf.zeros([1, self.samples or _PROBE_SECONDS * self.sample_rate])

    def resources(self) -> Any:
        return self.module.resources()

    def _hash(self, weights: str) -> str:
        preprocessor = self.module.preprocessor
        return hash_content(
            [
                self.modality,
                weights,
                self._preprocessing(),
                self._non_defaults(),
                preprocessor.fingerprint if preprocessor is not None else None,
            ]
        )

    def _preprocessing(self) -> dict[str, Any]:
        if self.modality == "image":
            return {"picture_size": self.picture_size}
        if self.modality == "audio":
            return {"sample_rate": self.sample_rate, "max_seconds": self.max_seconds}
        return {}

    def _non_defaults(self) -> dict[str, Any]:
        """Returns the non-default options that the encodings depend on."""
        module = self.module
        options: dict[str, Any] = {}
        if self.modality == "image" and tuple(self.value_range) != (0, 1):
            options["value_range"] = list(self.value_range)
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
            **self._preprocessing(),
            **self._non_defaults(),
        }
        if self.modality == "image":
            description["value_range"] = list(self.value_range)
        if preprocessor is not None:
            description["preprocessor"] = preprocessor.handle
        return description

    def summary(self) -> str:
        module = self.module
        line = module.call_signature.format()
        if module.preprocessor is not None:
            line = f"{module.preprocessor.call_signature.format()}, then {line}"
        if self.modality == "image":
            low, high = self.value_range
            line += f" at {self.image_size[0]} x {self.image_size[1]} in [{low:g}, {high:g}]"
        elif self.modality == "audio":
            line += f" at {self.sample_rate} Hz, at most {self.max_seconds:g} s"
        output = f"output {module.output}, " if module.output else ""
        pool = f", {module.choice.pool} over its other axes" if module.pools else ""
        return f"{line}, gives {output}dim {self.dim}{pool}"
