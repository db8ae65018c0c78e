"""Stored values become what modules take: pictures of one size, waveforms of one rate."""

from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig
from tfmmrec.encoders.hub.call_signatures import CallForm
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.codecs.wav import decode_wav, resample
from tfmmrec.modalities.image import decode_picture

DEFAULT_PICTURE_SIZE = 224


def prepare_pictures(
    values: tf.Tensor, size: tuple[int, int], value_range: tuple[float, float]
) -> tf.Tensor:
    """Decodes pictures and resizes them with anti-aliasing.

    Args:
        values: the bytes of picture files, string `[batch]`; "" (absent) becomes white.
        size: height and width.
        value_range: what black and white are.

    Returns:
        float32 `[batch, height, width, 3]`.
    """
    low, high = value_range

    def decode(data: tf.Tensor) -> tf.Tensor:
        picture = tf.cond(
            tf.strings.length(data) > 0,
            lambda: tf.image.resize(decode_picture(data), size, antialias=True),
            lambda: tf.ones([*size, 3]),
        )
        return picture if (low, high) == (0, 1) else low + (high - low) * picture

    return tf.map_fn(decode, values, fn_output_signature=tf.TensorSpec([*size, 3], tf.float32))


def prepare_waveforms(
    values: tf.Tensor, rate: int, max_seconds: float, samples: int | None
) -> tf.RaggedTensor:
    """Decodes sounds, cuts them and resamples them.

    Args:
        values: the bytes of 16-bit PCM WAV files, string `[batch]`; "" (absent) has no samples.
        rate: the wanted rate in Hz.
        max_seconds: what is kept of each sound, from its beginning.
        samples: the one length that a module takes, to which sounds are cut or filled up with
            zeros; None leaves them as long as they are.

    Returns:
        float32 `[batch, (samples)]`.
    """

    def decode(data: tf.Tensor) -> tf.Tensor:
        waveform, found = decode_wav(data)
        longest = tf.cast(max_seconds * tf.cast(found, tf.float32), tf.int32)
        waveform = resample(waveform[:longest], found, rate)
        if samples is not None:
            waveform = waveform[:samples]
            missing = tf.where(tf.size(waveform) > 0, samples - tf.size(waveform), 0)
            waveform = tf.pad(waveform, [[0, missing]])
        return waveform

    spec = tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0)
    return tf.map_fn(decode, values, fn_output_signature=spec)


def picture_sides(
    module: Any, form: CallForm, choice: EncoderConfig, handle: str
) -> tuple[int, int]:
    """Returns the height and width of the pictures that a module gets.

    They are what it fixes, else what the choice says, else what a signature of it fixes though
    the module itself takes others, else 224.

    Raises:
        ConfigError: the choice says another size than the module fixes.
    """
    size = choice.picture_size
    asked = size if isinstance(size, tuple) else (size, size)
    fixed = _sides(form.spec)
    if any(have and want and have != want for have, want in zip(fixed, asked, strict=True)):
        raise ConfigError(
            f"encoder {handle}: picture_size {size} does not fit {form.listing()}; leave it out"
        )
    signatures = getattr(module, "signatures", {}).values()
    specs = [s for f in signatures for s in f.structured_input_signature[1].values()]
    usual = next((_sides(spec) for spec in specs if spec.shape.rank == 4), (None, None))
    height, width = (
        next((side for side in sides if side), DEFAULT_PICTURE_SIZE)
        for sides in zip(fixed, asked, usual, strict=True)
    )
    return height, width


def _sides(spec: tf.TensorSpec) -> tuple[int | None, int | None]:
    if spec.shape.rank is None:
        return None, None
    height, width = spec.shape[-3:-1]
    return height, width
