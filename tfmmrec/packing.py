"""Tables and media in, a data folder out."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from tfmmrec.dataset_file import DatasetFile, Table, read_dataset_file
from tfmmrec.errors import BrokenValue, DataError
from tfmmrec.folders import whole_folder, write_json, write_manifest
from tfmmrec.interactions import (
    SPLITS,
    Interactions,
    read_interactions,
    split_interactions,
    to_id,
)
from tfmmrec.modalities import Modality
from tfmmrec.tables import read_table
from tfmmrec.tally import Rejects, Side
from tfmmrec.tfrecords import ShardWriter
from tfmmrec.vocabulary import write_vocabulary


@dataclasses.dataclass(frozen=True)
class PackOptions:
    """How to pack.

    Attributes:
        max_rejects: the share of rows or values, from 0 to 1, that may be broken.
        seed: of the random split and of the choice of cold items.
        quiet: no progress bars.
    """

    max_rejects: float = 0.05
    seed: int = 0
    quiet: bool = False


def pack(dataset_file: Path, out: Path, options: PackOptions = PackOptions()) -> dict[str, Any]:
    """Packs the tables and media that a dataset file names into a data folder.

    Args:
        dataset_file: the YAML file of docs/FORMATS.md.
        out: the data folder, which appears whole or not at all.
        options: limits and seed.

    Returns:
        The folder's statistics.

    Raises:
        TfmmrecError: the dataset file or a table cannot be used, or too much of it is broken.
    """
    dataset = read_dataset_file(Path(dataset_file))
    with whole_folder(Path(out)) as folder:
        with (folder / "rejects.jsonl").open("w", encoding="utf-8") as lines:
            rejects = Rejects(lines)
            statistics = _pack_tables(dataset, folder, rejects, options)
        if rejects.share() > options.max_rejects:
            worst = ", ".join(f"{name} {n}" for name, n in rejects.fields.most_common(3))
            raise DataError(
                f"{dataset.path}: {rejects.total} of {rejects.num_read} rows and values are broken "
                f"({rejects.share():.1%}, the limit is {options.max_rejects:.1%}): {worst}; "
                f"{_first_reject(folder)}; mend them or raise --max-rejects"
            )
        statistics["rejects"] = {
            "count": rejects.total,
            "share": rejects.share(),
            "fields": dict(rejects.fields.most_common()),
        }
        write_json(folder / "statistics.json", statistics)
        counts = {name: part["count"] for name, part in statistics.items()}
        write_manifest(folder, counts)
    return statistics


def _first_reject(folder: Path, table: Path | None = None) -> str:
    """Says what is broken first, in any table or in one."""
    with (folder / "rejects.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if table is None or entry["table"] == table.name:
                field = entry["field"] or "row"
                return f"first: {entry['table']} row {entry['row']}: {field}: {entry['reason']}"
    return "it holds none"


def _pack_tables(
    dataset: DatasetFile, folder: Path, rejects: Rejects, options: PackOptions
) -> dict[str, Any]:
    schema = dataset.schema()
    schema.save(folder / "schema.json")
    statistics: dict[str, Any] = {}
    items = _pack_side(dataset, dataset.items, schema.items, "items", folder, rejects, options)
    statistics["items"] = items.statistics()
    users = Side("users", schema.users)
    if dataset.users:
        users = _pack_side(dataset, dataset.users, schema.users, "users", folder, rejects, options)
    statistics["users"] = users.statistics()

    table = dataset.interactions

    def on_reject(row: int, field: str | None, reason: str) -> None:
        rejects.add(table.path, row, field, reason)

    before = rejects.total
    num_listed = len(users.rows)
    events = read_interactions(table, items.rows, users.rows, on_reject)
    rejects.num_read += len(events) + rejects.total - before
    if not len(events):
        raise DataError(
            f"{table.path}: no row can be used; {_first_reject_of(table.path, rejects, folder)}"
        )
    _write_unlisted_users(folder, users, num_listed)
    statistics["users"]["count"] = len(users.rows)
    parts = split_interactions(events, dataset.split, options.seed, table.path)
    cold = _choose_cold(dataset.cold_share, events, list(items.rows), options.seed)
    parts[np.isin(events.item, cold)] = SPLITS.index("test")

    vocabulary = folder / "vocabulary"
    write_vocabulary(vocabulary / "item_ids.txt", list(items.rows))
    write_vocabulary(vocabulary / "user_ids.txt", list(users.rows))
    ids = list(items.rows)
    write_vocabulary(vocabulary / "cold_item_ids.txt", [ids[row] for row in cold])
    statistics["interactions"] = _write_interactions(folder / "interactions", events, parts)
    return statistics


def _first_reject_of(table: Path, rejects: Rejects, folder: Path) -> str:
    rejects.out.flush()
    return _first_reject(folder, table)


def _pack_side(
    dataset: DatasetFile,
    table: Table,
    features: Mapping[str, Modality],
    name: str,
    folder: Path,
    rejects: Rejects,
    options: PackOptions,
) -> Side:
    side = Side(name, features)

    def on_reject(row: int, field: str | None, reason: str) -> None:
        rejects.num_read += 1
        rejects.add(table.path, row, field, reason)

    rows = read_table(table.path, dict.fromkeys([table.id, *table.features]), on_reject)
    progress = tqdm.tqdm(rows, desc=name, unit="row", disable=True if options.quiet else None)
    with ShardWriter(folder / name) as writer:
        for number, row in progress:
            rejects.num_read += 1
            try:
                identity = to_id(row[table.id] if row[table.id] is not None else "")
                if identity in side.rows:
                    raise BrokenValue(f"duplicate id {identity!r}")
            except BrokenValue as error:
                rejects.add(table.path, number, table.id, str(error))
                continue
            declared = {feature: features[feature] for feature in table.features}
            values = _check_row(row, declared, dataset.folder, number, table.path, rejects)
            side.rows[identity] = len(side.rows)
            side.count(values)
            writer.write({"id": [identity.encode()], **values})
    if not side.rows:
        raise DataError(
            f"{table.path}: no row can be used; {_first_reject_of(table.path, rejects, folder)}"
        )
    for feature, counts in side.categories.items():
        names = sorted(counts, key=lambda category: (-counts[category], category))
        path = folder / "vocabulary" / f"{name}.{feature}.txt"
        write_vocabulary(path, [category.decode() for category in names])
    return side


def _check_row(
    row: Mapping[str, Any],
    features: Mapping[str, Modality],
    folder: Path,
    number: int,
    path: Path,
    rejects: Rejects,
) -> dict[str, Any]:
    values = {}
    for name, modality in features.items():
        if row[name] is None:
            continue
        try:
            packed = modality.pack(row[name], folder)
        except BrokenValue as error:
            rejects.add(path, number, name, str(error))
            continue
        values.update({f"{name}_{suffix}" if suffix else name: v for suffix, v in packed.items()})
    return values


def _write_unlisted_users(folder: Path, users: Side, num_listed: int) -> None:
    """Gives every user whom only the interactions name a record without features."""
    ids = list(users.rows)[num_listed:]
    if not ids:
        return
    # Numbered by what is there, so that the records stay in the order of the vocabulary.
    with ShardWriter(
        folder / "users", first_shard=len(list((folder / "users").glob("*")))
    ) as writer:
        for identity in ids:
            writer.write({"id": [identity.encode()]})


def _choose_cold(share: float, events: Interactions, ids: list[str], seed: int) -> np.ndarray:
    """Draws the cold items by the SHA-1 of seed and id among the items that were chosen."""
    chosen = np.unique(events.item)
    digests = [hashlib.sha1(f"{seed}:{ids[row]}".encode()).hexdigest() for row in chosen]
    return np.sort(chosen[np.argsort(digests)][: round(share * len(chosen))])


def _write_interactions(folder: Path, events: Interactions, parts: np.ndarray) -> dict[str, Any]:
    counts: dict[str, Any] = {"count": len(events), "positives": int(events.positive.sum())}
    for part, name in enumerate(SPLITS):
        chosen = events.take(parts == part)
        counts[name] = len(chosen)
        users, starts = np.unique(chosen.user, return_index=True)
        with ShardWriter(folder / name) as writer:
            for user, history in (
                zip(users, np.split(np.arange(len(chosen)), starts[1:]), strict=True)
                if len(users)
                else ()
            ):
                writer.write(
                    {
                        "user": np.array([user], np.int64),
                        "item": chosen.item[history],
                        "time": chosen.time[history],
                        "rating": chosen.rating[history].tolist(),
                        "positive": chosen.positive[history].astype(np.int64),
                        "order": chosen.order[history],
                    }
                )
    return counts
