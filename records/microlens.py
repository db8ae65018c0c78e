"""Brings MicroLens, micro-videos with titles and covers, into a data folder.

    python records/microlens.py MicroLens-50k-Dataset --audios audios --out data/microlens

Reads the tables of MicroLens-50k and -100k: …_pairs.csv, …_titles.csv or …_title_en.csv, and
…_likes_and_views.txt if it is there. The comments stay out: each of them is an interaction.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalogue
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError
from tfmmrec.modalities import MODALITIES

Rows = Iterator[dict[str, Any]]

# Each feature's modality and the endings of its files.
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
    catalogue: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Writes MicroLens as a catalogue and packs it.

    Args:
        source: the folder of the tables.
        out: the data folder to write.
        covers: a folder of <item>.jpg; by default SOURCE/…_covers, if there.
        audios: a folder of <item>.wav or .mp3.
        videos: a folder of <item>.mp4.
        catalogue: where the catalogue is written; by default OUT.catalogue.
        overwrite: whether a catalogue that is there gives way.
    """
    refuse_existing(out)
    folder = catalogue or Path(f"{out}.catalogue")
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
    """Writes the catalogue and returns its dataset.yaml."""
    refuse_existing(folder, replace=overwrite)
    pairs = _find(source, "*_pairs.csv")
    titles = _find(source, "*_titles.csv", "*_title_en.csv")
    if pairs is None or titles is None:
        raise DataError(
            f"{source}: no MicroLens here; it is to hold MicroLens-…_pairs.csv (the .tsv has no "
            "times) and MicroLens-…_titles.csv or …_title_en.csv"
        )
    counts = _find(source, "*_likes_and_views.txt")
    media = _media({"cover": covers or _find(source, "*_covers"), "audio": audios, "video": videos})
    features = {"title": {"modality": "text"}}
    features |= {name: {"modality": _MEDIA[name][0]} for name in media}
    if counts is not None:
        features |= {"likes": {"modality": "number"}, "views": {"modality": "number"}}
    return write_catalogue(
        folder,
        name=pairs.name.removesuffix("_pairs.csv").lower(),
        items=_items(pairs, titles, counts, media),
        item_features=features,
        interactions=_interactions(pairs),
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _media(folders: dict[str, Path | None]) -> dict[str, Path]:
    """Gives the media that there are folders of, less what this version cannot read."""
    media = {}
    for name, folder in folders.items():
        modality, *suffixes = _MEDIA[name]
        if folder is None:
            continue
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; --{name}s is to hold <item>{suffixes[0]}")
        if modality not in MODALITIES:
            print(f"{folder}: left out, for this version of tfmmrec has no {modality} modality")
            continue
        media[name] = folder
    return media


def _find(source: Path, *patterns: str) -> Path | None:
    return next((path for pattern in patterns for path in sorted(source.glob(pattern))), None)


def _items(pairs: Path, titles: Path, counts: Path | None, media: dict[str, Path]) -> Rows:
    """Gives every item that has a title, is counted or was chosen."""
    title_of = dict(_titles(titles))
    counts_of = {} if counts is None else dict(_counts(counts))
    chosen = {row["item_id"]: None for row in _interactions(pairs)}
    for item in {**title_of, **counts_of, **chosen}:
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
    """Reads item and title: 50k is a CSV with a header, 100k has neither header nor quotes."""
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
            raise _broken(path, number, "item, likes and views between tabs", line)
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
    """Reads CSV, with the number of the line that each row ends in."""
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
    return DataError(f"{path} line {number}: write {form}. Received: {line[:60]!r}")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
