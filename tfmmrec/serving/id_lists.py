"""Ids of users and items, as options of the command line give them."""

import difflib
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal

from tfmmrec.config.comma_list import split_ids
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions.id_hints import similar_id
from tfmmrec.errors import ConfigError, DataError

# Close matches are searched among this many names at most, since that takes seconds for a million.
_MAX_NAMES = 50_000


def user_ids(users: str | Sequence[str], dataset: Dataset) -> list[str]:
    """Returns the ids of `users`: a list, or a text as `--users` takes it.

    A text is all, a file with one id per line, or a list with commas, see `split_ids`.

    Raises:
        ConfigError: there are none, or one is not a text.
        DataError: a file, or a single id, names no user.
    """
    if isinstance(users, str) and users == "all":
        return dataset.user_ids
    names = _named_users(users, dataset) if isinstance(users, str) else _listed("users", users)
    if not names:
        raise ConfigError("users: give all, a file with one id a line, or ids. Received: nothing")
    if len(names) == 1 and names[0] not in dataset.user_rows:
        raise DataError(
            f"users: {names[0]!r} is neither a file nor a user of {dataset.folder}"
            f"{closest_id(names[0], dataset.user_rows)}; for somebody who is not in the data, give "
            "their items as --history ITEM,ITEM"
        )
    _warn_unknown_users(names, dataset)
    return names


def _named_users(users: str, dataset: Dataset) -> list[str]:
    path = Path(users)
    if users in dataset.user_rows or not _is_file(path):
        return split_ids(users, dataset.user_rows)
    names = read_ids(path)
    if not any(name in dataset.user_rows for name in names):
        raise DataError(f"{path}: names no user of {dataset.folder}; one id a line is needed")
    return names


def _warn_unknown_users(names: list[str], dataset: Dataset) -> None:
    unknown = [name for name in names if name not in dataset.user_rows]
    if unknown:
        print(
            f"tfmmrec: {len(unknown)} of {len(names)} users are not in {dataset.folder} and get "
            f"what a user without a history gets; first: {unknown[0]!r}"
            f"{closest_id(unknown[0], dataset.user_rows)}",
            file=sys.stderr,
        )


def item_ids(option: str, items: str | Sequence[str], dataset: Dataset) -> list[str]:
    """Returns the ids of an option that lists items.

    Args:
        option: its name, for messages.
        items: ids, or one text with ids separated by commas, see `split_ids`.
        dataset: the data folder.

    Raises:
        ConfigError: an id is not a text.
        DataError: an item does not exist.
    """
    known = dataset.item_rows
    names = split_ids(items, known) if isinstance(items, str) else _listed(option, items)
    for name in names:
        if name not in known:
            raise unknown_id(option, name, "item", dataset)
    return names


def _listed(option: str, ids: Iterable[str]) -> list[str]:
    """Returns the ids as a list, each of which must be a text."""
    if not isinstance(ids, Iterable):
        raise ConfigError(f"{option}: give a text or a list of texts. Received: {ids!r}")
    names = list(ids)
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(f"{option}: ids are texts: write {str(name)!r}. Received: {name!r}")
    return names


def unknown_id(
    option: str, name: str, kind: Literal["item", "user"], dataset: Dataset
) -> DataError:
    """Returns the error of an id that is not in the data, with the closest one."""
    known = dataset.item_rows if kind == "item" else dataset.user_rows
    hint = closest_id(name, known)
    return DataError(f"--{option}: {name!r} is no {kind} of {dataset.folder}{hint}")


def closest_id(name: str, known: Collection[str]) -> str:
    """Returns the end of an error message with the closest known id, "" without one.

    An id in another writing, such as 7 for 007 or 7.0, comes before one of a similar spelling.
    """
    names = list(known)
    same = similar_id(names, [name])
    return did_you_mean(name, names) if same is None else f"; did you mean {same[1]!r}?"


def did_you_mean(name: str, names: Collection[str]) -> str:
    """Returns the end of an error message with a close match among names, "" without one."""
    near = difflib.get_close_matches(name, names, 1) if len(names) <= _MAX_NAMES else []
    return f"; did you mean {near[0]!r}?" if near else ""


def read_ids(path: Path) -> list[str]:
    """Reads a file with one id per line."""
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A list of ids may be longer than the maximum length of a file name.
        return False
