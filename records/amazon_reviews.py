"""Imports a category of McAuley's Amazon reviews, of 2018 or of 2023, into a data folder.

    python records/amazon_reviews.py All_Beauty.jsonl.gz meta_All_Beauty.jsonl.gz \
        --images images --min-events 5 --out data/beauty

Both files are JSON lines, .gz or plain. The release is detected from the first review. Only the
ids, the rating and the time of a review are kept, in arrays, so that a large category fits in
memory.
"""

import array
import dataclasses
import gzip
import json
import re
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.k_core import first_occurrences, k_core
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError

Record = dict[str, Any]

# In some categories no product has a description or a price.
_TEXTS: dict[str, dict[str, Any]] = {
    "title": {"modality": "text"},
    "description": {"modality": "text", "optional": True},
}
_FACTS: dict[str, dict[str, Any]] = {
    "categories": {"modality": "categorical", "optional": True},
    "brand": {"modality": "categorical", "optional": True},
    "price": {"modality": "number", "optional": True},
}
_COLUMNS = {"user": "user_id", "item": "item_id", "time": "timestamp", "rating": "rating"}

# "$1,299.00" and 12.99, but neither ranges ("$5.00 - $9.00") nor fragments of a web page.
_PRICE = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)")
# Some titles of 2018 are a fragment of the page's script.
_SCRIPT = "getTime"


@dataclasses.dataclass(frozen=True)
class Release:
    """The keys of one release.

    Attributes:
        year: year of the release.
        user: key of the user id.
        item: key of the item id.
        rating: key of the rating.
        time: key of the time.
        per_second: number of time units per second.
        features: key of the item's list of features.
        brand: key of the item's brand.
    """

    year: int
    user: str
    item: str
    rating: str
    time: str
    per_second: int
    features: str
    brand: str


_RELEASES = (
    Release(2018, "reviewerID", "asin", "overall", "unixReviewTime", 1, "feature", "brand"),
    Release(2023, "user_id", "parent_asin", "rating", "timestamp", 1000, "features", "store"),
)


@dataclasses.dataclass
class Reviews:
    """The reviews as columns, without texts.

    Attributes:
        users: user ids.
        user: int32 `[reviews]`, indices into `users`.
        item: int32 `[reviews]`, rows of the items with metadata.
        time: int64 `[reviews]`, Unix milliseconds.
        rating: float32 `[reviews]`.
        num_unknown: number of further reviews, of items without metadata.
    """

    users: list[str]
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    rating: np.ndarray
    num_unknown: int


def main(
    reviews: Path,
    meta: Path,
    *,
    out: Path,
    images: Path | None = None,
    min_events: int = 0,
    positive: str = "rating >= 4",
    catalog: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Writes a category of Amazon reviews as a catalog and packs it.

    Args:
        reviews: file of the reviews, such as All_Beauty.json.gz (2018) or All_Beauty.jsonl.gz
            (2023).
        meta: file of the items, such as meta_All_Beauty.json.gz.
        out: data folder to write.
        images: folder of images, each named after the last part of its URL or <asin>.jpg.
        min_events: minimum number of reviews per user and per item (the k-core); 0 keeps all.
        positive: condition of a positive.
        catalog: folder of the catalog; default OUT.catalog.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    folder = catalog or Path(f"{out}.catalog")
    dataset = write_amazon_reviews(
        reviews,
        meta,
        folder,
        images=images,
        min_events=min_events,
        positive=positive,
        overwrite=overwrite,
    )
    pack(dataset, out)


def write_amazon_reviews(
    reviews: Path,
    meta: Path,
    folder: Path,
    *,
    images: Path | None = None,
    min_events: int = 0,
    positive: str = "rating >= 4",
    overwrite: bool = False,
) -> Path:
    """Writes the catalog, prints the dropped reviews and returns the path of its dataset.yaml."""
    refuse_existing(folder, replace=overwrite)
    if images is not None and not images.is_dir():
        raise DataError(f"{images}: no such folder; --images must contain the images")
    release = detect_release(reviews)
    known = _known_items(meta, release)
    events = read_reviews(reviews, release, known)
    if not len(events.time):
        raise DataError(
            f"{reviews}: none of {events.num_unknown} reviews is of an item in {meta}; "
            "use the metadata of the same category and year"
        )
    kept = _filter(reviews, release, events, min_events)
    ids = list(known)
    wanted = {ids[row] for row in np.unique(events.item[kept])} if min_events else set(ids)
    picture = {} if images is None else {"picture": {"modality": "image"}}
    return write_catalog(
        folder,
        name="amazon-" + reviews.name.split(".")[0],
        items=_items(meta, release, wanted, images),
        item_features={**_TEXTS, **picture, **_FACTS},
        interactions=_interactions(events, ids, kept),
        interaction_columns=_COLUMNS,
        positive=positive,
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _filter(reviews: Path, release: Release, events: Reviews, min_events: int) -> np.ndarray:
    """Drops duplicates and reviews outside the k-core, and prints their number.

    Returns:
        bool `[reviews]`, True for the reviews to keep.
    """
    unique = first_occurrences(events.user, events.item, events.time)
    kept = k_core(events.user, events.item, unique, min_events)
    if not kept.any():
        raise DataError(f"{reviews}: no review is left; lower --min-events {min_events}")
    print(
        f"{reviews.name} ({release.year}): {kept.sum()} reviews kept; dropped: "
        f"{events.num_unknown} of items without metadata, {(~unique).sum()} duplicates, "
        f"{unique.sum() - kept.sum()} below --min-events {min_events}"
    )
    return kept


def detect_release(reviews: Path) -> Release:
    """Detects the release from the first review."""
    for number, review in _records(reviews):
        for release in _RELEASES:
            if release.user in review and release.item in review:
                return release
        raise DataError(
            f"{reviews} line {number}: not a review; it must have reviewerID and asin (2018) or "
            f"user_id and parent_asin (2023). Received: {', '.join(review) or 'no keys'}"
        )
    raise DataError(f"{reviews}: the file is empty; download it again")


def read_reviews(path: Path, release: Release, known: dict[str, int]) -> Reviews:
    """Reads the reviews of items with metadata in one pass, without texts and names."""
    users: dict[str, int] = {}
    user, item, time = array.array("i"), array.array("i"), array.array("q")
    rating = array.array("f")
    num_unknown = 0
    for number, review in _records(path):
        try:
            row = known.get(str(review[release.item]))
            if row is None:
                num_unknown += 1
                continue
            stars = float(review[release.rating])
            time.append(int(review[release.time]) * 1000 // release.per_second)
            user.append(users.setdefault(str(review[release.user]), len(users)))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _broken(path, number, f"a review of the {release.year} release", error) from None
        item.append(row)
        rating.append(stars)
    return Reviews(
        users=list(users),
        user=np.frombuffer(user, np.int32),
        item=np.frombuffer(item, np.int32),
        time=np.frombuffer(time, np.int64),
        rating=np.frombuffer(rating, np.float32),
        num_unknown=num_unknown,
    )


def _interactions(events: Reviews, ids: list[str], kept: np.ndarray) -> Iterator[Record]:
    for row in np.flatnonzero(kept):
        yield {
            "user_id": events.users[events.user[row]],
            "item_id": ids[events.item[row]],
            "timestamp": int(events.time[row]) / 1000,
            "rating": float(events.rating[row]),
        }


def _known_items(meta: Path, release: Release) -> dict[str, int]:
    known: dict[str, int] = {}
    for number, item in _records(meta):
        known.setdefault(_item_id(meta, release, number, item), len(known))
    return known


def _item_id(meta: Path, release: Release, number: int, item: Record) -> str:
    if not item.get(release.item):
        missing = KeyError(release.item)
        raise _broken(meta, number, f"an item of the {release.year} release", missing)
    return str(item[release.item])


def _items(meta: Path, release: Release, wanted: set[str], images: Path | None) -> Iterator[Record]:
    """Yields the wanted items; of duplicate items, which 2018 contains, the first."""
    left = set(wanted)
    for number, item in _records(meta):
        identity = _item_id(meta, release, number, item)
        if identity not in left:
            continue
        left.remove(identity)
        title = _text(item.get("title"))
        row: Record = {
            "item_id": identity,
            "title": None if title is None or _SCRIPT in title else title,
            "description": _text([*_list(item, "description"), *_list(item, release.features)]),
            "categories": _categories(item),
            "brand": _name(item.get(release.brand)),
            "price": _price(item.get("price")),
        }
        if images is not None:
            row["picture"] = _picture(item, identity, images)
        yield row


def _list(item: Record, key: str) -> list[Any]:
    value = item.get(key) or []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str | None:
    parts = value if isinstance(value, list) else [value]
    return "\n".join(str(part) for part in parts if part) or None


def _name(value: Any) -> str | None:
    return " ".join(str(value or "").split()) or None


def _categories(item: Record) -> list[str]:
    # In 2023, some categories such as All_Beauty have only the main category and no list.
    named = [item.get("main_category"), *_list(item, "category"), *_list(item, "categories")]
    return list(dict.fromkeys(name for name in map(_name, named) if name))


def _price(value: Any) -> float | None:
    match = _PRICE.fullmatch(str(value).strip())
    return float(match[1].replace(",", "")) if match else None


def _picture(item: Record, identity: str, images: Path) -> Path | None:
    names = [urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1] for url in _urls(item)]
    names = [spelling for name in names for spelling in (name, urllib.parse.unquote(name))]
    paths = (images / name for name in [*names, f"{identity}.jpg"])
    return next((path for path in paths if path.is_file()), None)


def _urls(item: Record) -> list[str]:
    """Returns the image URLs of an item: the main image first, the largest size of each first."""
    pictures = [picture for picture in _list(item, "images") if isinstance(picture, dict)]
    pictures.sort(key=lambda picture: picture.get("variant") != "MAIN")
    urls = [picture.get(size) for picture in pictures for size in ("hi_res", "large", "thumb")]
    urls += _list(item, "imageURLHighRes") + _list(item, "imageURL")
    return [url for url in urls if isinstance(url, str)]


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    """Streams a file of JSON lines, with the number of each line."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise _broken(path, number, "a line of JSON", error) from None
                if not isinstance(record, dict):
                    raise _broken(path, number, "a JSON object", type(record).__name__)
                yield number, record
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path}: cannot be read: {reason}; correct the path or download the file again"
        ) from None


def _broken(path: Path, number: int, kind: str, error: object) -> DataError:
    reason = f"missing key {error}" if isinstance(error, KeyError) else error
    return DataError(f"{path} line {number}: not {kind}: {reason}; correct or remove the line")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
