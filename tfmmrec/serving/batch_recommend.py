"""Batch recommendation: the top items of many users, written as JSON lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.errors import ConfigError
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.trained_events import check_not_trained_on
from tfmmrec.serving.id_lists import item_ids, user_ids
from tfmmrec.serving.item_filter import item_mask
from tfmmrec.serving.recommendations import Recommendations
from tfmmrec.serving.user_inputs import KnownUsers, NewUser, Users


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
            with events of the user are excluded; with kinds or repeats, see `Schema.are_excluded`.
        candidates: a file with one item id per line; only these are ranked (default all items).
        history: the ids of the items of a user who is not in the data, oldest first: a list, or a
            text with commas. The items are excluded, unless the data allows repeats (default none).
        user: the features of a user who is not in the data, `{"age": 30}`, as they would be in the
            table (default none). With `history` or `user`, there is one line, whose user is null.
        exclude: ids of items that are left out, like `history` (default none).
        where: conditions on item features, such as `"types=fire"` or `"year>=1990"`, all of which
            hold (default none).
        quiet: no progress bar.

    Returns:
        The lines; with `out`, none, since the lines of many users may not fit into memory.

    Raises:
        ConfigError: an option is invalid, or two of them exclude each other.
        DataError: a file cannot be read or written, an item or a user does not exist, or the model
            was trained on the split.
    """
    check_output_path("--out", out)
    lines = recommend_lines(
        run,
        users=users,
        k=k,
        split=split,
        candidates=candidates,
        history=history,
        user=user,
        exclude=exclude,
        where=where,
        quiet=quiet,
    )
    if out is None:
        return list(lines)
    lines.write(Path(out))
    return []


def recommend_lines(
    run: str | Path,
    *,
    users: str | Sequence[str] | None = None,
    k: int | None = None,
    split: str | None = None,
    candidates: str | Path | None = None,
    history: str | Sequence[str] | None = None,
    user: Mapping[str, Any] | None = None,
    exclude: str | Sequence[str] = (),
    where: str | Sequence[str] = (),
    quiet: bool = False,
) -> Recommendations:
    """Checks the options of `recommend` and returns its lines, which are computed as they are read.

    The lines of any number of users can be read one after another without holding them in memory.

    Args:
        run: a run folder.
        users: this and all other options are those of `recommend`.

    Raises:
        ConfigError: as `recommend`.
        DataError: as `recommend`.
    """
    run = Path(run)
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
    return Recommendations(bundle, audience, k, mask, excluded, quiet=quiet)
