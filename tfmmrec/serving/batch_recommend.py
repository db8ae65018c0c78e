"""Batch recommendation: the top items of many users, written as JSON lines."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tfmmrec.config.comma_list import split_ids
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import FeatureValues
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import CONTEXT_SPLITS, context_of
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.storage import write_text
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.models.bundle import check_not_trained_on
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.unscorable_items import unscorable_items, warn_unscorable_items
from tfmmrec.serving.serving_model import ServingModel

_BATCH = 256


def recommend(
    run: str | Path,
    *,
    users: str = "all",
    k: int | None = None,
    out: str | Path | None = None,
    split: str | None = None,
    candidates: str | Path | None = None,
    quiet: bool = False,
) -> list[dict]:
    """Recommends items to users.

    Args:
        run: a run folder.
        users: `all`, a file with one id per line, an id, or ids separated by commas, of which one
            that holds a comma is in double quotes. An unknown user gets the
            recommendations of a user without a history (default all).
        k: the number of items per user, at most that of the catalog (default 10, or all if there
            are fewer).
        out: the file to write, with one line per user, `{"user": …, "items": […], "scores": […]}`
            (default none).
        split: `valid` or `test` recommends as of the time before this split: earlier events are the
            history, and their items are excluded. For held-out users, whose events are all in test,
            these are all events but the last. By default, all events are the history, and all items
            with events of the user are excluded.
        candidates: a file with one item id per line; only these are ranked (default all items).
        quiet: no progress bar.

    Returns:
        The lines.

    Raises:
        ConfigError: `split` or `users` is invalid.
        DataError: a file cannot be read, a candidate or a user does not exist, or the model was
            trained on the split.
    """
    run = Path(run)
    out = None if out is None else Path(out)
    candidates = None if candidates is None else Path(candidates)
    if split is not None and split not in CONTEXT_SPLITS:
        raise ConfigError(f"split must be one of {', '.join(CONTEXT_SPLITS)}. Received: {split!r}")
    bundle = load_run(run, quiet=quiet)
    if split is not None:
        check_not_trained_on(bundle.config, split)
    dataset = bundle.dataset
    k = dataset.default_k(k)
    names = _user_ids(users, dataset)
    mask = None if candidates is None else _candidate_mask(candidates, dataset)
    if mask is not None:
        warn_unscorable_items(unscorable_items(bundle) & mask, dataset.item_ids)
    serving_model = ServingModel(bundle)
    with_times = bundle.model.reads_times
    histories = (
        context_of(dataset, split, with_times=with_times)
        if split
        else dataset.histories(SPLITS, with_times=with_times)
    )
    excluded = histories if split else dataset.all_histories()
    features, ids = FeatureValues(dataset, "users"), np.array(dataset.item_ids, object)
    lines = []
    starts = range(0, len(names), _BATCH)
    for start in tqdm.tqdm(starts, desc="recommend", disable=True if quiet else None):
        batch = names[start : start + _BATCH]
        rows = np.array([dataset.user_rows.get(name, -1) for name in batch])
        items, scores = serving_model.recommend(
            _id_table(ids, histories, rows),
            _id_table(ids, excluded, rows),
            tf.fill([len(batch)], k),
            features.take(rows),
            users=tf.constant(batch),
            candidates=mask,
            times=_time_table(histories, rows) if with_times else None,
        )
        lines += _lines(batch, items.numpy(), scores.numpy())
    if out is not None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_text(out, text)
    return lines


def _lines(names: list[str], items: np.ndarray, scores: np.ndarray) -> list[dict]:
    lines = []
    for name, row, row_scores in zip(names, items, scores, strict=True):
        valid = row != b""
        lines.append(
            {
                "user": name,
                "items": [item.decode() for item in row[valid]],
                "scores": [float(score) for score in row_scores[valid]],
            }
        )
    return lines


def _id_table(ids: np.ndarray, histories: Histories, rows: np.ndarray) -> tf.Tensor:
    past = _of_users(histories.items, histories, rows)
    return _filled(tf.constant(ids[np.concatenate(past)], tf.string), past, "")


def _time_table(histories: Histories, rows: np.ndarray) -> tf.Tensor:
    past = _of_users(histories.times, histories, rows)
    return _filled(tf.constant(np.concatenate(past), tf.int64), past, 0)


def _of_users(column: Any, histories: Histories, rows: np.ndarray) -> list[np.ndarray]:
    """A column of the histories per user; empty for unknown users, whose row is -1."""
    bounds = [histories.offsets[row : row + 2] if row >= 0 else (0, 0) for row in rows]
    return [column[first:end] for first, end in bounds]


def _filled(flat: tf.Tensor, rows: list[np.ndarray], nothing: str | int) -> tf.Tensor:
    lengths = [len(row) for row in rows]
    return tf.RaggedTensor.from_row_lengths(flat, lengths).to_tensor(default_value=nothing)


def _user_ids(users: str, dataset: Dataset) -> list[str]:
    if users == "all":
        return dataset.user_ids
    path = Path(users)
    if users not in dataset.user_rows and _is_file(path):
        names = _read_ids(path)
        if not any(name in dataset.user_rows for name in names):
            raise DataError(f"{path}: names no user of {dataset.folder}; one id a line is needed")
        _warn_unknown_users(names, dataset)
        return names
    names = split_ids(users, dataset.user_rows)
    if not names:
        raise ConfigError("users: give all, a file with one id a line, or ids. Received: nothing")
    if len(names) == 1 and names[0] not in dataset.user_rows:
        raise DataError(f"users: {users!r} is neither a file nor a user of {dataset.folder}")
    _warn_unknown_users(names, dataset)
    return names


def _warn_unknown_users(names: list[str], dataset: Dataset) -> None:
    unknown = [name for name in names if name not in dataset.user_rows]
    if unknown:
        print(
            f"tfmmrec: {len(unknown)} of {len(names)} users are not in {dataset.folder} and get "
            f"what a user without a history gets; first: {unknown[0]!r}",
            file=sys.stderr,
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A list of ids may be longer than the maximum length of a file name.
        return False


def _candidate_mask(path: Path, dataset: Dataset) -> np.ndarray:
    mask = np.zeros(len(dataset.item_ids), bool)
    names = _read_ids(path)
    unknown = [name for name in names if name not in dataset.item_rows]
    if unknown:
        raise DataError(
            f"{path}: {len(unknown)} of {len(names)} ids are no items of {dataset.folder}, "
            f"the first {unknown[0]!r}"
        )
    mask[[dataset.item_rows[name] for name in names]] = True
    if not mask.any():
        raise DataError(f"{path}: names no item; one id a line is needed")
    return mask


def _read_ids(path: Path) -> list[str]:
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    return [line.strip() for line in lines if line.strip()]
