"""The dataset file: declares tables, the meaning of their columns, and the split."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfmmrec.data.dataset_yaml import read_yaml
from tfmmrec.data.interactions.kinds import EventKinds, parse_kinds
from tfmmrec.data.positive import PositiveRule, parse_positive
from tfmmrec.data.schema import REPEATS, Schema, create_features, split_optional
from tfmmrec.data.tables.dialect import DIALECT_KEYS, keys_without_effect, parse_dialect
from tfmmrec.data.tables.source import TableSource, find_table, query_table
from tfmmrec.data.times import parse_time_format
from tfmmrec.errors import ConfigError, DataError, did_you_mean

_SPLIT_OPTIONS: dict[str, dict[str, Any]] = {
    "last_out": {},
    "time": {"test_share": 0.1, "valid_share": 0.1},
    "random": {"test_share": 0.1, "valid_share": 0.1},
    "column": {"name": None},
    "none": {},
}
_QUERY = "duckdb:"


@dataclasses.dataclass(frozen=True)
class Table:
    """The table of one entity: its files, its id column and its features.

    Attributes:
        optional: the features that may lack every value.
    """

    source: TableSource
    id: str
    features: dict[str, Any]
    optional: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class InteractionTable:
    """The interaction table: its files and columns.

    Attributes:
        positive: which rows are positives, or None if every row is one, or every row of a kind
            whose weight is above 0.
        extra: another column to read (that of `split: {by: column}`), or None.
        time_format: what the times are, for `data.times.TimeReader`, or None.
        kind: the column of the kinds of events, or None.
        kinds: the weights of the kinds; empty without `kind`.
        allows_repeats: whether items are recommended again to users who chose them.
    """

    source: TableSource
    user: str
    item: str
    time: str | None
    rating: str | None
    positive: PositiveRule | None
    extra: str | None
    time_format: str | None = None
    kind: str | None = None
    kinds: EventKinds = EventKinds()
    allows_repeats: bool = False

    def columns(self) -> list[str]:
        """Returns the distinct columns to read."""
        positive = self.positive.columns() if self.positive else []
        named = [self.user, self.item, self.time, self.rating, self.kind, *positive, self.extra]
        return list(dict.fromkeys(column for column in named if column))

    def optional_columns(self) -> list[str]:
        """Returns the columns in which an event may have no value."""
        required = (self.user, self.item, self.time, self.kind, self.extra)
        return [column for column in self.columns() if column not in required]


@dataclasses.dataclass(frozen=True)
class DatasetFile:
    """The validated content of a dataset file.

    Attributes:
        media: the folder to which the paths in tables are relative.
    """

    path: Path
    name: str
    media: Path
    items: Table
    users: Table | None
    interactions: InteractionTable
    split: dict[str, Any]
    cold_share: float
    cold_user_share: float

    def schema(self) -> Schema:
        """Returns the declared schema."""
        return Schema(
            name=self.name,
            items=create_features(self.items.features, f"{self.path}: items.features"),
            users=create_features(
                self.users.features if self.users else {}, f"{self.path}: users.features"
            ),
            has_time=self.interactions.time is not None,
            has_rating=self.interactions.rating is not None,
            kinds=self.interactions.kinds,
            allows_repeats=self.interactions.allows_repeats,
        )


def read_dataset_file(path: Path) -> DatasetFile:
    """Reads a dataset file.

    Raises:
        DataError: the file or one of its tables does not exist, or the file is not valid YAML.
        ConfigError: a key is missing, unknown, double, or has an invalid value; the message names
            it.
    """
    top = _Keys(path, "", read_yaml(path))
    known = ["name", "media", "items", "users", "interactions", "split", "cold_items", "cold_users"]
    top.refuse_others(known)
    split = _read_split(top.section("split", optional=True))
    log = top.section("interactions")
    if split["by"] == "time" and log.get("time") is None:
        raise ConfigError(
            f"{path}: split.by: the split by time needs interactions.time, the column of the "
            "times; without times, write random or last_out"
        )
    dataset = DatasetFile(
        path=path,
        name=str(top.get("name", path.stem)),
        media=_read_media(top),
        items=_read_table(top.section("items")),
        users=_read_table(top.section("users")) if top.get("users") is not None else None,
        interactions=_read_interactions(log, split),
        split=split,
        cold_share=_read_cold(top.section("cold_items", optional=True)),
        cold_user_share=_read_cold(top.section("cold_users", optional=True)),
    )
    dataset.schema()
    return dataset


class _Keys:
    """One mapping of the file, with errors that name the file and the key."""

    def __init__(self, path: Path, where: str, content: Any):
        self.path, self.where, self.content = path, where, content
        if not isinstance(content, dict):
            raise ConfigError(f"{path}: {where or 'the file'} must be a mapping")

    def key(self, name: str) -> str:
        return f"{self.path}: {self.where}.{name}" if self.where else f"{self.path}: {name}"

    def get(self, name: str, default: Any = None) -> Any:
        value = self.content.get(name)
        return default if value is None else value

    def text(self, name: str, *, optional: bool = False) -> Any:
        value = self.content.get(name)
        if value is None and optional:
            return None
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{self.key(name)}: must be a name. Received: {value!r}")
        return value

    def share(self, name: str, default: float) -> float:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            raise ConfigError(
                f"{self.key(name)}: must be a number from 0 to below 1. Received: {value!r}"
            )
        return float(value)

    def section(self, name: str, *, optional: bool = False) -> "_Keys":
        value = self.content.get(name)
        if value is None and optional:
            value = {}
        elif value is None:
            raise ConfigError(f"{self.key(name)}: the key is missing")
        return _Keys(self.path, f"{self.where}.{name}" if self.where else name, value)

    def refuse_others(self, known: list[str]) -> None:
        for name in self.content:
            if name not in known:
                hint = did_you_mean(str(name), known)
                raise ConfigError(
                    f"{self.key(name)}: unknown key; the keys are {', '.join(known)}{hint}"
                )

    def table(self) -> TableSource:
        dialect = parse_dialect(self.content, f"{self.path}: {self.where}")
        written = self.text("table")
        if written.startswith(_QUERY):
            sql = written.removeprefix(_QUERY)
            source = query_table(sql, self.path.parent, self.key("table"), dialect)
        else:
            try:
                source = find_table(self.path.parent / written, dialect)
            except DataError as error:
                raise DataError(f"{self.key('table')}: {error}") from None
        for name in keys_without_effect(source.type):
            if self.content.get(name) is not None:
                raise ConfigError(
                    f"{self.key(name)}: {source.name} is of type {source.type}, which has no "
                    f"{name}; remove the key"
                )
        return source


def _read_table(keys: _Keys) -> Table:
    keys.refuse_others(["table", "id", "features", *DIALECT_KEYS])
    declared = keys.section("features", optional=True).content
    features, optional = split_optional(declared, keys.key("features"))
    return Table(keys.table(), keys.text("id"), features, optional)


def _read_media(keys: _Keys) -> Path:
    name = keys.text("media", optional=True)
    if name is None:
        return keys.path.parent
    folder = keys.path.parent / Path(name).expanduser()
    if not folder.is_dir():
        raise DataError(f"{keys.key('media')}: no such folder: {folder}")
    return folder


def _read_interactions(keys: _Keys, split: dict[str, Any]) -> InteractionTable:
    known = ["table", "user", "item", "time", "time_format", "rating", "kind", "kinds", "positive"]
    keys.refuse_others([*known, "repeats", *DIALECT_KEYS])
    kinds = _parsed(keys, "kinds", parse_kinds)
    _check_kinds(keys)
    return InteractionTable(
        source=keys.table(),
        user=keys.text("user"),
        item=keys.text("item"),
        time=keys.text("time", optional=True),
        rating=keys.text("rating", optional=True),
        positive=_parsed(keys, "positive", parse_positive),
        extra=split.get("name"),
        time_format=_read_time_format(keys),
        kind=keys.text("kind", optional=True),
        kinds=EventKinds() if kinds is None else kinds,
        allows_repeats=_read_repeats(keys),
    )


def _check_kinds(keys: _Keys) -> None:
    """Raises ConfigError unless there are both the column of the kinds and their weights."""
    if keys.get("kinds") is None and keys.get("kind") is not None:
        raise ConfigError(
            f"{keys.key('kind')}: state the weight of each kind as kinds, such as "
            "{view: 0.1, buy: 1.0, skip: -1}"
        )
    if keys.get("kind") is None and keys.get("kinds") is not None:
        raise ConfigError(f"{keys.key('kinds')}: state the column of the kinds as kind")


def _read_repeats(keys: _Keys) -> bool:
    written = keys.get("repeats", REPEATS[False])
    if written not in REPEATS.values():
        raise ConfigError(
            f"{keys.key('repeats')}: must be {REPEATS[True]}, to recommend again what a user chose "
            f"(songs, groceries), or {REPEATS[False]}. Received: {written!r}"
        )
    return written == REPEATS[True]


def _read_time_format(keys: _Keys) -> str | None:
    written = keys.get("time_format")
    _parsed(keys, "time_format", parse_time_format)
    if written is not None and keys.get("time") is None:
        raise ConfigError(f"{keys.key('time_format')}: state the column of the times as time")
    return written


def _parsed(keys: _Keys, name: str, parse: Callable[[Any], Any]) -> Any:
    """Parses an optional key; errors quote its value."""
    written = keys.get(name)
    try:
        return None if written is None else parse(written)
    except ValueError as error:
        raise ConfigError(f"{keys.key(name)}: {error}. Received: {written!r}") from None


def _read_cold(keys: _Keys) -> float:
    keys.refuse_others(["share"])
    return keys.share("share", 0.0)


def _read_split(keys: _Keys) -> dict[str, Any]:
    by = keys.get("by", "last_out")
    if not isinstance(by, str) or by not in _SPLIT_OPTIONS:
        raise ConfigError(
            f"{keys.key('by')}: unknown split {by!r}; the splits are {', '.join(_SPLIT_OPTIONS)}"
        )
    options = _SPLIT_OPTIONS[by]
    keys.refuse_others(["by", *options])
    if by == "column":
        return {"by": by, "name": keys.text("name")}
    shares = {name: keys.share(name, default) for name, default in options.items()}
    if sum(shares.values()) >= 1:
        raise ConfigError(
            f"{keys.path}: {keys.where}: the shares must sum to below 1. "
            f"Received: {sum(shares.values()):g}"
        )
    return {"by": by, **shares}
