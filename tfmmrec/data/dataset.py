"""Reads a data folder: vocabularies, events, histories, and feature values in batches."""

import copy
import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions.events import SPLITS, Interactions, concatenate
from tfmmrec.data.interactions.records import read_events
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.data.schema import Schema
from tfmmrec.data.storage import read_json, read_manifest
from tfmmrec.data.tfrecords import read_batches
from tfmmrec.data.vocabulary import category_file, read_vocabulary
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.modalities import Modality

EntityName = Literal["items", "users"]

_CHUNK_BYTES = 64e6


class Dataset:
    """A data folder.

    Args:
        folder: a folder written by `tfmmrec pack`.
        cache: folder of the encoding cache, which data folders may share (default: the folder in
            TFMMREC_CACHE_DIR, or else `cache` in the data folder).

    Attributes:
        manifest: content of MANIFEST.json.
        schema: the features.
        statistics: content of statistics.json.
        item_ids: item id by row.
        user_ids: user id by row.
        num_held_out: in a view from `hold_out`, the number of events that it holds out; otherwise
            0.
        held_out_items: in a view from `hold_out` that holds out items, a view whose valid split has
            their events; otherwise None.

    Raises:
        DataError: the folder does not exist, is not complete, or has another format.
    """

    num_held_out = 0
    held_out_items: "Dataset | None" = None
    _whole: "Dataset | None" = None

    def __init__(self, folder: Path, *, cache: str | Path | None = None):
        self.folder = Path(folder)
        cache = cache or os.environ.get("TFMMREC_CACHE_DIR")
        self.cache = Path(cache).expanduser() if cache else self.folder / "cache"
        self.manifest = read_manifest(self.folder)
        self.schema = Schema.load(self.folder / "schema.json")
        self.statistics = read_json(self.folder / "statistics.json")
        vocabulary = self.folder / "vocabulary"
        self.item_ids = read_vocabulary(vocabulary / "item_ids.txt")
        self.user_ids = read_vocabulary(vocabulary / "user_ids.txt")
        self._cold_ids = read_vocabulary(vocabulary / "cold_item_ids.txt")
        self._cold_user_ids = read_vocabulary(vocabulary / "cold_user_ids.txt")

    def __repr__(self) -> str:
        num_events = self.statistics["interactions"]["count"]
        return (
            f"Dataset({str(self.folder)!r}: {self.count('items')} items with "
            f"{', '.join(self.schema.items) or 'no features'}; {self.count('users')} users, "
            f"{num_events} interactions)"
        )

    @functools.cached_property
    def item_rows(self) -> dict[str, int]:
        """Item row by id."""
        return {identity: row for row, identity in enumerate(self.item_ids)}

    @functools.cached_property
    def user_rows(self) -> dict[str, int]:
        """User row by id."""
        return {identity: row for row, identity in enumerate(self.user_ids)}

    @functools.cached_property
    def cold_items(self) -> np.ndarray:
        """bool `[items]`: whether the item is cold, i.e. has events in test only."""
        cold = np.zeros(len(self.item_ids), bool)
        cold[[self.item_rows[identity] for identity in self._cold_ids]] = True
        return cold

    @functools.cached_property
    def cold_users(self) -> np.ndarray:
        """bool `[users]`: whether the user is cold, i.e. has events in test only."""
        cold = np.zeros(len(self.user_ids), bool)
        cold[[self.user_rows[identity] for identity in self._cold_user_ids]] = True
        return cold

    def check_k(self, name: str, k: int) -> None:
        """Raises ConfigError unless `k` is a whole number from 1 to the number of items."""
        if not isinstance(k, int | np.integer):
            raise ConfigError(f"{name}: a whole number is needed. Received: {k!r}")
        num_items = self.count("items")
        if not 1 <= k <= num_items:
            raise ConfigError(
                f"{name}: from 1 to {num_items}, the number of items of {self.folder}. "
                f"Received: {k}"
            )

    def default_k(self, k: int | None) -> int:
        """Returns a valid `k`; the default is 10, or the number of items if there are fewer."""
        if k is None:
            return min(10, self.count("items"))
        self.check_k("k", k)
        return k

    def features(self, entity: EntityName) -> Mapping[str, Modality]:
        """Returns the modalities of items or users by feature."""
        return self.schema.items if entity == "items" else self.schema.users

    def count(self, entity: EntityName) -> int:
        """Returns the number of items or users."""
        return len(self.item_ids if entity == "items" else self.user_ids)

    def categories(self, entity: EntityName, feature: str) -> list[str]:
        """Returns the vocabulary of a categorical feature, the most frequent category first."""
        return read_vocabulary(self.folder / category_file(entity, feature))

    def values(self, entity: EntityName, feature: str, batch_size: int) -> tf.data.Dataset:
        """Streams the stored values of one feature in batches, in the order of rows."""
        parsing = {feature: self.features(entity)[feature].parsing()}
        batches = read_batches(self.folder / entity, parsing, batch_size)
        return batches.map(lambda batch: batch[feature])

    def rows_per_chunk(self, entity: EntityName, max_rows: int = 4096) -> int:
        """Returns the number of rows, 32 to `max_rows`, that take about 64 MB with their media."""
        shards = [n for name, n in self.manifest["files"].items() if name.startswith(f"{entity}/")]
        mean = sum(shard["bytes"] for shard in shards) / max(1, self.count(entity))
        return int(np.clip(_CHUNK_BYTES / max(1.0, mean), 32, max_rows))

    def entity_checksums(self, entity: EntityName) -> list[str]:
        """Returns the checksums of the shards, which change whenever a packed value changes."""
        return [
            entry["sha256"]
            for name, entry in sorted(self.manifest["files"].items())
            if name.startswith(f"{entity}/")
        ]

    def events(self, split: str) -> Interactions:
        """Reads the interactions of one split.

        Raises:
            DataError: there is no such split.
        """
        if split not in SPLITS:
            raise DataError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
        return self._events[split]

    @functools.cached_property
    def _events(self) -> dict[str, Interactions]:
        folder, kinds = self.folder / "interactions", self.schema.kinds
        return {split: read_events(folder / split, kinds) for split in SPLITS}

    def has_validation_events(self, task: str) -> bool:
        """Whether the valid split has events by which models of a task can be compared."""
        events = self.events("valid")
        if task in ("rating", "click"):
            return bool(len(events))
        return bool(self.schema.kinds.are_targets(events).any())

    @property
    def whole(self) -> "Dataset":
        """The data folder without anything held out."""
        return self._whole or self

    def hold_out(self, rows: np.ndarray, items: np.ndarray | None = None) -> "Dataset":
        """Returns a view of the folder in which some training events are in valid instead.

        The folder itself stays as it is. Items that are held out are cold-start items of the view.

        Args:
            rows: of `events("train")`, each once.
            items: bool `[items]`, items whose events of train and valid are in no split of the view
                but in valid of its `held_out_items` (default: none are).
        """
        train, valid = self.events("train"), self.events("valid")
        held_out = np.zeros(len(train), bool)
        held_out[rows] = True
        no_item = np.zeros(self.count("items"), bool)
        of_items, valid_of_items = (
            (no_item if items is None else items)[events.item] for events in (train, valid)
        )
        view = copy.copy(self)
        view._whole = self.whole
        view._events = {
            **self._events,
            "train": train.take(~held_out & ~of_items),
            "valid": concatenate([valid.take(~valid_of_items), train.take(held_out & ~of_items)]),
        }
        view.num_held_out = len(rows)
        if items is not None:
            view.cold_items = self.cold_items | items
            view.held_out_items = copy.copy(view)
            moved = concatenate([train.take(of_items), valid.take(valid_of_items)])
            view.held_out_items._events = {**view._events, "valid": moved}
        return view

    def of_users(self, mask: np.ndarray) -> "Dataset":
        """Returns a view of the folder with the events of some users; all items and users stay.

        Args:
            mask: bool `[users]`.
        """
        view = copy.copy(self)
        view._events = {
            split: events.take(mask[events.user]) for split, events in self._events.items()
        }
        return view

    def histories(
        self,
        splits: Iterable[str],
        *,
        with_times: bool = False,
        with_weights: bool = False,
        with_ratings: bool = False,
    ) -> Histories:
        """Returns the positives of some splits as histories, oldest first.

        Args:
            splits: names of splits.
            with_times: whether the histories have times (default False).
            with_weights: whether they have the weights of the events (default False).
            with_ratings: whether they have ratings below the bar too (default False).
        """
        events = concatenate([self.events(split) for split in splits])
        is_read = events.positive
        if with_ratings:
            is_read = events.read_before(np.full(len(self.user_ids), np.iinfo(np.int32).max))
        return Histories.of(
            events.take(is_read),
            len(self.user_ids),
            with_times=with_times,
            with_weights=with_weights,
        )

    def dislikes(self, splits: Iterable[str]) -> Histories:
        """Returns the items that each user disliked and did not choose in some splits.

        Their weights are positive, relative to the largest weight of a kind.
        """
        events = concatenate([self.events(split) for split in splits])
        pairs = events.user.astype(np.int64) << 32 | events.item
        events = events.take(events.disliked & ~np.isin(pairs, pairs[events.positive]))
        rows = np.lexsort((events.order, events.user))
        found = Histories.of(events, len(self.user_ids))
        weights = -events.weight[rows] / np.float32(self.schema.kinds.target_weight)
        return dataclasses.replace(found, weights=weights)

    def outcomes(self, splits: Iterable[str]) -> LabeledEvents:
        """Returns all events of some splits with their labels, sorted by user and history."""
        return LabeledEvents.of(concatenate([self.events(split) for split in splits]))

    def all_histories(self) -> Histories:
        """Returns all events of all splits as histories, positives and others."""
        return Histories.of(
            concatenate([self.events(split) for split in SPLITS]), len(self.user_ids)
        )


def load_data(folder: str | Path, *, cache: str | Path | None = None) -> Dataset:
    """Opens a data folder; arguments and errors are those of `Dataset`."""
    return Dataset(Path(folder), cache=cache)
