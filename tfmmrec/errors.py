"""Errors for users: one line that states what is wrong and what to do."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class TfmmrecError(Exception):
    """Invalid input or files; the command line prints the message as one line.

    Args:
        message: what is wrong and what to do; line breaks, e.g. of a quoted value, become spaces,
            and control characters are written as escapes.
    """

    def __init__(self, message: str):
        super().__init__(printable(" ".join(message.splitlines())))


class DataError(TfmmrecError):
    """A dataset file, table, data folder, run folder or model folder cannot be used."""


class ConfigError(TfmmrecError, ValueError):
    """A configuration has an invalid value, or one that does not fit the data or other values."""


class BrokenValue(ValueError):
    """A value of a row is invalid; packing writes it to rejects.jsonl and continues."""


class SomeBroken(BrokenValue):
    """Some values of a multi-valued feature of a row are invalid; the others are packed.

    Args:
        reasons: a reason for each invalid value.
        packed: the result of `Modality.pack` for the valid values.
    """

    def __init__(self, reasons: Sequence[str], packed: Mapping[str, Any]):
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)
        self.packed = packed

    def __reduce__(self) -> Any:
        return type(self), (self.reasons, self.packed)


class StorageError(TfmmrecError):
    """A file cannot be written: the disk is full, or there is no permission."""


def printable(text: str) -> str:
    r"""Writes characters that a terminal would obey or not show as escapes, such as \x00."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(error: BaseException, max_length: int = 300) -> str:
    """Returns the message of an error as one line; the name of its class if it has no message.

    Args:
        error: any exception.
        max_length: number of characters to keep (default 300).
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:max_length]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns "; did you mean A or B?" with the names that are closest to one that is unknown.

    Longer names that begin with it come first. Of nested keys, `negatives.uniform`, the last part
    may be similar as well. Without a similar name, the text is empty.
    """
    names = list(names)
    plain = name.replace("-", "_")
    close = sorted((each for each in names if each.replace("-", "_").startswith(plain)), key=len)
    if not close:
        close = difflib.get_close_matches(name, names, n=2, cutoff=0.7)
    if not close:
        last = plain.rpartition(".")[2].lstrip("_")
        lasts = {each: each.rpartition(".")[2].lstrip("-") for each in names}
        matches = difflib.get_close_matches(last, lasts.values(), n=2, cutoff=0.7)
        close = [each for each in names if lasts[each] in matches]
    return f"; did you mean {' or '.join(close[:2])}?" if close else ""
