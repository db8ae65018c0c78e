"""Imports H&M Personalized Fashion Recommendations, a Kaggle data set, into a data folder.

    python records/hm.py h-and-m --since 2020-08-01 --out data/hm

Reads articles.csv, customers.csv and transactions_train.csv, and images/ if it exists. The
transactions are streamed. Postal codes are omitted, because they reveal where people live.
"""

import csv
import datetime
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import ConfigError, DataError

Rows = Iterator[dict[str, Any]]
Ids = set[str]

_CATEGORIES = {
    "product_type": "product_type_name",
    "product_group": "product_group_name",
    "appearance": "graphical_appearance_name",
    "color": "colour_group_name",
    "index_group": "index_group_name",
    "section": "section_name",
    "garment_group": "garment_group_name",
}
# Most customers lack some of them, and those of a few transactions may all do.
_USER_FEATURES = {
    "age": {"modality": "number", "optional": True},
    "fashion_news": {"modality": "categorical", "optional": True},
    "active": {"modality": "categorical", "optional": True},
    "club_member_status": {"modality": "categorical", "optional": True},
    "fashion_news_frequency": {"modality": "categorical", "optional": True},
}
_ARTICLES, _CUSTOMERS = "articles.csv", "customers.csv"
_TRANSACTIONS = "transactions_train.csv"


def main(
    source: Path,
    *,
    out: Path,
    images: Path | None = None,
    since: str | None = None,
    catalog: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Writes the H&M data set as a catalog and packs it.

    Args:
        source: folder of the three tables.
        out: data folder to write.
        images: folder of 010/0108775015.jpg and so on; default SOURCE/images, if it exists.
        since: a day such as 2020-08-01; only purchases from that day on are imported, with the
            articles and customers that occur in them.
        catalog: folder of the catalog; default OUT.catalog.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    folder = catalog or Path(f"{out}.catalog")
    pack(write_hm(source, folder, images=images, since=since, overwrite=overwrite), out)


def write_hm(
    source: Path,
    folder: Path,
    *,
    images: Path | None = None,
    since: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes the catalog and returns the path of its dataset.yaml."""
    refuse_existing(folder, replace=overwrite)
    for name in (_ARTICLES, _CUSTOMERS, _TRANSACTIONS):
        if not (source / name).is_file():
            raise DataError(f"{source}: not a folder of the H&M data set; {name} is missing")
    if images is not None and not images.is_dir():
        raise DataError(f"{images}: no such folder; --images must contain 010/, 011/, …")
    if images is None and (source / "images").is_dir():
        images = source / "images"
    first = _first_day(since)
    customers, articles = _occurring(source / _TRANSACTIONS, first) if first else (None, None)
    return write_catalog(
        folder,
        name="hm",
        items=_articles(source / _ARTICLES, images, articles),
        item_features={
            "title": {"modality": "text"},
            "description": {"modality": "text", "optional": True},
            **({} if images is None else {"picture": {"modality": "image"}}),
            **{name: {"modality": "categorical", "optional": True} for name in _CATEGORIES},
        },
        users=_customers(source / _CUSTOMERS, customers),
        user_features=_USER_FEATURES,
        interactions=_purchases(source / _TRANSACTIONS, first),
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _first_day(since: str | None) -> str:
    try:
        return "" if since is None else _day(since)
    except ValueError:
        raise ConfigError(f"since must be a day such as 2020-08-01. Received: {since!r}") from None


@functools.lru_cache(maxsize=1024)
def _day(text: str) -> str:
    return datetime.date.fromisoformat(text).isoformat()


def _occurring(path: Path, first: str) -> tuple[Ids, Ids]:
    """Returns the customers and articles of the purchases from a day on."""
    customers: Ids = set()
    articles: Ids = set()
    for purchase in _purchases(path, first):
        customers.add(purchase["user_id"])
        articles.add(purchase["item_id"])
    if not customers:
        raise DataError(f"{path}: no purchase from {first} on; set an earlier --since")
    return customers, articles


def _articles(path: Path, images: Path | None, wanted: Ids | None) -> Rows:
    columns = ["article_id", "prod_name", "detail_desc", *_CATEGORIES.values()]
    for _, (identity, title, description, *categories) in _read(path, columns):
        identity = _article_id(identity)
        if wanted is not None and identity not in wanted:
            continue
        row = {"item_id": identity, "title": title or None, "description": description or None}
        for feature, category in zip(_CATEGORIES, categories, strict=True):
            row[feature] = None if category in ("", "Unknown") else category
        yield row if images is None else {**row, "picture": _picture(images, identity)}


def _picture(images: Path, identity: str) -> Path:
    return images / identity[:3] / f"{identity}.jpg"


def _article_id(text: str) -> str:
    # Some copies lack the leading zero, because a tool has read the ids as numbers.
    return text.zfill(10)


def _customers(path: Path, wanted: Ids | None) -> Rows:
    columns = ["customer_id", "age", "FN", "Active", "club_member_status"]
    for _, (identity, *values, frequency) in _read(path, [*columns, "fashion_news_frequency"]):
        if wanted is not None and identity not in wanted:
            continue
        # The data set has "NONE" and, in a few rows, "None".
        values.append("NONE" if frequency == "None" else frequency)
        row = {name: value or None for name, value in zip(_USER_FEATURES, values, strict=True)}
        yield {"user_id": identity, **row}


def _purchases(path: Path, first: str) -> Rows:
    """Streams the purchases from a day on; repeated purchases of an article in a day are one."""
    today, seen = "", set[tuple[str, str]]()
    for number, (text, customer, article) in _read(path, ["t_dat", "customer_id", "article_id"]):
        try:
            day = _day(text)
        except ValueError:
            raise DataError(
                f"{path} line {number}: t_dat must be a day such as 2020-08-01; correct or remove "
                f"the line. Received: {text!r}"
            ) from None
        if day < first:
            continue
        if day != today:
            today, seen = day, set()
        article = _article_id(article)
        if (customer, article) in seen:
            continue
        seen.add((customer, article))
        yield {"user_id": customer, "item_id": article, "timestamp": day}


def _read(path: Path, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Streams some columns of a table, with the number of the last line of each row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            header = next(rows, [])
            missing = [column for column in columns if column not in header]
            if missing:
                raise DataError(f"{path}: no column {missing[0]!r}; download the file again")
            positions = [header.index(column) for column in columns]
            for row in rows:
                if len(row) != len(header):
                    raise DataError(
                        f"{path} line {rows.line_num}: must have {len(header)} fields; correct or "
                        f"remove the line. Received: {len(row)}"
                    )
                yield rows.line_num, [row[position] for position in positions]
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
