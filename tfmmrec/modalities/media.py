"""What pictures, sounds and videos share: a path in the table, to a file that is there."""

import dataclasses
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import Modality
from tfmmrec.modalities.text import to_utf8


@dataclasses.dataclass(frozen=True)
class Media(Modality):
    """A file named in a table. Stored as the file's bytes; "" is absent."""

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        data = read_media(raw, folder)
        return None if data is None else [self.check_bytes(data)]

    def check_bytes(self, data: bytes) -> bytes:
        """Returns the bytes to store; raises BrokenValue when they cannot be decoded."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it accepts")

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.string, default_value="")

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(values) > 0

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.string, name)


def read_media(raw: Any, folder: Path) -> bytes | None:
    """Reads the file at a path relative to `folder`; None when there is no such file.

    Raises:
        BrokenValue: the path leaves the folder, is no file, or the file is empty or unreadable.
    """
    path = find_media(raw, folder)
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise BrokenValue(f"{raw}: cannot be read: {error.strerror}") from None


def find_media(raw: Any, folder: Path) -> Path | None:
    """Finds the file at a path relative to `folder`; None when there is no such file.

    Raises:
        BrokenValue: the path leaves the folder, is no file, or the file is empty.
    """
    root = folder.resolve()
    try:
        path = (root / to_utf8(raw).decode("utf-8")).resolve()
        if not path.is_relative_to(root):
            raise BrokenValue(f"path {raw} leaves the folder of the dataset file")
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, BrokenValue):
            raise
        raise BrokenValue(f"{raw}: cannot be read: {reason}") from None
    if not path.is_file():
        raise BrokenValue(f"{raw}: cannot be read: not a file")
    if not size:
        raise BrokenValue(f"{raw}: the file is empty")
    return path
