"""Imports MicroLens, micro-videos with titles and covers, into a data folder.

    python records/microlens.py MicroLens-50k-Dataset --audios audios --out data/microlens

Reads the tables of MicroLens-50k and -100k: …_pairs.csv, …_titles.csv or …_title_en.csv, and
…_likes_and_views.txt if it exists. Comments are not imported: each of them is an interaction.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError
from tfmmrec.modalities import MODALITIES

Rows = Iterator[dict[str, Any]]

# The modality of each feature and the suffixes of its files.
_MEDIA = {
    "cover": ("image", ".jpg", ".jpeg", ".png"),
    "audio": ("audio", ".wav", ".mp3", ".flac", ".ogg"),
    "video": ("video", ".mp4"),
}


def main(
    source: Path,
    *,
    out: Path,
    covers: Path | None = None,
    audios: Path | None = None,
    videos: Path | None = None,
    catalog: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Writes MicroLens as a catalog and packs it.

    Args:
        source: folder of the tables.
        out: data folder to write.
        covers: folder of <item>.jpg files; default SOURCE/…_covers, if it exists.
        audios: folder of <item>.wav or .mp3 files.
        videos: folder of <item>.mp4 files.
        catalog: folder of the catalog; default OUT.catalog.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    folder = catalog or Path(f"{out}.catalog")
    dataset = write_microlens(
        source, folder, covers=covers, audios=audios, videos=videos, overwrite=overwrite
    )
    pack(dataset, out)


def write_microlens(
    source: Path,
    folder: Path,
    *,
    covers: Path | None = None,
    audios: Path | None = None,
    videos: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes the catalog and returns the path of its dataset.yaml."""
    refuse_existing(folder, replace=overwrite)
    pairs = _find(source, "*_pairs.csv")
    titles = _find(source, "*_titles.csv", "*_title_en.csv")
    if pairs is None or titles is None:
        raise DataError(
            f"{source}: not a MicroLens folder; it must contain MicroLens-…_pairs.csv (the .tsv "
            "has no times) and MicroLens-…_titles.csv or …_title_en.csv"
        )
    counts = _find(source, "*_likes_and_views.txt")
    media = _media({"cover": covers or _find(source, "*_covers"), "audio": audios, "video": videos})
    features = {"title": {"modality": "text"}}
    features |= {name: {"modality": _MEDIA[name][0]} for name in media}
    if counts is not None:
        features |= {"likes": {"modality": "number"}, "views": {"modality": "number"}}
    return write_catalog(
        folder,
        name=pairs.name.removesuffix("_pairs.csv").lower(),
        items=_items(pairs, titles, counts, media),
        item_features=features,
        interactions=_interactions(pairs),
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _media(folders: dict[str, Path | None]) -> dict[str, Path]:
    """Returns the given media folders by feature, without modalities that tfmmrec lacks."""
    media = {}
    for name, folder in folders.items():
        modality, *suffixes = _MEDIA[name]
        if folder is None:
            continue
        if not folder.is_dir():
            raise DataError(
                f"{folder}: no such folder; --{name}s must contain <item>{suffixes[0]} files"
            )
        if modality not in MODALITIES.variants:
            print(f"{folder}: skipped, because this version of tfmmrec has no {modality} modality")
            continue
        media[name] = folder
    return media


def _find(source: Path, *patterns: str) -> Path | None:
    return next((path for pattern in patterns for path in sorted(source.glob(pattern))), None)


def _items(pairs: Path, titles: Path, counts: Path | None, media: dict[str, Path]) -> Rows:
    """Yields every item that has a title, counts or an interaction."""
    title_of = dict(_titles(titles))
    counts_of = {} if counts is None else dict(_counts(counts))
    interacted = {row["item_id"]: None for row in _interactions(pairs)}
    for item in {**title_of, **counts_of, **interacted}:
        row: dict[str, Any] = {"item_id": item, "title": title_of.get(item)}
        if counts is not None:
            row["likes"], row["views"] = counts_of.get(item, (None, None))
        for name, folder in media.items():
            row[name] = _file(folder, item, name)
        yield row


def _file(folder: Path, item: str, name: str) -> Path | None:
    paths = (folder / f"{item}{suffix}" for suffix in _MEDIA[name][1:])
    return next((path for path in paths if path.is_file()), None)


def _titles(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yields items and titles: 50k is a CSV file with a header, 100k lacks header and quotes."""
    for number, line in _lines(path):
        if number == 1 and line.replace(" ", "").lower().startswith("item,title"):
            break
        item, comma, title = line.partition(",")
        if not comma:
            raise _broken(path, number, "item,title", line)
        yield item.strip(), title.strip() or None
    else:
        return
    for number, row in _rows(path):
        if len(row) != 2:
            raise _broken(path, number, "item,title", ",".join(row))
        if number > 1:
            yield row[0].strip(), row[1].strip() or None


def _counts(path: Path) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for number, line in _lines(path):
        fields = line.split("\t")
        if len(fields) != 3:
            raise _broken(path, number, "item, likes and views, separated by tabs", line)
        item, likes, views = (field.strip() for field in fields)
        yield item, (likes or None, views or None)


def _interactions(path: Path) -> Rows:
    for number, row in _rows(path):
        if len(row) == 3 and row[2].strip().isdecimal():
            user, item, milliseconds = (field.strip() for field in row)
            yield {"user_id": user, "item_id": item, "timestamp": int(milliseconds) / 1000}
        elif number > 1:
            raise _broken(path, number, "user,item,timestamp in milliseconds", ",".join(row))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Reads CSV rows, with the number of the last line of each row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            for row in rows:
                if any(row):
                    yield rows.line_num, row
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}; download it again") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}; download it again") from None


def _broken(path: Path, number: int, form: str, line: str) -> DataError:
    return DataError(f"{path} line {number}: must be {form}. Received: {line[:60]!r}")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
