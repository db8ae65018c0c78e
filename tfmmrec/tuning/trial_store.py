"""The records of trials: a file per trial during the search, `trials.jsonl` at its end."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import read_json, write_text

Record = dict[str, Any]

FOLDER = "trials"
# The values that the oracle proposed, with its marks; not in `trials.jsonl`.
PROPOSED = "proposed"


def record_path(folder: Path, trial: int) -> Path:
    """The file of a trial's record in the folder of a search."""
    return folder / FOLDER / f"{trial:04d}.json"


def write_record(folder: Path, record: Record) -> None:
    """Writes the record of a trial atomically."""
    write_text(record_path(folder, record["trial"]), json.dumps(record, ensure_ascii=False))


def read_record(folder: Path, trial: int, values: Mapping[str, Any]) -> Record | None:
    """The record of a trial, if it has run with these values and marks; else None."""
    path = record_path(folder, trial)
    if not path.is_file():
        return None
    record: Record = read_json(path)
    return record if record[PROPOSED] == dict(values) else None


def read_records(folder: Path) -> list[Record]:
    """The records of a search in the order of trials."""
    return [read_json(path) for path in sorted((folder / FOLDER).glob("*.json"))]


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Writes records as JSON lines."""
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    write_text(path, "".join(lines))
