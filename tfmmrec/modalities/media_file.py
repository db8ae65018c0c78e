"""Media files: the table has a path, the record the bytes of the file."""

import dataclasses
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import Modality
from tfmmrec.modalities.text import quote, to_utf8


@dataclasses.dataclass(frozen=True)
class Media(Modality):
    """A file whose path is in the table. Stored as the bytes of the file; "" is absent."""

    @property
    def reads_files(self) -> bool:
        return True

    def paths(self, raw: Any) -> list[str]:
        return [media_path(raw)]

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        data = read_media(raw, folder)
        if data is None:
            return None
        try:
            return [self.check_bytes(data)]
        except BrokenValue as error:
            raise BrokenValue(f"{error}: {quote(raw)}") from None

    def check_bytes(self, data: bytes) -> bytes:
        """Returns the bytes to store.

        Raises:
            BrokenValue: the bytes cannot be decoded.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement check_bytes")

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.string, default_value="")

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(values) > 0

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.string, name)

    def value_anomaly(
        self, value: bytes, vocabulary: Collection[bytes] = (), *, decode_media: bool = False
    ) -> str | None:
        if not decode_media:
            return None
        try:
            self.check_bytes(value)
        except BrokenValue as error:
            return str(error)
        return None

    def add_domain(
        self, feature: Any, statistics: Mapping[str, Any], categories: Sequence[str]
    ) -> None:
        # TensorFlow Metadata has image_domain, and newer releases have audio_domain.
        domain = f"{self.kind}_domain"
        if domain in feature.DESCRIPTOR.fields_by_name:
            getattr(feature, domain).SetInParent()


# A TFRecord holds at most 2 GB.
_MAX_BYTES = 1_000_000_000


def read_media(raw: Any, folder: Path) -> bytes | None:
    """Reads the file at a path relative to `folder`.

    Returns:
        The bytes of the file, or None if it does not exist.

    Raises:
        BrokenValue: see `find_media`; or the file cannot be read, or is larger than 1 GB.
    """
    path = find_media(raw, folder)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > _MAX_BYTES:
                shown = f"({size / 1e9:.1f} GB, at most 1 GB): {quote(raw)}"
                raise BrokenValue(f"the file is too large {shown}")
            return file.read()
    except OSError as error:
        raise BrokenValue(f"the file cannot be read ({error.strerror}): {quote(raw)}") from None


def find_media(raw: Any, folder: Path) -> str | None:
    """Finds the file at a path relative to `folder`.

    Symbolic links are followed, also to other places: they are part of the folder. If there is no
    such file, a backslash is read as a slash, as Windows does.

    Returns:
        The path, or None if there is no such file.

    Raises:
        BrokenValue: the path leads out of the folder, is not that of a file, or the file is empty.
    """
    name = media_path(raw)
    found = _find(name, folder)
    return _find(name.replace("\\", "/"), folder) if found is None and "\\" in name else found


def media_path(raw: Any) -> str:
    """Returns the path that a table's value is; raises BrokenValue if it is not text."""
    return to_utf8(raw).decode("utf-8")


def is_found_by_slashes(path: str, folder: Path) -> bool:
    """Whether a file is only found because its backslashes are read as slashes."""
    try:
        return "\\" in path and not _find(path, folder) and find_media(path, folder) is not None
    except BrokenValue:
        return False


def _find(name: str, folder: Path) -> str | None:
    shown = quote(name)
    try:
        path = _within(name, str(folder))
        if path is None:
            raise BrokenValue(
                "the path leaves the folder of the media; set media: at the top of the dataset "
                f"file to a folder that holds them all: {shown}"
            )
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokenValue(f"the file cannot be read ({error.strerror}): {shown}") from None
    except ValueError as error:
        if isinstance(error, BrokenValue):
            raise
        raise BrokenValue(f"the path is invalid ({error}): {shown}") from None
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would block forever
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise BrokenValue(f"the path must be that of a file. Received {kind}: {shown}")
    if not status.st_size:
        raise BrokenValue(f"the file is empty: {shown}")
    return path


def _within(name: str, folder: str) -> str | None:
    """Joins a path to a folder; None if it leaves the folder.

    `..` is resolved as text, so that no link in the folder can be used to climb out of its target.
    """
    root = os.path.abspath(folder)
    path = os.path.normpath(os.path.join(root, name))
    if path == root or path.startswith(os.path.join(root, "")):
        return path
    # An absolute path may name the folder, or one in it, by way of a link.
    real_root = os.path.realpath(root)
    for parent in (path, *map(str, Path(path).parents)):
        real = os.path.realpath(parent)
        if real == real_root or real.startswith(os.path.join(real_root, "")):
            return path
    return None
