"""What is kept of each trial: a file a trial while the search goes on, one line each at its end."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import read_json, write_text

Record = dict[str, Any]

FOLDER = "trials"


def record_path(folder: Path, trial: int) -> Path:
    """Where the record of a trial stands while the search goes on."""
    return folder / FOLDER / f"{trial:04d}.json"


def write_record(folder: Path, record: Record) -> None:
    """Writes what came of a trial, whole or not at all."""
    write_text(record_path(folder, record["trial"]), json.dumps(record, ensure_ascii=False))


def read_record(folder: Path, trial: int, values: Mapping[str, Any]) -> Record | None:
    """What came of a trial of these values and marks, where it has been run before."""
    path = record_path(folder, trial)
    if not path.is_file():
        return None
    record: Record = read_json(path)
    return record if record["drawn"] == dict(values) else None


def read_records(folder: Path) -> list[Record]:
    """The records of a search, in the order of trials."""
    return [read_json(path) for path in sorted((folder / FOLDER).glob("*.json"))]


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Writes `trials.jsonl`."""
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    write_text(path, "".join(lines))
