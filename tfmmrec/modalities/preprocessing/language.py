"""Selects the language in which a step processes a text."""

from typing import Any

from tfmmrec.modalities.preprocessing.chinese import is_chinese
from tfmmrec.modalities.preprocessing.english import is_english

_CHOICES = ("auto", "en", "zh")


def check_language(language: Any) -> None:
    """Raises ValueError unless an option is `auto`, `en` or `zh`."""
    if language not in _CHOICES:
        raise ValueError(f"language must be one of {', '.join(_CHOICES)}. Received: {language!r}")


def language_of(text: str, declared: str, step: str) -> str | None:
    """Returns `en` or `zh`, as declared or detected, or None for another language."""
    if declared != "auto":
        return declared
    if is_chinese(text):
        return "zh"
    return "en" if is_english(text, step) else None
