"""The error of a worker as one line for the launcher, since not every runner passes it on."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from tfmmrec.data.storage import atomic_write
from tfmmrec.errors import TfmmrecError, one_line


@dataclasses.dataclass(frozen=True)
class WorkerErrors:
    """A file that holds the message of a worker's error, on a file system that all share.

    Attributes:
        folder: the folder of the file; its parent must exist.
    """

    folder: Path

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Writes the message of an error, and raises the error again."""
        try:
            yield
        except TfmmrecError as error:
            self._write(str(error))
            raise
        except Exception as error:
            self._write(f"a worker failed: {type(error).__name__}: {one_line(error)}")
            raise

    def message(self) -> str | None:
        """Returns the message of the last error that was written, None without one."""
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    @property
    def _path(self) -> Path:
        return self.folder / "error.txt"

    def _write(self, message: str) -> None:
        # A folder that the launcher has removed is not created again by a worker that outlives it.
        with contextlib.suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            with atomic_write(self._path) as file:
                file.write(message.encode())
