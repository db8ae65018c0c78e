"""The registry of built-in encoders by modality and variant; saves them as SavedModels."""

from pathlib import Path

import tensorflow as tf

from tfmmrec.data.storage import atomic_folder, fingerprint
from tfmmrec.encoders.builtin.audio_cnn import BuiltinAudioCnn
from tfmmrec.encoders.builtin.audio_filters import BuiltinAudio
from tfmmrec.encoders.builtin.hashed_text import BuiltinText
from tfmmrec.encoders.builtin.image_cnn import BuiltinImageCnn
from tfmmrec.encoders.builtin.image_filters import BuiltinImage
from tfmmrec.encoders.builtin.text_lstm import BuiltinLstm
from tfmmrec.encoders.builtin.text_transformer import BuiltinTransformer
from tfmmrec.errors import ConfigError

# The variant "" is the default, named `builtin`.
BUILTIN: dict[str, dict[str, type[tf.Module]]] = {
    "text": {"": BuiltinText, "lstm": BuiltinLstm, "transformer": BuiltinTransformer},
    "image": {"": BuiltinImage, "cnn": BuiltinImageCnn},
    "audio": {"": BuiltinAudio, "cnn": BuiltinAudioCnn},
}

# Seed of the initial weights, which are equal on every machine.
SEED = 0


def builtin_choices(modality: str) -> dict[str, str]:
    """Returns the variants of a modality by their names in a training file, `builtin:lstm`."""
    return {f"builtin:{name}" if name else "builtin": name for name in BUILTIN.get(modality, {})}


def builtin_variant(choice: str, modality: str) -> str:
    """Returns the variant of a declaration such as `builtin` or `builtin:lstm`.

    Raises:
        ConfigError: there is no such encoder.
    """
    choices = builtin_choices(modality)
    if choice not in choices:
        raise ConfigError(
            f"there is no {choice} for {modality}; use {', '.join(choices) or 'another modality'}"
        )
    return choices[choice]


def builtin_is_untrained(choice: str, modality: str) -> bool:
    """Returns whether a declaration names a built-in encoder that starts with random weights."""
    variant = builtin_choices(modality).get(choice)
    return variant is not None and BUILTIN[modality][variant].from_scratch


def builtin_fingerprint(modality: str, variant: str = "") -> str:
    """Returns a hash of the encoder's name, version and seed, 64 hex digits.

    Not a hash of the SavedModel, whose bytes differ between equal encoders: with this one, a cache
    can be used on another machine.

    Raises:
        ConfigError: there is no such encoder.
    """
    encoder = _encoder_class(modality, variant)
    return fingerprint([encoder.__name__, encoder.version, SEED])


def save_builtin(modality: str, folder: Path, *, variant: str = "") -> Path:
    """Saves a built-in encoder as a TF2 SavedModel that hub.KerasLayer can load and train.

    The folder is written atomically; an existing one is replaced.

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
        raise ConfigError(f"modality {modality!r} has no built-in encoder; {', '.join(BUILTIN)} do")
    return BUILTIN[modality][
        builtin_variant(f"builtin:{variant}" if variant else "builtin", modality)
    ]
