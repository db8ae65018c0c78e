"""Batch recommendation: the top items of many users, written as JSON lines."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.data.storage import write_text
from tfmmrec.errors import ConfigError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.trained_events import check_not_trained_on
from tfmmrec.models.unscorable_items import warn_unscorable_items
from tfmmrec.serving.id_lists import item_ids, user_ids
from tfmmrec.serving.item_filter import item_mask
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.serving.user_inputs import KnownUsers, NewUser, Users, table_of

_BATCH = 256


def recommend(
    run: str | Path,
    *,
    users: str | Sequence[str] | None = None,
    k: int | None = None,
    out: str | Path | None = None,
    split: str | None = None,
    candidates: str | Path | None = None,
    history: str | Sequence[str] | None = None,
    user: Mapping[str, Any] | None = None,
    exclude: str | Sequence[str] = (),
    where: str | Sequence[str] = (),
    quiet: bool = False,
) -> list[dict]:
    """Recommends items to users, or to one user who is not in the data.

    Args:
        run: a run folder.
        users: a list of ids; or a text: `all`, a file with one id per line, an id, or ids separated
            by commas, of which one that holds a comma is in double quotes. An unknown user gets the
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
        history: the ids of the items of a user who is not in the data, oldest first: a list, or a
            text with commas. The items are excluded (default none).
        user: the features of a user who is not in the data, `{"age": 30}`, as they would be in the
            table (default none). With `history` or `user`, there is one line, whose user is null.
        exclude: ids of items that are left out, like `history` (default none).
        where: conditions on item features, such as `"types=fire"` or `"year>=1990"`, all of which
            hold (default none).
        quiet: no progress bar.

    Returns:
        The lines.

    Raises:
        ConfigError: an option is invalid, or two of them exclude each other.
        DataError: a file cannot be read, an item or a user does not exist, or the model was trained
            on the split.
    """
    run = Path(run)
    out = None if out is None else Path(out)
    candidates = None if candidates is None else Path(candidates)
    if split is not None and split not in CONTEXT_SPLITS:
        raise ConfigError(f"split must be one of {', '.join(CONTEXT_SPLITS)}. Received: {split!r}")
    if user is not None and not isinstance(user, Mapping):
        raise ConfigError(
            "user: give the features of a user who is not in the data, such as {'age': 30}; for a "
            f"user of the data, give users. Received: {user!r}"
        )
    is_new_user = history is not None or bool(user)
    for name, value in (("users", users), ("split", split)):
        if is_new_user and value is not None:
            raise ConfigError(
                f"--{name}: --history and --user describe a user who is not in the data; "
                f"leave --{name} out"
            )
    check_output_path("--out", out)
    bundle = load_run(run, quiet=quiet)
    dataset = bundle.dataset
    if split is not None:
        check_not_trained_on(bundle, split)
    k = dataset.default_k(k)
    audience: Users
    if is_new_user:
        past = [dataset.item_rows[name] for name in item_ids("history", history or (), dataset)]
        audience = NewUser(bundle, past, user or {})
    else:
        audience = KnownUsers(bundle, user_ids("all" if users is None else users, dataset), split)
    mask = item_mask(dataset, candidates, [where] if isinstance(where, str) else where)
    excluded = [dataset.item_rows[name] for name in item_ids("exclude", exclude, dataset)]
    lines = _ranked(bundle, audience, k, mask, excluded, quiet)
    if out is not None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_text(out, text)
    return lines


def _ranked(
    bundle: ModelBundle,
    audience: Users,
    k: int,
    mask: np.ndarray | None,
    excluded: Sequence[int],
    quiet: bool,
) -> list[dict]:
    """The best items of each user, without the excluded rows, among those of the mask."""
    serving_model = ServingModel(bundle)
    if mask is not None:
        unscorable = ~serving_model.item_index.scorable.numpy()
        warn_unscorable_items(unscorable & mask, bundle.dataset.item_ids)
    lines = []
    starts = range(0, len(audience.names), _BATCH)
    for start in tqdm.tqdm(starts, desc="recommend", disable=True if quiet else None):
        names = audience.names[start : start + _BATCH]
        inputs, seen = audience.batch(start, start + len(names))
        left_out = [np.append(own, excluded).astype(np.int32) for own in seen]
        items, scores = serving_model.recommend_encoded(
            inputs, table_of(left_out, np.int32, -1), tf.fill([len(names)], k), mask
        )
        lines += _lines(names, items.numpy(), scores.numpy())
    return lines


def _lines(names: Sequence[str | None], items: np.ndarray, scores: np.ndarray) -> list[dict]:
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
