"""Tables that DuckDB reads: databases, other types of files, and joins of tables."""

import contextlib
import dataclasses
import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfmmrec.data.tables.chunks import ArrowChunk
from tfmmrec.data.tables.columnar import to_chunks
from tfmmrec.data.tables.columns import check_columns
from tfmmrec.errors import DataError, one_line

_BATCH_ROWS = 1 << 16
# A text behind FROM, JOIN or ATTACH is a file; one in a call or a list may be one.
_FILE = re.compile(
    r"""(?P<before> (?P<word> \b (?: from | join | attach | database | exists ) \s* ) | [\[(,] \s* )
        '(?P<name> (?: [^'] | '' )+ )'""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Query:
    """A query of DuckDB.

    Attributes:
        sql: SQL statements; the last one selects the rows, earlier ones may ATTACH databases.
        folder: the folder at which relative paths start.
        label: the file and key of the query, with which errors start.
    """

    sql: str
    folder: Path
    label: str

    def check(self) -> None:
        """Prepares the query without running it.

        Raises:
            DataError: DuckDB is not installed, or the query has an error.
        """
        with self._result():
            pass

    def read(self, columns: list[str]) -> Iterator[ArrowChunk]:
        """Streams some columns of the rows.

        Raises:
            DataError: the query has an error, or a column is missing.
        """
        # With several threads, joins and groups may have another order of rows each time, and a
        # pack that resumes needs the same.
        with self._result(threads=1) as result:
            check_columns(self.label, columns, result.columns)
            with result.to_arrow_reader(batch_size=_BATCH_ROWS) as batches:
                yield from to_chunks(batches, columns)

    def fingerprint(self) -> str:
        """Runs the query to identify its rows, wherever they come from.

        Raises:
            DataError: the query has an error.
        """
        with self._result() as result:
            counted = result.query("rows", "SELECT count(*), sum(hash(rows)) FROM rows")
            return repr(counted.fetchall())

    @contextlib.contextmanager
    def _result(self, threads: int | None = None) -> Iterator[Any]:
        """Opens a connection and yields the relation of the query."""
        try:
            import duckdb
        except ImportError:
            raise DataError(
                f"{self.label}: a query needs DuckDB: pip install 'tfmmrec[duckdb]'"
            ) from None
        try:
            with duckdb.connect() as connection:
                # Python variables are not tables.
                connection.execute("SET python_enable_replacements = false")
                if threads:
                    connection.execute(f"SET threads = {threads}")
                result = connection.sql(_FILE.sub(self._absolute, self.sql))
                if result is None:
                    raise DataError(f"{self.label}: the query is empty; write duckdb:SELECT …")
                yield result
        except duckdb.Error as error:
            raise DataError(f"{self.label}: {one_line(error)}") from None

    def _absolute(self, found: re.Match[str]) -> str:
        """Writes a relative path from the folder on; DuckDB starts at the current folder."""
        name = found["name"].replace("''", "'")
        folder = str(self.folder.absolute())
        path = os.path.join(folder, name)
        if glob.has_magic(name) and not os.path.exists(path):
            path = os.path.join(glob.escape(folder), name)
        is_file = found["word"] or os.path.exists(path) or glob.glob(path)
        if not is_file or name.startswith(("~", ":", "/")) or re.match(r"\w+:", name):
            return found[0]
        written = path.replace("'", "''")
        return f"{found['before']}'{written}'"
