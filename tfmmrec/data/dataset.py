"""A data folder, opened: vocabularies, histories, and features in batches."""

import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions.events import SPLITS, Interactions, concatenate
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.data.schema import Schema
from tfmmrec.data.storage import MANIFEST, read_json
from tfmmrec.data.tfrecords import read_batches
from tfmmrec.data.vocabulary import read_vocabulary
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.modalities import Modality

EntityName = Literal["items", "users"]

EVENT_FEATURES = {
    "user": tf.io.FixedLenFeature([], tf.int64),
    "item": tf.io.RaggedFeature(tf.int64),
    "time": tf.io.RaggedFeature(tf.int64),
    "rating": tf.io.RaggedFeature(tf.float32),
    "positive": tf.io.RaggedFeature(tf.int64),
    "order": tf.io.RaggedFeature(tf.int64),
}
_EVENT_DTYPES: dict[str, Any] = {
    "user": np.int32,
    "item": np.int32,
    "time": np.int64,
    "rating": np.float32,
    "positive": np.bool_,
    "order": np.int32,
}
_USERS_A_BATCH = 1024
_BYTES_AT_A_TIME = 64e6


class Dataset:
    """A data folder.

    Args:
        folder: what `tfmmrec pack` wrote.
        cache: where outputs of encoders are kept, which several data folders may share; by default
            the folder that TFMMREC_CACHE_DIR names, and without that `cache` in the data folder.

    Raises:
        DataError: the folder is not there or not whole.
    """

    def __init__(self, folder: Path, *, cache: str | Path | None = None):
        self.folder = Path(folder)
        chosen = cache or os.environ.get("TFMMREC_CACHE_DIR")
        self.cache = Path(chosen).expanduser() if chosen else self.folder / "cache"
        if not (self.folder / MANIFEST).is_file():
            raise DataError(f"{folder}: not a data folder (it has no {MANIFEST}); run tfmmrec pack")
        self.manifest = read_json(self.folder / MANIFEST)
        self.schema = Schema.load(self.folder / "schema.json")
        self.statistics = read_json(self.folder / "statistics.json")
        vocabulary = self.folder / "vocabulary"
        self.item_ids = read_vocabulary(vocabulary / "item_ids.txt")
        self.user_ids = read_vocabulary(vocabulary / "user_ids.txt")
        self._cold_ids = read_vocabulary(vocabulary / "cold_item_ids.txt")
        # Folders of earlier versions have no such file, and no such users.
        self._cold_user_ids = read_vocabulary(vocabulary / "cold_user_ids.txt")

    @functools.cached_property
    def item_rows(self) -> dict[str, int]:
        """Item rows by id."""
        return {identity: row for row, identity in enumerate(self.item_ids)}

    @functools.cached_property
    def user_rows(self) -> dict[str, int]:
        """User rows by id."""
        return {identity: row for row, identity in enumerate(self.user_ids)}

    @functools.cached_property
    def cold_items(self) -> np.ndarray:
        """bool `[items]`: which items were kept out of train and valid."""
        cold = np.zeros(len(self.item_ids), bool)
        cold[[self.item_rows[identity] for identity in self._cold_ids]] = True
        return cold

    @functools.cached_property
    def cold_users(self) -> np.ndarray:
        """bool `[users]`: which users have all they did in test, and are new to a model."""
        cold = np.zeros(len(self.user_ids), bool)
        cold[[self.user_rows[identity] for identity in self._cold_user_ids]] = True
        return cold

    def check_length(self, name: str, k: int) -> None:
        """Raises ConfigError unless a list of `k` items can be made of the catalogue."""
        num_items = self.count("items")
        if not 1 <= k <= num_items:
            raise ConfigError(
                f"{name}: from 1 to {num_items}, the items of {self.folder}. Received: {k}"
            )

    def list_length(self, k: int | None) -> int:
        """How many items are answered: what is asked for, or 10 where there are so many."""
        if k is None:
            return min(10, self.count("items"))
        self.check_length("k", k)
        return k

    def features(self, side: EntityName) -> Mapping[str, Modality]:
        """The features of one side by name."""
        return self.schema.items if side == "items" else self.schema.users

    def count(self, side: EntityName) -> int:
        """How many items or users there are."""
        return len(self.item_ids if side == "items" else self.user_ids)

    def categories(self, side: EntityName, feature: str) -> list[str]:
        """The vocabulary of a categorical feature, the most frequent first."""
        return read_vocabulary(self.folder / "vocabulary" / f"{side}.{feature}.txt")

    def values(self, side: EntityName, feature: str, batch_size: int) -> tf.data.Dataset:
        """Streams one feature of every row, in the order of the vocabulary, in batches."""
        parsing = {feature: self.features(side)[feature].parsing()}
        batches = read_batches(self.folder / side, parsing, batch_size)
        return batches.map(lambda batch: batch[feature])

    def rows_at_a_time(self, side: EntityName, most: int = 4096) -> int:
        """How many rows to read at a time, so that they take some 64 MB, media among them."""
        shards = [n for name, n in self.manifest["files"].items() if name.startswith(f"{side}/")]
        mean = sum(shard["bytes"] for shard in shards) / max(1, self.count(side))
        return int(np.clip(_BYTES_AT_A_TIME / max(1.0, mean), 32, most))

    def side_checksum(self, side: EntityName) -> list[str]:
        """The checksums of one side's shards, which change with any of its values."""
        return [
            entry["sha256"]
            for name, entry in sorted(self.manifest["files"].items())
            if name.startswith(f"{side}/")
        ]

    def events(self, split: str) -> Interactions:
        """Reads the interactions of one split.

        Raises:
            DataError: there is no such split.
        """
        if split not in SPLITS:
            raise DataError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
        return self._events[split]

    @functools.cached_property
    def _events(self) -> dict[str, Interactions]:
        return {split: read_events(self.folder / "interactions" / split) for split in SPLITS}

    def has_valid(self, task: str) -> bool:
        """Whether there is something to choose by in the trainings of a task."""
        events = self.events("valid")
        return bool(len(events) if task in ("rating", "click") else events.positive.any())

    def histories(self, splits: Iterable[str], *, timed: bool = False) -> Histories:
        """The positives of some splits, by user and in order, `timed` or without times."""
        events = concatenate([self.events(split) for split in splits])
        return Histories.of(events.take(events.positive), len(self.user_ids), timed=timed)

    def outcomes(self, splits: Iterable[str]) -> LabeledEvents:
        """All events of some splits with what came of them, by user and in order."""
        return LabeledEvents.of(concatenate([self.events(split) for split in splits]))

    def all_done(self) -> Histories:
        """All that each user did, positive or not, in all splits."""
        return Histories.of(
            concatenate([self.events(split) for split in SPLITS]), len(self.user_ids)
        )


def read_events(folder: Path) -> Interactions:
    """Reads a folder of histories as events, in the order in which they were written."""
    batches = [_flat(batch) for batch in read_batches(folder, EVENT_FEATURES, _USERS_A_BATCH)]
    return concatenate([_flat_of_none(), *batches])


def _flat(batch: Mapping[str, Any]) -> Interactions:
    """Turns a batch of histories into events."""
    lengths = batch["item"].row_lengths().numpy()
    columns = {name: batch[name].flat_values.numpy() for name in _EVENT_DTYPES if name != "user"}
    columns["user"] = np.repeat(batch["user"].numpy(), lengths)
    return Interactions(
        **{name: columns[name].astype(dtype) for name, dtype in _EVENT_DTYPES.items()},
        part=np.zeros(len(columns["user"]), np.int8),
    )


def _flat_of_none() -> Interactions:
    columns = {name: np.zeros(0, dtype) for name, dtype in _EVENT_DTYPES.items()}
    return Interactions(**columns, part=np.zeros(0, np.int8))
