"""Writes a catalog folder: tables, media and dataset.yaml, from rows and media in Python."""

import csv
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tfmmrec.data.positive import parse_positive
from tfmmrec.data.schema import create_features, split_optional
from tfmmrec.data.storage import atomic_folder
from tfmmrec.errors import ConfigError, DataError

DATASET_FILE = "dataset.yaml"

Row = Mapping[str, Any]
Features = Mapping[str, Mapping[str, Any]]

_INTERACTION_COLUMNS = {"user": "user_id", "item": "item_id", "time": "timestamp"}


def write_catalog(
    folder: Path,
    *,
    name: str,
    items: Iterable[Row],
    item_features: Features,
    interactions: Iterable[Row],
    users: Iterable[Row] | None = None,
    user_features: Features | None = None,
    item_id: str = "item_id",
    user_id: str = "user_id",
    interaction_columns: Mapping[str, str] = _INTERACTION_COLUMNS,
    positive: str | None = None,
    kinds: Mapping[str, float] | None = None,
    repeats: str | None = None,
    split: Mapping[str, Any] | None = None,
    cold_items: Mapping[str, Any] | None = None,
    cold_users: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes a catalog that `tfmmrec pack` can read.

    Rows are streamed, and the folder is created atomically. It has items.jsonl, users.csv,
    interactions.csv, a folder of media per feature, and dataset.yaml.

    Args:
        folder: the catalog folder.
        name: name of the data set.
        items: a mapping per item, with its id and any of `item_features`; None is absent. An
            image, audio or video value is the `Path` of a file, which is hard-linked or copied
            (absent if there is no such file), or a pair (file name, bytes), which is written. A
            multi-valued feature has a list of them.
        item_features: the declaration of each feature, such as `{"title": {"modality": "text"}}`.
        interactions: a mapping per event, with the names of `interaction_columns` as keys.
        users: a mapping per user, or None without a user table.
        user_features: as `item_features`.
        item_id: id column of the items.
        user_id: id column of the users.
        interaction_columns: columns of "user" and "item", and optionally "time", "rating" and
            "kind".
            Columns that `positive` or a split by column names are written as well.
        positive: condition of a positive, such as "rating >= 4" (default: all events).
        kinds: the weight of each kind of event, such as {"view": 0.1, "buy": 1.0}, with a column
            of the "kind" (default none).
        repeats: `allow` recommends items again to users who chose them (default `exclude`).
        split: the split (default `{"by": "last_out"}`).
        cold_items: such as `{"share": 0.1}` (default: none).
        cold_users: as `cold_items`.
        overwrite: whether an existing folder is replaced (default False).

    Returns:
        The path of dataset.yaml.

    Raises:
        DataError: the folder exists, a table has no rows, or a row has a value that cannot be
            written or is not declared.
        ConfigError: a declared modality does not exist.

    Examples:
        >>> import tempfile
        >>> path = write_catalog(
        ...     Path(tempfile.mkdtemp()) / "songs",
        ...     name="songs",
        ...     items=[{"item_id": "1", "title": "Blue", "cover": ("1.png", b"...")}],
        ...     item_features={"title": {"modality": "text"}, "cover": {"modality": "image"}},
        ...     interactions=[{"user_id": "a", "item_id": "1", "timestamp": 1_700_000_000}],
        ... )
        >>> sorted(file.name for file in path.parent.iterdir())
        ['cover', 'dataset.yaml', 'interactions.csv', 'items.jsonl']
    """
    split = dict(split or {"by": "last_out"})
    if (users is None) != (user_features is None):
        raise ConfigError("users and user_features go together: give both or neither")
    media = _media_features(item_features, "item_features")
    if _media_features(user_features or {}, "user_features"):
        raise ConfigError("user_features: users cannot have media; use text, number or categorical")
    content = {
        "name": name,
        "items": _table("items.jsonl", item_id, item_features),
        "users": None if user_features is None else _table("users.csv", user_id, user_features),
        "interactions": {
            "table": "interactions.csv",
            **interaction_columns,
            **({} if kinds is None else {"kinds": dict(kinds)}),
            **({} if positive is None else {"positive": positive}),
            **({} if repeats is None else {"repeats": repeats}),
        },
        "split": split,
        "cold_items": cold_items and dict(cold_items),
        "cold_users": cold_users and dict(cold_users),
    }
    with atomic_folder(Path(folder), replace=overwrite) as out:
        columns = [item_id, *item_features]
        _write_jsonl(out / "items.jsonl", columns, _with_media(items, media, out))
        if users is not None and user_features is not None:
            _write_csv(out / "users.csv", [user_id, *user_features], users)
        columns = _event_columns(interaction_columns, positive, split)
        _write_csv(out / "interactions.csv", columns, interactions)
        _write_yaml(out / DATASET_FILE, content)
    return Path(folder) / DATASET_FILE


def _media_features(features: Features, where: str) -> list[str]:
    modalities = create_features(split_optional(features, where)[0], where)
    return [name for name, modality in modalities.items() if modality.reads_files]


def _table(table: str, identity: str, features: Features) -> dict[str, Any]:
    declared = {name: dict(options) for name, options in features.items()}
    return {"table": table, "id": identity, "features": declared}


def _event_columns(
    roles: Mapping[str, str], positive: str | None, split: Mapping[str, Any]
) -> list[str]:
    names = list(roles.values())
    if positive is not None:
        names += parse_positive(positive).columns()
    if split.get("by") == "column":
        names.append(split["name"])
    return list(dict.fromkeys(names))


def _with_media(items: Iterable[Row], media: list[str], out: Path) -> Iterator[Row]:
    """Writes the media of each item to the folder, and yields the item with their paths."""
    for number, item in enumerate(items, start=1):
        row = dict(item)
        for feature in media:
            if row.get(feature) is not None:
                row[feature] = _add_media(row[feature], feature, number, out)
        yield row


def _add_media(source: Any, feature: str, number: int, out: Path) -> Any:
    if isinstance(source, list):
        return [_add_media(one, feature, number, out) for one in source]
    if isinstance(source, Path):
        name, data = source.name, None
        if not source.is_file():
            return None
    elif isinstance(source, tuple) and len(source) == 2:
        name, data = Path(source[0]).name, source[1]
    else:
        raise DataError(
            f"items row {number}: {feature} must be a Path or a pair (file name, bytes). "
            f"Received: {type(source).__name__}"
        )
    target = out / feature / name
    while target.exists():  # files of the same name from different folders
        target = target.with_name(f"{number}-{target.name}")
    try:
        target.parent.mkdir(exist_ok=True)
        if data is None:
            _link_or_copy(source, target)
        else:
            target.write_bytes(data)
    except OSError as error:
        raise DataError(f"items row {number}: {feature}: {name}: {error.strerror}") from None
    return f"{feature}/{target.name}"


def _link_or_copy(source: Path, target: Path) -> None:
    # A hard link takes no space, but works only within one disk.
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _checked(table: str, columns: list[str], rows: Iterable[Row]) -> Iterator[Row]:
    """Yields each row with exactly the declared columns; refuses an empty table."""
    number = 0
    for number, row in enumerate(rows, start=1):
        unknown = row.keys() - set(columns)
        if unknown:
            raise DataError(
                f"{table} row {number}: {min(unknown)!r} is not declared; "
                f"the columns are {', '.join(columns)}"
            )
        yield {column: row.get(column) for column in columns}
    if not number:
        raise DataError(f"{table}: no rows; check the source files")


def _write_jsonl(path: Path, columns: list[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as lines:
        for number, row in enumerate(_checked(path.name, columns, rows), start=1):
            try:
                lines.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            except (TypeError, ValueError) as error:
                raise DataError(f"{path.name} row {number}: cannot be written: {error}") from None


def _write_csv(path: Path, columns: list[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns)
        writer.writeheader()
        for number, row in enumerate(_checked(path.name, columns, rows), start=1):
            try:
                writer.writerow(row)
            except ValueError as error:
                raise DataError(f"{path.name} row {number}: cannot be written: {error}") from None


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    stated = {key: value for key, value in content.items() if value is not None}
    text = yaml.safe_dump(stated, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
