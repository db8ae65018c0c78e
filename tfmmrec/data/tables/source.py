"""What a table is read from: a file, or the files of a folder or pattern in the order of names."""

import dataclasses
import glob
from pathlib import Path

from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.errors import DataError

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
        dialect: the dialect of csv and tsv.
    """

    path: Path
    parts: tuple[Path, ...]
    folder: Path
    dialect: Dialect = Dialect()

    @property
    def name(self) -> str:
        """The name of the table, such as `items.csv`."""
        return self.path.name

    def number_before(self, part: int) -> int:
        """Returns the row number that precedes the first row of a part, which counts from 0."""
        return part * _ROWS_PER_PART

    def locate(self, number: int) -> tuple[str, int]:
        """Converts a row number of the table to the name of the part and the row in it, from 1."""
        part, row = divmod(number, _ROWS_PER_PART)
        return str(self.parts[part].relative_to(self.folder)), row

    def state(self) -> list[tuple[str, int, int]]:
        """Returns the path, the size and the modification time of each part."""
        states = [(str(path), path.stat()) for path in self.parts]
        return [(path, status.st_size, status.st_mtime_ns) for path, status in states]


def find_table(path: Path, dialect: Dialect = Dialect()) -> TableSource:
    """Finds the files of a table.

    Args:
        path: a file, a folder of parts, or a pattern of `glob`. What exists is not a pattern.
        dialect: the dialect of csv and tsv.

    Raises:
        DataError: there is no such file, or the folder or pattern has no part.
    """
    if path.is_file():
        return TableSource(path, (path,), path.parent, dialect)
    if path.is_dir():
        parts = [part for part in path.rglob("*") if _is_part(part, path)]
        if not parts:
            raise DataError(f"the folder has no parts of a table: {path}")
        return TableSource(path, tuple(sorted(parts)), path.parent, dialect)
    folder, pattern = _split_pattern(path)
    if not glob.has_magic(pattern):
        raise DataError(f"no such file: {path}")
    found = (folder / name for name in glob.glob(pattern, root_dir=folder, recursive=True))
    parts = [part for part in found if _is_part(part, folder)]
    if not parts:
        raise DataError(f"no file matches the pattern: {path}")
    return TableSource(path, tuple(sorted(parts)), folder, dialect)


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
