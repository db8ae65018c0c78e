"""Brings a category of McAuley's Amazon reviews, of 2018 or of 2023, into a data folder.

    python records/amazon_reviews.py All_Beauty.jsonl.gz meta_All_Beauty.jsonl.gz \
        --images images --min-events 5 --out data/beauty

Both files are JSON lines, .gz or plain; the first review tells which form they have. Of a review
only ids, rating and time are kept, in arrays, so that a large category fits.
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
from tfmmrec.data.catalog_writer import write_catalogue
from tfmmrec.data.k_core import first_of_each, k_core
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError

Record = dict[str, Any]

_TEXTS = {"title": {"modality": "text"}, "description": {"modality": "text"}}
_FACTS = {
    "categories": {"modality": "categorical"},
    "brand": {"modality": "categorical"},
    "price": {"modality": "number"},
}
_COLUMNS = {"user": "user_id", "item": "item_id", "time": "timestamp", "rating": "rating"}

# "$1,299.00" and 12.99; no ranges ("$5.00 - $9.00") and no leftovers of a page.
_PRICE = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)")
# Some titles of 2018 are a piece of the page's script.
_SCRIPT = "getTime"


@dataclasses.dataclass(frozen=True)
class Form:
    """The keys of one release.

    Attributes:
        per_second: the times' units in a second.
    """

    year: int
    user: str
    item: str
    rating: str
    time: str
    per_second: int
    features: str
    brand: str


_FORMS = (
    Form(2018, "reviewerID", "asin", "overall", "unixReviewTime", 1, "feature", "brand"),
    Form(2023, "user_id", "parent_asin", "rating", "timestamp", 1000, "features", "store"),
)


@dataclasses.dataclass
class Reviews:
    """Who rated what when.

    Attributes:
        users: the ids that `user` numbers.
        user: int32.
        item: int32, rows of the known items.
        time: int64, Unix milliseconds.
        rating: float32.
        num_unknown: how many reviews more there are, of items without metadata.
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
    catalogue: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Writes a category of Amazon reviews as a catalogue and packs it.

    Args:
        reviews: the reviews, such as All_Beauty.json.gz (2018) or All_Beauty.jsonl.gz (2023).
        meta: the items, such as meta_All_Beauty.json.gz.
        out: the data folder to write.
        images: a folder of pictures, named as their URL's last part or <asin>.jpg.
        min_events: how many reviews each user and each item has at least (the k-core); 0 is all.
        positive: which reviews are positives.
        catalogue: where the catalogue is written; by default OUT.catalogue.
        overwrite: whether a catalogue that is there gives way.
    """
    refuse_existing(out)
    folder = catalogue or Path(f"{out}.catalogue")
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
    """Writes the catalogue, says what was left out, and returns its dataset.yaml."""
    refuse_existing(folder, replace=overwrite)
    if images is not None and not images.is_dir():
        raise DataError(f"{images}: there is no such folder; --images is to hold the pictures")
    form = recognise(reviews)
    known = _known_items(meta, form)
    events = read_reviews(reviews, form, known)
    if not len(events.time):
        raise DataError(
            f"{reviews}: none of {events.num_unknown} reviews is of an item in {meta}; "
            "give the metadata of the same category and year"
        )
    kept = _choose(reviews, form, events, min_events)
    ids = list(known)
    wanted = {ids[row] for row in np.unique(events.item[kept])} if min_events else set(ids)
    picture = {} if images is None else {"picture": {"modality": "image"}}
    return write_catalogue(
        folder,
        name="amazon-" + reviews.name.split(".")[0],
        items=_items(meta, form, wanted, images),
        item_features={**_TEXTS, **picture, **_FACTS},
        interactions=_interactions(events, ids, kept),
        interaction_columns=_COLUMNS,
        positive=positive,
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _choose(reviews: Path, form: Form, events: Reviews, min_events: int) -> np.ndarray:
    """Leaves out what is repeated or below the k-core, and says how many; bool `[reviews]`."""
    unique = first_of_each(events.user, events.item, events.time)
    kept = k_core(events.user, events.item, unique, min_events)
    if not kept.any():
        raise DataError(f"{reviews}: no review is left; lower --min-events {min_events}")
    print(
        f"{reviews.name} ({form.year}): {kept.sum()} reviews kept; left out: "
        f"{events.num_unknown} of items without metadata, {(~unique).sum()} repeated, "
        f"{unique.sum() - kept.sum()} below --min-events {min_events}"
    )
    return kept


def recognise(reviews: Path) -> Form:
    """Tells the form by the first review."""
    for number, review in _records(reviews):
        for form in _FORMS:
            if form.user in review and form.item in review:
                return form
        raise DataError(
            f"{reviews} line {number}: not a review; it is to have reviewerID and asin (2018) or "
            f"user_id and parent_asin (2023). Received: {', '.join(review) or 'nothing'}"
        )
    raise DataError(f"{reviews}: the file is empty; download it again")


def read_reviews(path: Path, form: Form, known: dict[str, int]) -> Reviews:
    """Reads the reviews of known items in one pass, keeping neither texts nor names."""
    users: dict[str, int] = {}
    user, item, time = array.array("i"), array.array("i"), array.array("q")
    rating = array.array("f")
    num_unknown = 0
    for number, review in _records(path):
        try:
            row = known.get(str(review[form.item]))
            if row is None:
                num_unknown += 1
                continue
            stars = float(review[form.rating])
            time.append(int(review[form.time]) * 1000 // form.per_second)
            user.append(users.setdefault(str(review[form.user]), len(users)))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _broken(path, number, f"a review of the {form.year} form", error) from None
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


def _known_items(meta: Path, form: Form) -> dict[str, int]:
    known: dict[str, int] = {}
    for number, item in _records(meta):
        known.setdefault(_item_id(meta, form, number, item), len(known))
    return known


def _item_id(meta: Path, form: Form, number: int, item: Record) -> str:
    if not item.get(form.item):
        raise _broken(meta, number, f"an item of the {form.year} form", KeyError(form.item))
    return str(item[form.item])


def _items(meta: Path, form: Form, wanted: set[str], images: Path | None) -> Iterator[Record]:
    """Gives the wanted items; of the same item twice, as 2018 has some, the first."""
    left = set(wanted)
    for number, item in _records(meta):
        identity = _item_id(meta, form, number, item)
        if identity not in left:
            continue
        left.remove(identity)
        title = _text(item.get("title"))
        row: Record = {
            "item_id": identity,
            "title": None if title is None or _SCRIPT in title else title,
            "description": _text([*_list(item, "description"), *_list(item, form.features)]),
            "categories": _categories(item),
            "brand": _name(item.get(form.brand)),
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
    # In 2023 some categories, All_Beauty among them, have no list but only the main one.
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
    """Gives the item's pictures, the main one and the largest size first."""
    pictures = [picture for picture in _list(item, "images") if isinstance(picture, dict)]
    pictures.sort(key=lambda picture: picture.get("variant") != "MAIN")
    urls = [picture.get(size) for picture in pictures for size in ("hi_res", "large", "thumb")]
    urls += _list(item, "imageURLHighRes") + _list(item, "imageURL")
    return [url for url in urls if isinstance(url, str)]


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    """Streams a file of JSON lines with the number of each line."""
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
            f"{path}: cannot be read: {reason}; give another path or download it again"
        ) from None


def _broken(path: Path, number: int, kind: str, error: object) -> DataError:
    reason = f"no {error}" if isinstance(error, KeyError) else error
    return DataError(f"{path} line {number}: not {kind}: {reason}; mend or remove the line")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
