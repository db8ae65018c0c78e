"""The files of a data folder against its manifest."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import MANIFEST, checksum
from tfmmrec.reports.data_validation.anomalies import PACK_AGAIN, Fault


def altered_files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Finds the files that are missing or whose bytes are not those of the manifest."""
    for name, entry in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            yield Fault(name, "the file is missing")
            continue
        try:
            found = checksum(path)
        except OSError as error:
            yield Fault(name, f"cannot be read: {error.strerror}", "see to its permissions")
            continue
        if found != entry["sha256"]:
            yield Fault(name, f"the checksum differs from {MANIFEST}")


def unlisted_files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Finds the files that the manifest does not list; the cache of encoders is not its matter."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or name.parts[0] in (MANIFEST, "cache"):
            continue
        if name.as_posix() not in manifest["files"]:
            yield Fault(name.as_posix(), f"not in {MANIFEST}", f"remove the file or {PACK_AGAIN}")
