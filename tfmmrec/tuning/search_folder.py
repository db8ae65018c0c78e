"""The folder of a running search, which becomes that of its results."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import MANIFEST, check_format, checksum, read_json, write_json
from tfmmrec.errors import DataError

_STATE = "search.json"
# Raised whenever searches begun earlier can no longer be resumed.
_FORMAT = 3
# Files and folders of a running search that are removed at its end.
_TEMPORARY = (_STATE, "tuner", "trials", "workers")


def open_folder(folder: Path, dataset: Dataset, config: TuneConfig, *, resume: bool) -> bool:
    """Creates the folder of a search, or resumes the search in it.

    Args:
        folder: of the search.
        dataset: the data folder.
        config: of the search.
        resume: whether the folder may exist.

    Returns:
        Whether there was a search to resume.

    Raises:
        DataError: there is a search, and `resume` is not set, or it has another config or data.
    """
    path = folder / _STATE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, _state(dataset, config))
        return False
    if not resume:
        raise DataError(f"{folder}: a search was stopped here; add --resume or remove it")
    state = read_json(path)
    check_format(folder, state, "tuning", _FORMAT, "remove it and search again")
    if state != _state(dataset, config):
        raise DataError(
            f"{folder}: was searched with another config or other data; remove it to search anew"
        )
    return True


def check_folder_of_chief(folder: Path, dataset: Dataset, config: TuneConfig) -> None:
    """Raises DataError unless a worker shares folder, config and data with its chief."""
    if not (folder / _STATE).exists():
        raise DataError(
            f"{folder}: the search of the chief is not in it; put it on storage that all processes "
            "share"
        )
    if read_json(folder / _STATE) != _state(dataset, config):
        raise DataError(f"{folder}: the chief has another config or other data; give it the same")


def publish_folder(folder: Path, out: Path) -> None:
    """Renames the folder of a complete search to `out` and removes its temporary files."""
    if out.exists():
        out.rmdir()  # refuse_existing accepts only an empty folder
    folder.rename(out)
    for name in _TEMPORARY:
        path = out / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _state(dataset: Dataset, config: TuneConfig) -> dict[str, Any]:
    """Data and options that must be the same in all processes, and when a search is resumed."""
    options = dataclasses.asdict(config)
    # These may differ.
    for name in ("trials", "lost_after", "quiet"):
        del options[name]
    for name in ("quiet", "cache", "checkpoints", "strategy"):
        del options["train"][name]
    state = {
        "format": _FORMAT,
        "manifest_sha256": checksum(dataset.folder / MANIFEST),
        "options": options,
    }
    as_json: dict[str, Any] = json.loads(json.dumps(state))
    return as_json
