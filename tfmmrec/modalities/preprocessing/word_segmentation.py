"""Word segmentation by the rules of Unicode, for languages with spaces between words."""

from typing import Any

from tfmmrec.modalities.preprocessing.requirements import need
from tfmmrec.modalities.preprocessing.resources import loaded_once


def pieces(text: str, step: str) -> list[str]:
    """Splits a text at the word boundaries of Unicode (UAX #29): words, punctuation, white space.

    An emoji is one piece, even of several code points. Scripts without spaces between words,
    such as Thai and Japanese, are split into characters for the most part.
    """
    return [piece for piece in _boundary(step).split(text) if piece]


def is_word(piece: str, step: str) -> bool:
    """Returns whether a piece contains a letter, a digit or an emoji."""
    return _word(step).search(piece) is not None


def words(text: str, step: str) -> list[str]:
    """Returns the words and emoji of a text, without punctuation."""
    # A combining mark without a base character is joined to the space before it.
    return [piece.strip() for piece in pieces(text, step) if is_word(piece, step)]


@loaded_once
def _boundary(step: str) -> Any:
    regex = need("regex", step)
    return regex.compile(r"\b", regex.WORD)


@loaded_once
def _word(step: str) -> Any:
    pattern = r"[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]"
    return need("regex", step).compile(pattern)
