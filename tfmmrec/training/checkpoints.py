"""Checkpoint folders, on a disk or on any storage that TensorFlow writes to, such as gs://."""

import contextlib
import json
import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.plain_paths import plain_path
from tfmmrec.errors import DataError, one_line

_STATE = "state.json"
# The prefix of checkpoint names; other files are never removed.
_PREFIX = "epoch-"


def checkpoints_of(config: TrainConfig, partial: Path) -> "Checkpoints":
    """The checkpoints of a training, in the folder of its config, else in its partial run."""
    return Checkpoints(config.checkpoints or partial / "checkpoints")


class Checkpoints:
    """A folder of checkpoints and a state file, which names the last checkpoint.

    Args:
        folder: a path, or an address such as `gs://BUCKET/NAME`.
    """

    def __init__(self, folder: str | Path):
        self.folder = str(folder)

    def subfolder(self, name: str) -> "Checkpoints":
        """The checkpoints of a part of the work, which `clear` removes with the others."""
        return Checkpoints(self.path(name))

    def path(self, name: str) -> str:
        """The path of a checkpoint or a subfolder."""
        return posixpath.join(self.folder, name)

    def read_state(self) -> dict[str, Any] | None:
        """Returns the state of the last `save`, with the name of its `checkpoint`, or None.

        Raises:
            DataError: the state cannot be read.
        """
        path = self.path(_STATE)
        with self._storage_errors():
            if not tf.io.gfile.exists(path):
                return None
            with tf.io.gfile.GFile(path) as file:
                text = file.read()
        try:
            state: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise DataError(f"{path}: cannot be read: {error}") from None
        return state

    def restore(
        self, name: str, checkpoint: tf.train.Checkpoint, options: tf.train.CheckpointOptions
    ) -> None:
        """Reads a checkpoint; variables without a stored value keep theirs."""
        with self._storage_errors():
            checkpoint.read(plain_path(self.path(name)), options).expect_partial()

    def save(
        self,
        name: str,
        checkpoint: tf.train.Checkpoint,
        options: tf.train.CheckpointOptions,
        state: dict[str, Any],
        keep: Collection[str],
    ) -> None:
        """Writes a checkpoint, then the state, then removes older checkpoints.

        Args:
            name: of the checkpoint; it begins with `epoch-`.
            checkpoint: the variables.
            options: see `checkpoint_options`.
            state: JSON content, returned by `read_state`.
            keep: names of other checkpoints that are not removed.

        Raises:
            DataError: the storage cannot be written.
        """
        with self._storage_errors():
            tf.io.gfile.makedirs(self.folder)
            checkpoint.write(self.path(name), options)
            new = self.path(f"{_STATE}.new")
            with tf.io.gfile.GFile(new, "w") as file:
                file.write(json.dumps({**state, "checkpoint": name}))
            tf.io.gfile.rename(new, self.path(_STATE), overwrite=True)
            for each in tf.io.gfile.listdir(self.folder):
                if each.startswith(_PREFIX) and each.split(".")[0] not in (name, *keep):
                    tf.io.gfile.remove(self.path(each))

    def exist(self) -> bool:
        """Whether there is a checkpoint to resume from, in this folder or in a subfolder."""
        return any(name == _STATE for _, name in self._files())

    def copy_from(self, other: "Checkpoints") -> None:
        """Copies the checkpoints of another folder and of its subfolders."""
        with self._storage_errors():
            # The state file comes last, since it names a checkpoint that must exist.
            for folder, name in sorted(other._files(), key=lambda found: found[1] == _STATE):
                source = posixpath.join(folder, name)
                target = self.path(posixpath.relpath(source, other.folder))
                tf.io.gfile.makedirs(posixpath.dirname(target))
                tf.io.gfile.copy(source, target, overwrite=True)

    def clear(self) -> None:
        """Removes all checkpoints, and the folders that are then empty."""
        with self._storage_errors():
            for folder, name in list(self._files()):
                tf.io.gfile.remove(posixpath.join(folder, name))
            for folder, _, _ in list(tf.io.gfile.walk(self.folder, topdown=False)):
                if tf.io.gfile.isdir(folder) and not tf.io.gfile.listdir(folder):
                    tf.io.gfile.rmtree(folder)

    def _files(self) -> Iterator[tuple[str, str]]:
        """Folder and name of each file of `save`, in this folder and in subfolders."""
        for folder, _, names in tf.io.gfile.walk(self.folder):
            for name in names:
                if name.startswith((_PREFIX, _STATE)):
                    yield folder, name

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        """Turns errors of the storage into a DataError of one line."""
        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            raise DataError(f"{self.folder}: checkpoints: {one_line(error)}") from None
