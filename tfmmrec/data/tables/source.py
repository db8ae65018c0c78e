"""What a table is read from: a file, or the files of a folder or pattern in the order of names."""

import dataclasses
import glob
from pathlib import Path
from typing import Any

from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.duckdb import Query
from tfmmrec.data.tables.open_file import COMPRESSED
from tfmmrec.errors import DataError

TYPES = {
    ".csv": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".orc": "orc",
}
_MAGIC = {b"PAR1": "parquet", b"ARROW1": "feather", b"ORC": "orc"}
_ADVICE = {
    (".xlsx", ".xls", ".ods", ".numbers"): "save the spreadsheet as csv (UTF-8)",
    (".db", ".sqlite", ".sqlite3", ".duckdb"): (
        "write a query of the database, such as "
        "table: \"duckdb:ATTACH 'shop.duckdb' AS shop (READ_ONLY); SELECT * FROM shop.items\""
    ),
    (".zip", ".7z", ".rar", ".tar", ".tgz"): "unpack the archive first",
}

# The rows of part n have numbers from n times this on: unique, ascending, and independent of the
# number of rows of other parts, as a pack that resumes needs.
_ROWS_PER_PART = 1 << 40


@dataclasses.dataclass(frozen=True)
class TableSource:
    """The files of a table, and how their text is to be read.

    Attributes:
        path: a file, a folder of parts, or a pattern such as `log-*.csv`, as errors name it.
        parts: the files, in the order in which they are read.
        folder: the folder that the names of parts are relative to.
        type: the type of the files, a value of `TYPES`.
        query: the query that gives the rows instead of files.
        dialect: the dialect of csv and tsv.
    """

    path: Path
    parts: tuple[Path, ...]
    folder: Path
    type: str
    dialect: Dialect = Dialect()
    query: Query | None = None

    @property
    def name(self) -> str:
        """The name of the table, such as `items.csv`, or the key of a query."""
        return self.query.label.rsplit(": ")[-1] if self.query else self.path.name

    @property
    def label(self) -> str:
        """What errors name: the path, or the key of a query."""
        return self.query.label if self.query else str(self.path)

    def number_before(self, part: int) -> int:
        """Returns the row number that precedes the first row of a part, which counts from 0."""
        return part * _ROWS_PER_PART

    def locate(self, number: int) -> tuple[str, int]:
        """Converts a row number of the table to the name of the part and the row in it, from 1."""
        part, row = divmod(number, _ROWS_PER_PART)
        if self.query:
            return self.name, row
        return str(self.parts[part].relative_to(self.folder)), row

    def state(self) -> list[Any]:
        """Identifies the rows by the path, size and modification time of each part.

        Raises:
            DataError: the query fails.
        """
        if self.query:
            return [self.query.fingerprint()]
        states = [(str(path), path.stat()) for path in self.parts]
        return [(path, status.st_size, status.st_mtime_ns) for path, status in states]


def query_table(sql: str, folder: Path, label: str, dialect: Dialect = Dialect()) -> TableSource:
    """Returns the table of a DuckDB query.

    Args:
        sql: the query.
        folder: the folder at which its relative paths start.
        label: the file and key of the query, with which errors start.
        dialect: its marks of missing values.

    Raises:
        DataError: DuckDB is not installed, or the query has an error.
    """
    query = Query(sql, folder, label)
    query.check()
    return TableSource(folder, (), folder, "duckdb", dialect, query)


def find_table(path: Path, dialect: Dialect = Dialect()) -> TableSource:
    """Finds the files of a table.

    Args:
        path: a file, a folder of parts, or a pattern of `glob`. What exists is not a pattern.
        dialect: the dialect of csv and tsv.

    Raises:
        DataError: there is no such file, the folder or pattern has no part, or the type of a part
            is unknown or differs from that of others.
    """
    if path.is_file():
        return TableSource(path, (path,), path.parent, table_type(path), dialect)
    if path.is_dir():
        folder, found = path.parent, sorted(path.rglob("*"))
        parts = [part for part in found if _is_part(part, path)]
    else:
        folder, pattern = _split_pattern(path)
        if not glob.has_magic(pattern):
            raise DataError(f"no such file: {path}")
        found = [folder / name for name in glob.glob(pattern, root_dir=folder, recursive=True)]
        parts = sorted(part for part in found if _is_part(part, folder))
    if not parts:
        what = "the folder has no parts of a table" if path.is_dir() else "no file matches"
        raise DataError(f"{what}: {path}")
    # Spark writes a file without header for a part without rows.
    parts = [part for part in parts if part.stat().st_size] or parts[:1]
    return TableSource(path, tuple(parts), folder, _common_type(path, parts), dialect)


def table_type(path: Path) -> str:
    """Returns the type of a file, by its name and else by its first bytes.

    Raises:
        DataError: the type is unknown.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix in TYPES:
        return TYPES[suffix]
    with path.open("rb") as file:
        start = file.read(max(map(len, _MAGIC)))
    for magic, found in _MAGIC.items():
        if start.startswith(magic):
            return found
    advice = [text for suffixes, text in _ADVICE.items() if suffix in suffixes]
    raise DataError(
        f"unknown type of table: {path}; "
        + (
            advice[0]
            if advice
            else "use csv, tsv, jsonl, json, parquet, feather, orc, or a query of DuckDB"
        )
    )


def _common_type(path: Path, parts: list[Path]) -> str:
    by_type = {table_type(part): part for part in parts}
    if len(by_type) > 1:
        listed = " and ".join(f"{found} ({part.name})" for found, part in by_type.items())
        suffix = next(iter(by_type.values())).suffix
        pattern = path / "**" / f"*{suffix}" if path.is_dir() else path.parent / f"*{suffix}"
        raise DataError(f"files of several types: {path}: {listed}; select one: {pattern}")
    return next(iter(by_type))


def _split_pattern(path: Path) -> tuple[Path, str]:
    """Splits a pattern after the folders that exist, whose names may have brackets."""
    folder, names = Path(path.anchor), list(path.parts[1 if path.anchor else 0 :])
    while len(names) > 1 and (folder / names[0]).is_dir():
        folder /= names.pop(0)
    return folder, str(Path(*names))


def _is_part(path: Path, folder: Path) -> bool:
    """Whether a file holds rows; Spark and Hive add marks such as _SUCCESS and checksums."""
    names = path.relative_to(folder).parts
    return path.is_file() and not any(name.startswith((".", "_")) for name in names)
