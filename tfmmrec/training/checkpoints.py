"""What a stopped training goes on from: on a disk, or wherever else TensorFlow writes, as on gs://."""

import contextlib
import json
import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import DataError, one_line

_STATE = "state.json"
# What the names of checkpoints begin with, so that nothing else is ever removed.
_PREFIX = "epoch-"


def checkpoints_of(config: TrainConfig, partial: Path) -> "Checkpoints":
    """Where a training keeps its checkpoints: where its config says, else in its own folder."""
    return Checkpoints(config.checkpoints or partial / "checkpoints")


class Checkpoints:
    """A folder of checkpoints, and of the state that names the one to go on from.

    Args:
        folder: where; an address such as `gs://BUCKET/NAME` as well.
    """

    def __init__(self, folder: str | Path):
        self.folder = str(folder)

    def within(self, name: str) -> "Checkpoints":
        """Those of a part of the work; they go with the others."""
        return Checkpoints(self.path(name))

    def path(self, name: str) -> str:
        """Where a checkpoint, or a part, stands."""
        return posixpath.join(self.folder, name)

    def read_state(self) -> dict[str, Any] | None:
        """What the last `save` was given, and the `checkpoint` that goes with it.

        Raises:
            DataError: it cannot be read.
        """
        path = self.path(_STATE)
        with self._told():
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
        """Reads a checkpoint; of what is missing there, nothing is said."""
        with self._told():
            checkpoint.read(self.path(name), options).expect_partial()

    def save(
        self,
        name: str,
        checkpoint: tf.train.Checkpoint,
        options: tf.train.CheckpointOptions,
        state: dict[str, Any],
        keep: Collection[str],
    ) -> None:
        """Writes a checkpoint, then the state, then drops what is older.

        Args:
            name: begins with `epoch-`.
            checkpoint: what to write.
            options: see `checkpoint_options`.
            state: anything that JSON can hold.
            keep: the names of what stays, besides this one.

        Raises:
            DataError: it cannot be written.
        """
        with self._told():
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
        """Whether there is something to go on from, here or within."""
        return any(name == _STATE for _, name in self._files())

    def copy_from(self, other: "Checkpoints") -> None:
        """Takes over what another folder has, and what is within it."""
        with self._told():
            # The state comes last, as it names what must be there.
            for folder, name in sorted(other._files(), key=lambda found: found[1] == _STATE):
                source = posixpath.join(folder, name)
                target = self.path(posixpath.relpath(source, other.folder))
                tf.io.gfile.makedirs(posixpath.dirname(target))
                tf.io.gfile.copy(source, target, overwrite=True)

    def clear(self) -> None:
        """Removes what `save` wrote, here and within; the folders go where nothing else is."""
        with self._told():
            for folder, name in list(self._files()):
                tf.io.gfile.remove(posixpath.join(folder, name))
            for folder, _, _ in list(tf.io.gfile.walk(self.folder, topdown=False)):
                if tf.io.gfile.isdir(folder) and not tf.io.gfile.listdir(folder):
                    tf.io.gfile.rmtree(folder)

    def _files(self) -> Iterator[tuple[str, str]]:
        """Folder and name of all that `save` wrote, here and within."""
        for folder, _, names in tf.io.gfile.walk(self.folder):
            for name in names:
                if name.startswith((_PREFIX, _STATE)):
                    yield folder, name

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            raise DataError(f"{self.folder}: checkpoints: {one_line(error)}") from None
