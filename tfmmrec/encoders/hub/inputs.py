"""Prepares the inputs of modules: texts, images of one size, waveforms of one sampling rate."""

import abc
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.config.registry import Registry
from tfmmrec.encoders.hub.call_signatures import CallSignature
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.codecs.wav import decode_wav, resample
from tfmmrec.modalities.image import decode_picture

DEFAULT_PICTURE_SIZE = 224
SAMPLE_RATE = 16_000
MAX_SECONDS = 10.0
# Length of the test waveform: several frames of any encoder of frames.
_PROBE_SECONDS = 2


class ModuleInputs(abc.ABC):
    """Converts stored values to the inputs of a module, one subclass per family of encoders.

    Args:
        module: the loaded module.
        call_signature: the call signature in use.
        choice: the options of the encoder.
        handle: the handle of the module, for error messages.

    Attributes:
        kind: the family of encoders, set by `INPUTS.register`.
        is_ragged: whether inputs differ in length, so that they are encoded one at a time.
        sample_rate: the sampling rate of waveforms in Hz, which some modules take as an input.
    """

    kind: ClassVar[str]
    is_ragged: ClassVar[bool] = False
    sample_rate: int = SAMPLE_RATE

    def __init__(
        self, module: Any, call_signature: CallSignature, choice: EncoderConfig, handle: str
    ):
        self.call_signature = call_signature

    @abc.abstractmethod
    def prepare(self, values: tf.Tensor) -> tf.Tensor | tf.RaggedTensor:
        """Decodes, resizes and resamples stored values, string `[batch]`."""

    @abc.abstractmethod
    def example(self) -> tf.Tensor:
        """Returns an input with a batch of one, for a test call of the module."""

    def options(self) -> dict[str, Any]:
        """Returns the options of the preparation, on which encodings depend."""
        return {}

    def non_defaults(self) -> dict[str, Any]:
        """Returns further options on which encodings depend, if they differ from the default."""
        return {}

    def properties(self) -> dict[str, Any]:
        """Returns properties of the prepared inputs, which the augmentation needs."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Returns the options that a run stores, as JSON."""
        return self.options()

    def summary(self) -> str:
        """Returns the preparation in a few words for people, "" for none."""
        return ""


INPUTS: Registry[ModuleInputs] = Registry("encoders")


@INPUTS.register("text")
class TextInputs(ModuleInputs):
    """Passes UTF-8 strings to the module unchanged."""

    def prepare(self, values: tf.Tensor) -> tf.Tensor:
        return values

    def example(self) -> tf.Tensor:
        return tf.constant(["a"])


@INPUTS.register("image")
class ImageInputs(ModuleInputs):
    """Decodes images and resizes them: float32 `[batch, height, width, 3]`."""

    def __init__(
        self, module: Any, call_signature: CallSignature, choice: EncoderConfig, handle: str
    ):
        super().__init__(module, call_signature, choice, handle)
        self.image_size = choose_image_size(module, call_signature, choice, handle)
        is_integer = call_signature.spec.dtype.is_integer
        low, high = choice.value_range or ((0, 255) if is_integer else (0, 1))
        self.value_range = (low, high)

    @property
    def picture_size(self) -> int | list[int]:
        """The side of the square to which images are resized, or the height and width."""
        height, width = self.image_size
        return height if height == width else [height, width]

    def prepare(self, values: tf.Tensor) -> tf.Tensor:
        return prepare_images(values, self.image_size, self.value_range)

    def example(self) -> tf.Tensor:
        return tf.fill([1, *self.image_size, 3], float(self.value_range[1]))

    def options(self) -> dict[str, Any]:
        return {"picture_size": self.picture_size}

    def non_defaults(self) -> dict[str, Any]:
        return {} if self.value_range == (0, 1) else {"value_range": list(self.value_range)}

    def describe(self) -> dict[str, Any]:
        return {**self.options(), "value_range": list(self.value_range)}

    def properties(self) -> dict[str, Any]:
        low, high = self.value_range
        return {"value_range": (float(low), float(high))}

    def summary(self) -> str:
        low, high = self.value_range
        return f" at {self.image_size[0]} x {self.image_size[1]} in [{low:g}, {high:g}]"


@INPUTS.register("audio")
class AudioInputs(ModuleInputs):
    """Decodes, truncates and resamples waveforms: ragged float32 `[batch, (samples)]`."""

    is_ragged = True

    def __init__(
        self, module: Any, call_signature: CallSignature, choice: EncoderConfig, handle: str
    ):
        super().__init__(module, call_signature, choice, handle)
        self.sample_rate = choice.sample_rate or SAMPLE_RATE
        self.max_seconds = float(choice.max_seconds or MAX_SECONDS)
        shape = call_signature.spec.shape
        self.samples = shape[-1] if shape.rank else None

    def prepare(self, values: tf.Tensor) -> tf.RaggedTensor:
        return prepare_waveforms(values, self.sample_rate, self.max_seconds, self.samples)

    def example(self) -> tf.Tensor:
        return tf.zeros([1, self.samples or _PROBE_SECONDS * self.sample_rate])

    def options(self) -> dict[str, Any]:
        return {"sample_rate": self.sample_rate, "max_seconds": self.max_seconds}

    def summary(self) -> str:
        return f" at {self.sample_rate} Hz, at most {self.max_seconds:g} s"


def prepare_images(
    values: tf.Tensor, size: tuple[int, int], value_range: tuple[float, float]
) -> tf.Tensor:
    """Decodes images and resizes them with anti-aliasing.

    Args:
        values: bytes of image files, string `[batch]`; "" (absent) becomes a white image.
        size: height and width in pixels.
        value_range: values of black and white.

    Returns:
        float32 `[batch, height, width, 3]`.
    """
    low, high = value_range

    def decode(data: tf.Tensor) -> tf.Tensor:
        image = tf.cond(
            tf.strings.length(data) > 0,
            lambda: tf.image.resize(decode_picture(data), size, antialias=True),
            lambda: tf.ones([*size, 3]),
        )
        return image if (low, high) == (0, 1) else low + (high - low) * image

    return tf.map_fn(decode, values, fn_output_signature=tf.TensorSpec([*size, 3], tf.float32))


def prepare_waveforms(
    values: tf.Tensor, rate: int, max_seconds: float, samples: int | None
) -> tf.RaggedTensor:
    """Decodes, truncates and resamples waveforms.

    Args:
        values: bytes of 16-bit PCM WAV files, string `[batch]`; "" (absent) has no samples.
        rate: target sampling rate in Hz.
        max_seconds: maximum length; the rest of a waveform is dropped.
        samples: fixed length of the module's input, to which waveforms are truncated or padded
            with zeros; None keeps their length.

    Returns:
        Ragged float32 `[batch, (samples)]`.
    """

    def decode(data: tf.Tensor) -> tf.Tensor:
        waveform, own_rate = decode_wav(data)
        longest = tf.cast(max_seconds * tf.cast(own_rate, tf.float32), tf.int32)
        waveform = resample(waveform[:longest], own_rate, rate)
        if samples is not None:
            waveform = waveform[:samples]
            missing = tf.where(tf.size(waveform) > 0, samples - tf.size(waveform), 0)
            waveform = tf.pad(waveform, [[0, missing]])
        return waveform

    spec = tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0)
    return tf.map_fn(decode, values, fn_output_signature=spec)


def choose_image_size(
    module: Any, call_signature: CallSignature, choice: EncoderConfig, handle: str
) -> tuple[int, int]:
    """Chooses the height and width of a module's input images, in pixels.

    They are those of the call signature if it fixes them, else `picture_size`, else those of any
    signature that fixes them, else 224.

    Raises:
        ConfigError: `picture_size` differs from the size that the call signature fixes.
    """
    size = choice.picture_size
    requested = size if isinstance(size, tuple) else (size, size)
    fixed = _height_and_width(call_signature.spec)
    if any(one and two and one != two for one, two in zip(fixed, requested, strict=True)):
        raise ConfigError(
            f"encoder {handle}: picture_size {size} does not fit {call_signature.format()}; "
            "leave it out"
        )
    signatures = getattr(module, "signatures", {}).values()
    specs = [s for f in signatures for s in f.structured_input_signature[1].values()]
    usual = next((_height_and_width(spec) for spec in specs if spec.shape.rank == 4), (None, None))
    height, width = (
        next((size for size in sizes if size), DEFAULT_PICTURE_SIZE)
        for sizes in zip(fixed, requested, usual, strict=True)
    )
    return height, width


def _height_and_width(spec: tf.TensorSpec) -> tuple[int | None, int | None]:
    if spec.shape.rank is None:
        return None, None
    height, width = spec.shape[-3:-1]
    return height, width
