"""run.json, the description of a run; reading it needs no TensorFlow, which takes seconds to load.

docs/formats/run.md lists its keys.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import MANIFEST, checksum, read_description
from tfmmrec.errors import DataError

RUN = "run.json"
# Raised whenever runs trained earlier can no longer be loaded.
RUN_FORMAT = 8
_KEYS = ("data", "manifest_sha256", "config", "encoders", "model")
_MODEL_KEYS = ("num_landmarks", "statistics", "features", "catalog", "words")


def read_run(folder: Path) -> dict[str, Any]:
    """Reads run.json.

    Raises:
        DataError: the folder is not a run folder, or has another format.
    """
    return read_description(Path(folder), RUN, "run", RUN_FORMAT, "train")


def check_data_unchanged(folder: Path, run: Mapping[str, Any]) -> None:
    """Raises DataError if the data folder of a run was packed anew since.

    Args:
        folder: the run folder.
        run: its run.json.
    """
    data = Path(run["data"])
    if checksum(data / MANIFEST) != run["manifest_sha256"]:
        raise DataError(
            f"{folder}: the data in {data} changed since; run tfmmrec update {folder} "
            f"--data {data} --out RUN2, or train again"
        )


def check_keys(folder: Path, run: Mapping[str, Any]) -> None:
    """Raises DataError unless run.json has all keys that a model is loaded from."""
    model = run.get("model", {})
    missing = [
        *(name for name in _KEYS if name not in run),
        *(f"model.{name}" for name in _MODEL_KEYS if name not in model),
    ]
    if missing:
        raise DataError(f"{folder}/{RUN}: has no {', '.join(missing)}; train again")
