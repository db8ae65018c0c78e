"""The built-in encoders by modality and variant, and how they are saved."""

import hashlib
import json
from pathlib import Path

import tensorflow as tf

from tfmmrec.data.storage import atomic_folder
from tfmmrec.encoders.builtin.audio_cnn import BuiltinAudioCnn
from tfmmrec.encoders.builtin.audio_filters import BuiltinAudio
from tfmmrec.encoders.builtin.hashed_text import BuiltinText
from tfmmrec.encoders.builtin.image_cnn import BuiltinImageCnn
from tfmmrec.encoders.builtin.image_filters import BuiltinImage
from tfmmrec.encoders.builtin.text_lstm import BuiltinLstm
from tfmmrec.encoders.builtin.text_transformer import BuiltinTransformer
from tfmmrec.errors import ConfigError

# The variant "" is what `builtin` alone means.
BUILTIN: dict[str, dict[str, type[tf.Module]]] = {
    "text": {"": BuiltinText, "lstm": BuiltinLstm, "transformer": BuiltinTransformer},
    "image": {"": BuiltinImage, "cnn": BuiltinImageCnn},
    "audio": {"": BuiltinAudio, "cnn": BuiltinAudioCnn},
}

# The weights are drawn from it, and are the same on every machine.
SEED = 0


def builtin_choices(modality: str) -> dict[str, str]:
    """Returns the variants of a modality by what a training file calls them, `builtin:lstm`."""
    return {f"builtin:{name}" if name else "builtin": name for name in BUILTIN.get(modality, {})}


def builtin_variant(choice: str, modality: str) -> str:
    """Returns the variant that a choice such as `builtin` or `builtin:lstm` means.

    Raises:
        ConfigError: there is no such encoder.
    """
    choices = builtin_choices(modality)
    if choice not in choices:
        raise ConfigError(
            f"there is no {choice} for {modality}; there are {', '.join(choices) or 'none'}"
        )
    return choices[choice]


def builtin_is_untrained(choice: str, modality: str) -> bool:
    """Tells whether a choice is a built-in encoder that says little before it has been trained."""
    variant = builtin_choices(modality).get(choice)
    return variant is not None and BUILTIN[modality][variant].from_scratch


def builtin_fingerprint(modality: str, variant: str = "") -> str:
    """Returns a hash of the encoder's name, version and seed, 64 hex digits.

    The bytes of a SavedModel differ from one saving to the next, and the weights do not: equal
    fingerprints give equal vectors, so that a cache is found again on another machine.

    Raises:
        ConfigError: there is no such encoder.
    """
    encoder = _encoder_class(modality, variant)
    content = json.dumps([encoder.__name__, encoder.version, SEED])
    return hashlib.sha256(content.encode()).hexdigest()


def save_builtin(modality: str, folder: Path, *, variant: str = "") -> Path:
    """Saves a built-in encoder as a TF2 SavedModel that hub.KerasLayer loads, and can train.

    It is written in a temporary folder beside `folder` and then renamed, so that `folder` is whole
    or not there. A folder that stands there gives way.

    Returns:
        `folder`.

    Raises:
        ConfigError: there is no such encoder.
        DataError: the folder cannot be written.
    """
    encoder = _encoder_class(modality, variant)(seed=SEED)
    for training in (True, False):
        concrete = encoder.__call__.get_concrete_function(encoder.input_spec, training=training)
    with atomic_folder(Path(folder), replace=True) as partial:
        tf.saved_model.save(encoder, str(partial), signatures=concrete)
    return Path(folder)


def _encoder_class(modality: str, variant: str) -> type[tf.Module]:
    if modality not in BUILTIN:
        raise ConfigError(
            f"modality {modality!r} has no built-in encoder; there are {', '.join(BUILTIN)}"
        )
    return BUILTIN[modality][
        builtin_variant(f"builtin:{variant}" if variant else "builtin", modality)
    ]
