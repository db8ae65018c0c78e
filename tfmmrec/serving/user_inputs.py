"""The inputs of the query tower: for users of the data folder, and for one who is not in it."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.feature_values import parse_record
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import context_of, excluded_of
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import BrokenValue, ConfigError, DataError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.feature_table import encode_given
from tfmmrec.serving.id_lists import did_you_mean


class Users(abc.ABC):
    """Users to recommend to.

    Attributes:
        names: their ids; None for a user who is not in the data folder.
    """

    names: Sequence[str | None]

    @abc.abstractmethod
    def batch(self, first: int, end: int) -> tuple[UserInputs, list[np.ndarray]]:
        """Returns the inputs of some users, and for each the rows of items that are left out."""


class KnownUsers(Users):
    """Users of the data folder; an id that is not in it is a user without a history.

    Args:
        bundle: the model with its data.
        names: the ids of the users.
        split: `valid` or `test`, to take only events before this split (default: all events).
    """

    def __init__(self, bundle: ModelBundle, names: Sequence[str], split: str | None):
        self.names = names
        dataset = bundle.dataset
        # All users are in the order of rows; the table of rows by id takes long for many.
        self._rows = (
            np.arange(len(names), dtype=np.int32)
            if names is dataset.user_ids
            else np.array([dataset.user_rows.get(name, -1) for name in names], np.int32)
        )
        self._model = bundle.model
        with_times = bundle.model.reads_times
        # Models of ratings and clicks read positives alone.
        with_ratings = bundle.model.ranks_by == "retrieval"
        options = {"with_times": with_times, "with_ratings": with_ratings}
        self._histories = (
            context_of(dataset, split, **options) if split else dataset.histories(SPLITS, **options)
        )
        excludes_histories = dataset.schema.excludes_histories
        if excludes_histories and not split:
            self._excluded = dataset.all_histories()
        elif excludes_histories and with_ratings:
            self._excluded = self._histories
        else:
            self._excluded = excluded_of(dataset, split)

    def batch(self, first: int, end: int) -> tuple[UserInputs, list[np.ndarray]]:
        rows = self._rows[first:end]
        length = self._model.query_tower.max_history
        times = None
        if self._histories.times is not None:
            of_users = _of_users(self._histories.times, self._histories, rows)
            times = table_of(of_users, np.int64, 0, length)
        inputs = UserInputs(
            table_of(_of_users(self._histories.items, self._histories, rows), np.int32, -1, length),
            self._model.users.gather_known(rows),
            tf.constant(rows),
            times,
        )
        return inputs, _of_users(self._excluded.items, self._excluded, rows)


class NewUser(Users):
    """One user who is not in the data folder.

    Args:
        bundle: the model with its data.
        history: the rows of the user's items, oldest first.
        features: values of the user features, as they would be in a table.
    """

    def __init__(self, bundle: ModelBundle, history: Sequence[int], features: Mapping[str, Any]):
        self.names = [None]
        past = np.array(history, np.int32)
        length = bundle.model.query_tower.max_history
        self._excluded = past[:0] if bundle.dataset.schema.allows_repeats else past
        self._inputs = UserInputs(
            table_of([past], np.int32, -1, length),
            encode_given(bundle.users, _packed_features(bundle, features), num_rows=1),
            tf.constant([-1]),
            table_of([np.zeros(len(past))], np.int64, 0, length)
            if bundle.model.reads_times
            else None,
        )

    def batch(self, first: int, end: int) -> tuple[UserInputs, list[np.ndarray]]:
        return self._inputs, [self._excluded]


def _packed_features(bundle: ModelBundle, features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Packs the values of user features like those of a table."""
    modalities = bundle.users.modalities
    packed: dict[str, Any] = {}
    for name, raw in features.items():
        if name not in modalities:
            hint = did_you_mean(name, list(modalities))
            listed = ", ".join(modalities) or "none"
            raise ConfigError(
                f"--user: the model reads no user feature {name!r}{hint or f'; it reads {listed}'}"
            )
        modality = modalities[name]
        if modality.has_vocabulary and isinstance(raw, str):
            categories = bundle.users.encoders[name].fitted()["categories"]
            separator = getattr(modality, "separator", None)
            for value in raw.split(separator) if separator else [raw]:
                if value.strip() not in categories:
                    hint = did_you_mean(value.strip(), categories)
                    raise ConfigError(f"--user: {name} has no category {value.strip()!r}{hint}")
        try:
            parts = modality.pack(raw, Path.cwd())
        except BrokenValue as error:
            raise DataError(f"--user: {name}: {error}") from None
        packed |= {f"{name}_{suffix}" if suffix else name: v for suffix, v in parts.items()}
    values = parse_record(bundle.dataset, "users", encode_example(packed))
    return {
        name: modalities[name].servable_values(values[name])
        if values[name].dtype == tf.string
        else values[name]
        for name in packed
        if name in modalities
    }


def table_of(
    rows: Sequence[np.ndarray], dtype: Any, padding: int, length: int | None = None
) -> tf.Tensor:
    """The last `length` values of each row (default all), padded at the end, in one table."""
    kept = [row if length is None else row[-length:] for row in rows]
    # At least one position, so that history encoders need not handle a length of 0.
    table = np.full([len(kept), max([1, *map(len, kept)])], padding, dtype)
    for own, row in zip(table, kept, strict=True):
        own[: len(row)] = row
    return tf.constant(table)


def _of_users(column: np.ndarray, histories: Histories, rows: np.ndarray) -> list[np.ndarray]:
    """A column of the histories per user; empty for unknown users, whose row is -1."""
    bounds = [histories.offsets[row : row + 2] if row >= 0 else (0, 0) for row in rows]
    return [column[first:end] for first, end in bounds]
