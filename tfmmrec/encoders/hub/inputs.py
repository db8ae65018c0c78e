"""Prepares the inputs of modules: images of one size, waveforms of one sampling rate."""

from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.encoders.hub.call_signatures import CallSignature
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.codecs.wav import decode_wav, resample
from tfmmrec.modalities.image import decode_picture

DEFAULT_PICTURE_SIZE = 224


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
