"""The one adapter through which every text, image and audio encoder is called."""

import hashlib
import json
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_hub as hub

from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.image import decode_picture
from tfmmrec.modalities.waveform import decode_wav, resample

DEFAULT_PICTURE_SIZE = 224
SAMPLE_RATE = 16_000
MAX_SECONDS = 10.0


class HubEncoder(FeatureEncoder):
    """A frozen TF2 SavedModel behind raw values: text, picture files, WAV files.

    The module takes strings `[batch]` (text), pictures `[batch, height, width, 3]` in [0, 1]
    (image) or mono waveforms `[batch, samples]` (audio), and gives float `[batch, dim]`.
    Pictures are resized with anti-aliasing; sounds are resampled, cut to their first seconds and
    encoded one at a time, since the padding of a batch would change what a pooled encoder says.

    Args:
        modality: `text`, `image` or `audio`.
        handle: a local folder or an address that tensorflow_hub resolves.
        fingerprint: names the module's weights; by default, the hash of its files.
        picture_size: height and width of pictures; by default what the module asks for, else 224.
        sample_rate: the rate of waveforms in Hz.
        max_seconds: sounds are cut to this length.

    Raises:
        ConfigError: the handle leads to no module, or to one of another form.
    """

    def __init__(
        self,
        modality: str,
        handle: str,
        *,
        fingerprint: str | None = None,
        picture_size: int | None = None,
        sample_rate: int = SAMPLE_RATE,
        max_seconds: float = MAX_SECONDS,
    ):
        super().__init__()
        self.modality = modality
        self.handle = handle
        self.sample_rate = sample_rate
        self.max_seconds = max_seconds
        folder = resolve(handle)
        self.module = _load(folder, handle)
        self.picture_size = picture_size or _fixed_picture_size(self.module)
        preprocessing: dict[str, Any] = {}
        if modality == "image":
            preprocessing = {"picture_size": self.picture_size}
        elif modality == "audio":
            preprocessing = {"sample_rate": sample_rate, "max_seconds": max_seconds}
        self.preprocessing = preprocessing
        content = [modality, fingerprint or _hash_files(folder), preprocessing]
        self.fingerprint = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        self.dim = self._probe()

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        if self.modality == "text":
            outputs = self._call(values)
        elif self.modality == "image":
            outputs = self._call(self._pictures(values))
        else:
            outputs = tf.map_fn(
                self._encode_sound,
                values,
                fn_output_signature=tf.TensorSpec([self.dim], tf.float32),
            )
        return tf.ensure_shape(outputs, [None, self.dim])

    def _call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.module(inputs, training=False), tf.float32)

    def _pictures(self, values: tf.Tensor) -> tf.Tensor:
        shape = [self.picture_size, self.picture_size, 3]

        def decode(data: tf.Tensor) -> tf.Tensor:
            return tf.cond(
                tf.strings.length(data) > 0,
                lambda: tf.image.resize(decode_picture(data), shape[:2], antialias=True),
                lambda: tf.ones(shape),
            )

        return tf.map_fn(decode, values, fn_output_signature=tf.TensorSpec(shape, tf.float32))

    def _encode_sound(self, data: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            tf.strings.length(data) > 0,
            lambda: self._call(self._waveform(data)[tf.newaxis])[0],
            lambda: tf.zeros([self.dim]),
        )

    def _waveform(self, data: tf.Tensor) -> tf.Tensor:
        waveform, rate = decode_wav(data)
        longest = tf.cast(self.max_seconds * tf.cast(rate, tf.float32), tf.int32)
        return resample(waveform[:longest], rate, self.sample_rate)

    def _probe(self) -> int:
        """Encodes one value, so that a module of another form is refused here and by name."""
        size = self.picture_size
        example = {
            "text": lambda: tf.constant(["a"]),
            "image": lambda: tf.ones([1, size, size, 3]),
            "audio": lambda: tf.zeros([1, self.sample_rate]),
        }[self.modality]()
        try:
            output = self._call(example)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ConfigError(
                f"encoder {self.handle}: cannot be called on {self.modality} of shape "
                f"{example.shape} and type {example.dtype.name}: {reason}"
            ) from None
        if output.shape.rank != 2:
            raise ConfigError(
                f"encoder {self.handle}: gives shape {output.shape}; [batch, dim] is needed"
            )
        return int(output.shape[-1])

    def resources(self) -> Any:
        return self.module.resolved_object

    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(),
            "handle": self.handle,
            "dim": self.dim,
            **self.preprocessing,
        }


def resolve(handle: str) -> Path:
    """Returns the local folder of a module; an address is fetched into TFHUB_CACHE_DIR.

    Raises:
        ConfigError: there is no such folder, or the address does not answer.
    """
    if "://" not in handle and not Path(handle).is_dir():
        raise ConfigError(f"encoder {handle}: there is no such folder; give a folder or an address")
    try:
        folder = Path(hub.resolve(handle))
    except Exception as error:  # urllib, tarfile and tf.io each raise their own.
        raise ConfigError(f"encoder {handle}: cannot be fetched: {error}") from None
    if not (folder / "saved_model.pb").is_file():
        raise ConfigError(f"encoder {handle}: the folder holds no saved_model.pb")
    return folder


def _load(folder: Path, handle: str) -> hub.KerasLayer:
    try:
        return hub.KerasLayer(str(folder), trainable=False)
    except (ValueError, OSError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"encoder {handle}: cannot be loaded: {reason}") from None


def _fixed_picture_size(module: hub.KerasLayer) -> int:
    """Reads the height that an image module's signature fixes; free sizes get the default."""
    signatures = getattr(module.resolved_object, "signatures", {})
    for signature in signatures.values():
        for spec in signature.structured_input_signature[1].values():
            if spec.shape.rank == 4 and spec.shape[1]:
                return int(spec.shape[1])
    return DEFAULT_PICTURE_SIZE


def _hash_files(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
