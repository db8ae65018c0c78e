"""What a stored value must be by its modality, beyond the type that parsing enforces."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Audio, Categorical, Image, Modality, Text

ValueCheck = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""


@functools.singledispatch
def value_check(modality: Modality, vocabulary: Sequence[str], media: bool) -> ValueCheck:
    """Returns the check of one feature's values; other kinds of modality have none.

    Args:
        modality: of the feature.
        vocabulary: its categories, if it has any.
        media: whether pictures and sounds are decoded, which takes long.
    """
    return lambda value: None


@value_check.register
def _(modality: Text, vocabulary: Sequence[str], media: bool) -> ValueCheck:
    def check(value: bytes) -> str | None:
        try:
            value.decode("utf-8")
        except UnicodeDecodeError as error:
            return f"not valid UTF-8: {error.reason}"
        return None

    return check


@value_check.register
def _(modality: Categorical, vocabulary: Sequence[str], media: bool) -> ValueCheck:
    known = {category.encode() for category in vocabulary}

    def check(value: list[bytes]) -> str | None:
        unknown = [category.decode(errors="replace") for category in value if category not in known]
        return f"the category {unknown[0]!r} is not in its vocabulary" if unknown else None

    return check


@value_check.register(Image)
@value_check.register(Audio)
def _(modality: Image | Audio, vocabulary: Sequence[str], media: bool) -> ValueCheck:
    def check(value: bytes) -> str | None:
        try:
            modality.check_bytes(value)
        except BrokenValue as error:
            return str(error)
        return None

    return check if media else lambda value: None
