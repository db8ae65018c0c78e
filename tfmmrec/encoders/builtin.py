"""The built-in encoders by modality, and how they are saved."""

import hashlib
import json
from pathlib import Path

import tensorflow as tf

from tfmmrec.encoders.builtin_audio import BuiltinAudio
from tfmmrec.encoders.builtin_image import BuiltinImage
from tfmmrec.encoders.builtin_text import BuiltinText
from tfmmrec.errors import ConfigError
from tfmmrec.folders import whole_folder

BUILTIN: dict[str, type[tf.Module]] = {
    "text": BuiltinText,
    "image": BuiltinImage,
    "audio": BuiltinAudio,
}

# The weights are drawn from it, and are the same on every machine.
SEED = 0


def builtin_fingerprint(modality: str) -> str:
    """Returns a hash of the encoder's name, version and seed, 64 hex digits.

    The bytes of a SavedModel differ from one saving to the next, and the weights do not: equal
    fingerprints give equal vectors, so that a cache is found again on another machine.

    Raises:
        ConfigError: the modality has no built-in encoder.
    """
    encoder = _encoder_class(modality)
    content = json.dumps([encoder.__name__, encoder.version, SEED])
    return hashlib.sha256(content.encode()).hexdigest()


def save_builtin(modality: str, folder: Path) -> Path:
    """Saves a built-in encoder as a TF2 SavedModel that hub.KerasLayer loads, and can train.

    It is written in a temporary folder beside `folder` and then renamed, so that `folder` is whole
    or not there. A folder that stands there gives way.

    Returns:
        `folder`.

    Raises:
        ConfigError: the modality has no built-in encoder.
        DataError: the folder cannot be written.
    """
    encoder = _encoder_class(modality)(seed=SEED)
    for training in (True, False):
        concrete = encoder.__call__.get_concrete_function(encoder.input_spec, training=training)
    with whole_folder(Path(folder), replace=True) as partial:
        tf.saved_model.save(encoder, str(partial), signatures=concrete)
    return Path(folder)


def _encoder_class(modality: str) -> type[tf.Module]:
    if modality not in BUILTIN:
        raise ConfigError(
            f"modality {modality!r} has no built-in encoder; there are {', '.join(BUILTIN)}"
        )
    return BUILTIN[modality]
