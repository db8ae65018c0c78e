"""The one adapter through which every text, image and audio encoder is called."""

import contextlib
import hashlib
import json
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.distribute import strategies
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.hub.call_signatures import shown
from tfmmrec.encoders.hub.inputs import picture_sides, prepare_pictures, prepare_waveforms
from tfmmrec.encoders.hub.module import HubModule

SAMPLE_RATE = 16_000
MAX_SECONDS = 10.0
# Of the sound that an encoder is tried with: several frames of any encoder of frames.
_PROBE_SECONDS = 2


class HubEncoder(FeatureEncoder):
    """A TF2 SavedModel behind raw values: text, picture files, WAV files.

    How it is called and which of its outputs is the embedding is found by looking at it
    (`call_forms`, `outputs`); what cannot be seen, the options say. Pictures are resized with
    anti-aliasing; sounds are resampled, cut to their first seconds and encoded one at a time, since
    the padding of a batch would change what a pooled encoder says.

    `encode` is `forward` of `prepare`: to train it, run the second in the data and the first in
    the step.

    Args:
        modality: `text`, `image` or `audio`.
        handle: a folder, a .tar.gz or an address; see `handles.resolve`.
        fingerprint: names the module's weights; by default, the hash of its files.
        trainable: whether it has `trainable_variables`, and `forward` may be called for training.
        **options: those of `EncoderConfig`, such as `picture_size`.

    Attributes:
        dim: of the vectors.

    Raises:
        ConfigError: the handle leads to no module, or to one that cannot be called or trained.
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
        # What is trained has a copy on each device that trains.
        with strategies.current().scope() if trainable else contextlib.nullcontext():
            self.module = HubModule(modality, handle, choice, frozen=not trainable)
        spec = self.module.form.spec
        self.sample_rate = choice.sample_rate or SAMPLE_RATE
        self.max_seconds = float(choice.max_seconds or MAX_SECONDS)
        self.value_range = choice.value_range or ((0, 255) if spec.dtype.is_integer else (0, 1))
        if modality == "image":
            self.sides = picture_sides(self.module.loaded, self.module.form, choice, handle)
        self.samples = spec.shape[-1] if modality == "audio" and spec.shape.rank else None
        self.module.probe(self._example(), self.sample_rate)
        self.dim = self.module.dim
        self._weights = self.module.weights_to_train() if trainable else ()
        self.fingerprint = self._hash(fingerprint or self.module.fingerprint())

    @property
    def picture_size(self) -> int | list[int]:
        """The side of the square that pictures are resized to, or its height and width."""
        height, width = self.sides
        return height if height == width else [height, width]

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """What `forward` has gradients for; nothing of a frozen encoder."""
        return tuple(self._weights)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        return self.forward(self.prepare(values))

    def prepare(self, values: tf.Tensor) -> tf.Tensor | tf.RaggedTensor:
        """Decodes stored values, resizes, resamples; nothing in it is trained.

        Returns:
            Strings `[batch]` of texts; float32 `[batch, height, width, 3]` of pictures, in the
            module's range of values; float32 `[batch, (samples)]` of sounds, ragged, so that none
            is padded. Absent ones are "", white, and without samples.
        """
        if self.modality == "text":
            return values
        if self.modality == "image":
            return prepare_pictures(values, self.sides, self.value_range)
        return prepare_waveforms(values, self.sample_rate, self.max_seconds, self.samples)

    def forward(self, inputs: tf.Tensor | tf.RaggedTensor, training: bool = False) -> tf.Tensor:
        """Runs the module; differentiable by its weights.

        Args:
            inputs: as `prepare` gives them.
            training: whether dropout and the like are on; a frozen encoder never has them on.

        Returns:
            float32 `[batch, dim]`.
        """
        return self.module(inputs, training=training and self.trainable)

    def _example(self) -> tf.Tensor:
        if self.modality == "text":
            return tf.constant(["a"])
        if self.modality == "image":
            return tf.fill([1, *self.sides, 3], float(self.value_range[1]))
        return tf.zeros([1, self.samples or _PROBE_SECONDS * self.sample_rate])

    def resources(self) -> Any:
        return self.module.resources()

    def _hash(self, weights: str) -> str:
        content: list[Any] = [self.modality, weights, self._preprocessing()]
        special = self._special()
        if self.module.preprocessor is not None:
            special["preprocessor"] = self.module.preprocessor.fingerprint
        # A plain module's name stays what it was before there were other forms.
        content += [special] if special else []
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _preprocessing(self) -> dict[str, Any]:
        if self.modality == "image":
            return {"picture_size": self.picture_size}
        if self.modality == "audio":
            return {"sample_rate": self.sample_rate, "max_seconds": self.max_seconds}
        return {}

    def _special(self) -> dict[str, Any]:
        """What else the outputs depend on, where it is not as with a plain module."""
        module = self.module
        special: dict[str, Any] = {}
        if self.modality == "image" and tuple(self.value_range) != (0, 1):
            special["value_range"] = list(self.value_range)
        if module.form.name != "call":
            special["signature"] = module.form.name
        if module.choice.input is not None:
            special["input"] = module.choice.input
        if module.output:
            special["output"] = module.output
        if module.pools:
            special["pool"] = module.choice.pool
        return special

    def describe(self) -> dict[str, Any]:
        form, preprocessor = self.module.form, self.module.preprocessor
        description = {
            **super().describe(),
            "handle": self.handle,
            "dim": self.dim,
            "form": form.name,
            "inputs": {name: shown(spec) for name, spec in form.specs.items()},
            **self._preprocessing(),
            **self._special(),
        }
        if self.modality == "image":
            description["value_range"] = list(self.value_range)
        if preprocessor is not None:
            description["preprocessor"] = preprocessor.handle
        return description

    def summary(self) -> str:
        module = self.module
        line = module.form.listing()
        if module.preprocessor is not None:
            line = f"{module.preprocessor.form.listing()} before {line}"
        if self.modality == "image":
            low, high = self.value_range
            line += f" at {self.sides[0]} x {self.sides[1]} in [{low:g}, {high:g}]"
        elif self.modality == "audio":
            line += f" at {self.sample_rate} Hz, at most {self.max_seconds:g} s"
        given = f"output {module.output}, " if module.output else ""
        pool = f", {module.choice.pool} over its other axes" if module.pools else ""
        return f"{line}, gives {given}dim {self.dim}{pool}"
