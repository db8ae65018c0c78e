"""Packs a data set: items, users, interactions and their statistics."""

import dataclasses
import errno
from pathlib import Path
from typing import Any

from tfmmrec.config.checks import check_config
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset_file import DatasetFile, read_dataset_file
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.packing.entity_packer import EntityPacker
from tfmmrec.data.packing.interaction_packer import InteractionPacker
from tfmmrec.data.packing.journal import Journal
from tfmmrec.data.packing.statistics import Rejects
from tfmmrec.data.packing.table_statistics import entity_statistics, interaction_statistics
from tfmmrec.data.schema import Schema
from tfmmrec.data.storage import (
    DATA_FORMAT,
    fingerprint,
    resumable_folder,
    write_json,
    write_manifest,
)
from tfmmrec.data.tfrecords import ShardWriter
from tfmmrec.data.vocabulary import category_file, write_vocabulary
from tfmmrec.errors import StorageError
from tfmmrec.version import __version__


def pack(
    dataset_file: str | Path, out: str | Path, options: PackConfig = PackConfig()
) -> dict[str, Any]:
    """Packs the tables and media of a dataset file into a data folder.

    If packing is interrupted, the same command resumes after the last complete shard and writes
    the same bytes.

    Args:
        dataset_file: the YAML file of docs/formats/dataset.md.
        out: the data folder, which is created atomically.
        options: limits and the seed.

    Returns:
        The statistics of the data folder.

    Raises:
        DataError: the dataset file or a table is invalid, or too many rows or values are rejected.
        ConfigError: a key of the dataset file is invalid.
        StorageError: the disk is full or not writable.
    """
    check_config(options, PackConfig)
    dataset_file, out = Path(dataset_file), Path(out)
    dataset = read_dataset_file(Path(dataset_file))
    try:
        with resumable_folder(Path(out), _key(dataset, options)) as (folder, notes):
            return _pack(dataset, folder, notes, options)
    except StorageError as error:
        raise StorageError(f"{error}; correct this and run the command again to resume") from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
            raise
        raise StorageError(
            f"{out}: cannot be written: {error.strerror}; correct this and run the command again "
            "to resume"
        ) from None


def _key(dataset: DatasetFile, options: PackConfig) -> str:
    """Identifies the input: dataset file, sizes and modification times of the tables, options."""
    sources = [dataset.items.source, dataset.interactions.source]
    sources += [dataset.users.source] if dataset.users else []
    states = [source.state() for source in sources]
    chosen = dataclasses.asdict(dataclasses.replace(options, quiet=False, max_rejects=0))
    declared = dataset.path.read_text(encoding="utf-8")
    return fingerprint([__version__, DATA_FORMAT, declared, states, chosen])


def _pack(dataset: DatasetFile, folder: Path, notes: Path, options: PackConfig) -> dict[str, Any]:
    schema = dataset.schema()
    schema.save(folder / "schema.json")
    with (folder / "rejects.jsonl").open("w", encoding="utf-8") as lines:
        rejects = Rejects(lines)
        statistics, files = _pack_tables(dataset, schema, folder, notes, rejects, options)
    close_folder(folder, statistics, rejects, files)
    return statistics


def close_folder(
    folder: Path, statistics: dict[str, Any], rejects: Rejects, files: dict[str, Any]
) -> None:
    """Writes the last files of a data folder: the statistics and the manifest.

    Args:
        folder: the data folder, otherwise complete.
        statistics: of items, users and interactions; gets those of the rejects.
        rejects: the rejected rows and values.
        files: the manifest entries of known files, by name.
    """
    statistics["rejects"] = rejects.statistics()
    write_json(folder / "statistics.json", statistics)
    counts = {name: part["count"] for name, part in statistics.items()}
    write_manifest(folder, counts, files)


def _pack_tables(
    dataset: DatasetFile,
    schema: Schema,
    folder: Path,
    notes: Path,
    rejects: Rejects,
    options: PackConfig,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Packs the tables; returns the statistics and the manifest entries of the shards."""
    shared: Any = {
        "folder": folder,
        "journal": Journal(notes),
        "rejects": rejects,
        "options": options,
    }
    items = EntityPacker("items", dataset.items, schema.items, **shared)
    items.pack(dataset.media)
    item_ids = _write_vocabularies(items, folder)
    statistics = {"items": _entity_statistics(items, dataset)}
    files = dict(items.files)
    user_ids, first_shard = IdIndex(), 0
    statistics["users"] = {"count": 0, "features": {}}
    if dataset.users:
        users = EntityPacker("users", dataset.users, schema.users, **shared)
        users.pack(dataset.media)
        user_ids = _write_vocabularies(users, folder)
        statistics["users"] = _entity_statistics(users, dataset)
        first_shard = users.num_shards
        files |= users.files
    num_listed = len(user_ids)
    log = InteractionPacker(dataset, item_ids, user_ids, notes=notes, **shared)
    log.read()
    _write_unlisted_users(folder, user_ids.from_row(num_listed), first_shard, options)
    log.write()
    vocabulary = folder / "vocabulary"
    write_vocabulary(vocabulary / "item_ids.txt", item_ids.from_row(0))
    write_vocabulary(vocabulary / "user_ids.txt", user_ids.from_row(0))
    write_vocabulary(vocabulary / "cold_item_ids.txt", item_ids.take(log.cold_items))
    write_vocabulary(vocabulary / "cold_user_ids.txt", user_ids.take(log.cold_users))
    statistics["users"]["count"] = len(user_ids)
    statistics["interactions"] = interaction_statistics(
        dataset, log.counts, rejects, num_read=log.num_read, max_rejects=options.max_rejects
    )
    return statistics, files | log.files


def _entity_statistics(packer: EntityPacker, dataset: DatasetFile) -> dict[str, Any]:
    return entity_statistics(
        dataset,
        packer.name,
        packer.tally,
        packer.rejects,
        num_read=packer.num_read,
        max_rejects=packer.options.max_rejects,
    )


def _write_vocabularies(packer: EntityPacker, folder: Path) -> IdIndex:
    """Writes the vocabularies of the features, and moves the ids to Arrow memory."""
    for feature, categories in packer.tally.vocabularies().items():
        write_vocabulary(folder / category_file(packer.name, feature), categories)
    ids = IdIndex(packer.ids)
    packer.ids.clear()
    return ids


def _write_unlisted_users(
    folder: Path, ids: list[str], first_shard: int, options: PackConfig
) -> None:
    """Writes records without features for users that only the interactions contain."""
    # Later shard numbers keep the records in the order of the vocabulary.
    with ShardWriter(
        folder / "users",
        shard_bytes=options.shard_bytes,
        first_shard=first_shard,
        gzip=options.gzip,
    ) as writer:
        for identity in ids:
            writer.write({"id": [identity.encode()]})
