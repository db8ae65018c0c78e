"""Imports MovieLens, optionally with posters and plots, into a data folder.

    python records/movielens.py ml-100k --posters posters --plots plots.jsonl --out data/ml100k

Reads the original files of ML-100K, ML-1M and ml-latest (small or full; ml-20m to ml-32m have the
same format). The version is detected from the files in the folder.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError

Rows = Iterator[dict[str, Any]]

_ML100K_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_NO_GENRES = ("unknown", "(no genres listed)")
# "Heat (1995)"; series in ml-latest have "(1995-1998)" or "(1995- )".
_YEAR = re.compile(r"\s*\((\d{4})(?:\s*[-–]\s*(?:\d{4})?)?\)\s*$")


def main(
    source: Path,
    *,
    out: Path,
    posters: Path | None = None,
    plots: Path | None = None,
    catalog: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Writes MovieLens as a catalog and packs it.

    Args:
        source: folder of the original files.
        out: data folder to write.
        posters: folder of <item_id>.jpg files.
        plots: file of JSON lines with item_id and plot.
        catalog: folder of the catalog; default OUT.catalog.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    folder = catalog or Path(f"{out}.catalog")
    dataset = write_movielens(source, folder, posters=posters, plots=plots, overwrite=overwrite)
    pack(dataset, out)


def write_movielens(
    source: Path,
    folder: Path,
    *,
    posters: Path | None = None,
    plots: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes the catalog and returns the path of its dataset.yaml."""
    name, movies, users, ratings = read_movielens(source)
    features: dict[str, dict[str, str]] = {"title": {"modality": "text"}}
    if plots is not None:
        features["plot"] = {"modality": "text"}
    if posters is not None:
        features["poster"] = {"modality": "image"}
    features["genres"] = {"modality": "categorical", "separator": "|"}
    features["year"] = {"modality": "number"}
    user_features = {
        "age": {"modality": "number"},
        "gender": {"modality": "categorical"},
        "occupation": {"modality": "categorical"},
    }
    return write_catalog(
        folder,
        name=name,
        items=_with_content(movies, posters, plots),
        item_features=features,
        users=users,
        user_features=None if users is None else user_features,
        interactions=ratings,
        interaction_columns={
            "user": "user_id",
            "item": "item_id",
            "time": "timestamp",
            "rating": "rating",
        },
        positive="rating >= 4",
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def read_movielens(source: Path) -> tuple[str, Rows, Rows | None, Rows]:
    """Returns the name of the data set, its movies, its users (None if unknown) and its ratings."""
    if (source / "u.data").is_file():
        return "ml-100k", _movies_100k(source), _users_100k(source), _ratings(source / "u.data")
    if (source / "ratings.dat").is_file():
        return "ml-1m", _movies_1m(source), _users_1m(source), _ratings(source / "ratings.dat")
    if (source / "ratings.csv").is_file():
        return "ml-latest", _movies_latest(source), None, _ratings(source / "ratings.csv")
    raise DataError(
        f"{source}: not a MovieLens folder; it must contain u.data (ML-100K), ratings.dat (ML-1M) "
        "or ratings.csv (ml-latest)"
    )


def _movies_100k(source: Path) -> Rows:
    for line in _read(source / "u.item", 24):
        flags = zip(_ML100K_GENRES, line[5:], strict=True)
        genres = "|".join(genre for genre, flag in flags if flag == "1")
        # One movie is a placeholder with the title "unknown".
        yield _movie(line[0], "" if line[1] == "unknown" else line[1], genres)


def _movies_1m(source: Path) -> Rows:
    for line in _read(source / "movies.dat", 3):
        yield _movie(*line)


def _movies_latest(source: Path) -> Rows:
    for line in _read(source / "movies.csv", 3):
        yield _movie(*line)


def _movie(identity: str, title: str, genres: str) -> dict[str, Any]:
    year = _YEAR.search(title)
    return {
        "item_id": identity,
        "title": _YEAR.sub("", title).strip() or None,
        "genres": None if genres in _NO_GENRES else genres or None,
        "year": int(year[1]) if year else None,
    }


def _users_100k(source: Path) -> Rows:
    for user, age, gender, occupation, _ in _read(source / "u.user", 5):
        yield {"user_id": user, "age": age, "gender": gender, "occupation": occupation}


def _users_1m(source: Path) -> Rows:
    for user, gender, age, occupation, _ in _read(source / "users.dat", 5):
        yield {"user_id": user, "age": age, "gender": gender, "occupation": occupation}


def _ratings(path: Path) -> Rows:
    for user, item, rating, timestamp in _read(path, 4):
        yield {"user_id": user, "item_id": item, "rating": rating, "timestamp": timestamp}


def _read(path: Path, num_fields: int) -> Iterator[list[str]]:
    """Reads one of the original files: .csv is UTF-8 with a header, the others are Latin-1."""
    is_csv = path.suffix == ".csv"
    separator = {".dat": "::", ".data": "\t"}.get(path.suffix, "|")
    try:
        with path.open(encoding="utf-8" if is_csv else "latin-1", newline="") as lines:
            rows = (
                csv.reader(lines) if is_csv else (x.rstrip("\r\n").split(separator) for x in lines)
            )
            for number, row in enumerate(rows, start=1):
                if not any(row) or (is_csv and number == 1):
                    continue
                if len(row) != num_fields:
                    raise DataError(
                        f"{path} line {number}: must have {num_fields} fields. Received: {len(row)}"
                    )
                yield row
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _with_content(movies: Rows, posters: Path | None, plots: Path | None) -> Rows:
    if posters is not None and not posters.is_dir():
        raise DataError(f"{posters}: no such folder; --posters must contain <item_id>.jpg files")
    plot_of = {} if plots is None else _read_plots(plots)
    for movie in movies:
        if plots is not None:
            movie["plot"] = plot_of.get(movie["item_id"])
        if posters is not None:
            movie["poster"] = posters / f"{movie['item_id']}.jpg"
        yield movie


def _read_plots(path: Path) -> dict[str, str | None]:
    plot_of = {}
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    row = json.loads(line)
                    plot_of[str(row["item_id"])] = row["plot"]
                except (ValueError, KeyError, TypeError):
                    raise DataError(
                        f'{path} line {number}: must be {{"item_id": …, "plot": …}}'
                    ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    return plot_of


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
