"""The errors that a user is meant to read: one line that says what is wrong and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any


class TfmmrecError(Exception):
    """Bad input or a bad state of the user's files; the command line prints it as one line.

    Args:
        message: what is wrong and what to do; line breaks, of a quoted value say, become spaces.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.splitlines()))


class DataError(TfmmrecError):
    """A dataset file, table, data folder, run folder or model folder that cannot be used."""


class ConfigError(TfmmrecError, ValueError):
    """A configuration that asks for something that does not exist or does not fit."""


class BrokenValue(ValueError):
    """One value of one row is broken; packing writes it to rejects.jsonl and goes on."""


class SomeBroken(BrokenValue):
    """Some of the values of one row are broken, and the others are packed without them.

    Args:
        reasons: why, one for each broken value.
        packed: what `Modality.pack` gives of the others.
    """

    def __init__(self, reasons: Sequence[str], packed: Mapping[str, Any]):
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)
        self.packed = packed

    def __reduce__(self) -> Any:
        return type(self), (self.reasons, self.packed)


class StorageError(TfmmrecError):
    """A file cannot be written: the disk is full, or the place is not ours."""


def one_line(error: BaseException, max_length: int = 300) -> str:
    """Returns the message of an error as one line; the name of its class if it has no message.

    Args:
        error: any exception.
        max_length: number of characters to keep (default 300).
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:max_length]
