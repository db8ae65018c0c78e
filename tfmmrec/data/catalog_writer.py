"""Rows and media in, a catalogue folder out: tables, media and the dataset.yaml over them."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tfmmrec.data.schema import create_features
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
    split: Mapping[str, Any] | None = None,
    cold_items: Mapping[str, Any] | None = None,
    cold_users: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes a catalogue in the form that `tfmmrec pack` reads.

    The rows are streamed, and the folder appears whole or not at all: items.jsonl, users.csv,
    interactions.csv, the media in one folder a feature, and dataset.yaml.

    Args:
        folder: the catalogue folder.
        name: the data set's name.
        items: a mapping of values an item: its id and any of `item_features`; None is absent. An
            image, a sound or a video is the `Path` of a file to link, or copy to another disk
            (absent when there is no such file), or a pair (file name, bytes) to write; of a
            feature that holds several, a list of them.
        item_features: the declaration of each feature, such as `{"title": {"modality": "text"}}`.
        interactions: a mapping of values an event, by the names of `interaction_columns`.
        users: a mapping of values a user, or None when there is no users table.
        user_features: as `item_features`.
        item_id: the id column of items.
        user_id: the id column of users.
        interaction_columns: the column of "user", "item", and if there "time" and "rating". What
            `positive` or a split by column names besides is written too.
        positive: which rows are positives, such as "rating >= 4"; by default all.
        split: how to split; by default `{"by": "last_out"}`.
        cold_items: such as `{"share": 0.1}`; by default none.
        cold_users: as `cold_items`.
        overwrite: whether a folder that is there gives way.

    Returns:
        The path of dataset.yaml.

    Raises:
        DataError: the folder is there already, a table has no rows, or a row has a value that
            cannot be written or is not declared.
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
        raise ConfigError("user_features: a user has no media here; use text, number, categorical")
    content = {
        "name": name,
        "items": _side("items.jsonl", item_id, item_features),
        "users": None if user_features is None else _side("users.csv", user_id, user_features),
        "interactions": {
            "table": "interactions.csv",
            **interaction_columns,
            **({} if positive is None else {"positive": positive}),
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
    modalities = create_features(features, where)
    return [name for name, modality in modalities.items() if modality.reads_files]


def _side(table: str, identity: str, features: Features) -> dict[str, Any]:
    declared = {name: dict(options) for name, options in features.items()}
    return {"table": table, "id": identity, "features": declared}


def _event_columns(
    roles: Mapping[str, str], positive: str | None, split: Mapping[str, Any]
) -> list[str]:
    names = list(roles.values())
    if positive is not None:
        names += re.findall(r"^\s*(\w+)", positive)
    if split.get("by") == "column":
        names.append(split["name"])
    return list(dict.fromkeys(names))


def _with_media(items: Iterable[Row], media: list[str], out: Path) -> Iterator[Row]:
    """Puts each item's media into the folder, and their relative paths into the item."""
    for number, item in enumerate(items, start=1):
        row = dict(item)
        for feature in media:
            if row.get(feature) is not None:
                row[feature] = _place(row[feature], feature, number, out)
        yield row


def _place(source: Any, feature: str, number: int, out: Path) -> Any:
    if isinstance(source, list):
        return [_place(one, feature, number, out) for one in source]
    if isinstance(source, Path):
        name, data = source.name, None
        if not source.is_file():
            return None
    elif isinstance(source, tuple) and len(source) == 2:
        name, data = Path(source[0]).name, source[1]
    else:
        raise DataError(
            f"items row {number}: {feature} is to be a Path or (file name, bytes). "
            f"Received: {type(source).__name__}"
        )
    target = out / feature / name
    while target.exists():  # two items' files of the same name, from different folders
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
    # A large folder of pictures takes no room twice, as long as both are on one disk.
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _checked(table: str, columns: list[str], rows: Iterable[Row]) -> Iterator[Row]:
    """Gives each row with all of the columns and no others; refuses an empty table."""
    number = 0
    for number, row in enumerate(rows, start=1):
        unknown = row.keys() - set(columns)
        if unknown:
            raise DataError(
                f"{table} row {number}: {min(unknown)!r} is not declared; "
                f"declared are {', '.join(columns)}"
            )
        yield {column: row.get(column) for column in columns}
    if not number:
        raise DataError(f"{table}: no rows came; look at the source's files")


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
