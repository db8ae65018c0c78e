"""Imports the stamps of Tux Paint, with text, images and some sounds, into a data folder.

    python records/stamps.py stamps --out data/stamps

The source folder contains items.jsonl (item_id, category, text, image, sound; paths are relative to
the folder) and interactions.csv (user_id, item_id, timestamp).
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError

_FEATURES = {
    "text": {"modality": "text"},
    "picture": {"modality": "image"},
    "sound": {"modality": "audio"},
    "category": {"modality": "categorical"},
}
_COLUMNS = ("user_id", "item_id", "timestamp")


def main(source: Path, *, out: Path, catalog: Path | None = None, overwrite: bool = False) -> None:
    """Writes the stamps as a catalog and packs it.

    Args:
        source: folder of items.jsonl, interactions.csv and the media.
        out: data folder to write.
        catalog: folder of the catalog; default OUT.catalog.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    folder = catalog or Path(f"{out}.catalog")
    pack(write_stamps(source, folder, overwrite=overwrite), out)


def write_stamps(source: Path, folder: Path, *, overwrite: bool = False) -> Path:
    """Writes the catalog and returns the path of its dataset.yaml."""
    for name in ("items.jsonl", "interactions.csv"):
        if not (source / name).is_file():
            raise DataError(f"{source}: not a folder of stamps; {name} is missing")
    return write_catalog(
        folder,
        name="stamps",
        items=_items(source),
        item_features=_FEATURES,
        interactions=_interactions(source / "interactions.csv"),
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _items(source: Path) -> Iterator[dict[str, Any]]:
    path = source / "items.jsonl"
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                stamp = json.loads(line)
                # The subcategory is omitted: the simulated preferences are over subcategories.
                yield {
                    "item_id": stamp["item_id"],
                    "text": stamp.get("text"),
                    "picture": source / stamp["image"] if stamp.get("image") else None,
                    "sound": source / stamp["sound"] if stamp.get("sound") else None,
                    "category": stamp.get("category"),
                }
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path} line {number}: not a stamp: {error}") from None


def _interactions(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = set(_COLUMNS) - set(rows.fieldnames or ())
            if missing:
                raise DataError(f"{path}: no column {min(missing)!r}")
            for row in rows:
                yield {column: row[column] for column in _COLUMNS}
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
