"""Compares the files of a data folder with its manifest."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import MANIFEST, checksum
from tfmmrec.reports.data_validation.anomalies import PACK_AGAIN, Anomaly


def altered_files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Anomaly]:
    """Finds files that are missing or whose checksum differs from the manifest."""
    for name, entry in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            yield Anomaly(name, "the file is missing")
            continue
        try:
            found = checksum(path)
        except OSError as error:
            yield Anomaly(name, f"cannot be read: {error.strerror}", "check its permissions")
            continue
        if found != entry["sha256"]:
            yield Anomaly(name, f"the checksum differs from {MANIFEST}")


def unlisted_files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Anomaly]:
    """Finds files that the manifest does not list, except in the cache of encodings."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or name.parts[0] in (MANIFEST, "cache"):
            continue
        if name.as_posix() not in manifest["files"]:
            yield Anomaly(name.as_posix(), f"not in {MANIFEST}", f"remove the file or {PACK_AGAIN}")
