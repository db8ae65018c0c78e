"""The Beam pipeline of packing, and its launcher."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam
from apache_beam.pvalue import AsSingleton

from tfmmrec.data.beam.run import create_pipeline, run_pipeline
from tfmmrec.data.dataset_file import DatasetFile, read_dataset_file
from tfmmrec.data.packing.beam.entities import (
    mark_duplicates,
    pack_shard,
    read_entity,
    write_entity_ids,
)
from tfmmrec.data.packing.beam.finalize import finish
from tfmmrec.data.packing.beam.interactions import (
    ALL_READ,
    read_interaction_table,
    unlisted_spans,
    write_histories,
    write_unlisted,
)
from tfmmrec.data.packing.beam.job import BeamOptions, Job
from tfmmrec.data.storage import atomic_folder
from tfmmrec.errors import ConfigError


def pack_on_beam(
    dataset_file: Path,
    out: Path,
    options: BeamOptions = BeamOptions(),
    *,
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """Packs like `tfmmrec.data.packing.pack`, on the workers of a cluster.

    Records, vocabularies, statistics and rejects equal those of `pack`; only the boundaries of
    shards differ. Every worker needs the folders of the dataset file and of `out` under the same
    paths, and keeps the ids of all items and users in memory.

    Args:
        dataset_file: the YAML file of docs/formats/dataset.md.
        out: the data folder, which is created atomically.
        options: sizes of shards, limits and the seed.
        flags: flags of Beam, such as `--runner=FlinkRunner` (default: run in this process).

    Returns:
        The statistics of the data folder.

    Raises:
        DataError: the dataset file or a table is invalid, or too many rows or values are rejected.
        ConfigError: a key of the dataset file is invalid, or the split needs all events at once.
    """
    dataset = read_dataset_file(Path(os.path.abspath(dataset_file)))
    _refuse_split(dataset)
    with atomic_folder(Path(out)) as folder:
        job = Job(dataset, folder, options)
        job.make_folders()
        pipeline = create_pipeline(flags)
        items = pipeline | "Items" >> PackEntity("items", job)
        users = pipeline | "Users" >> PackEntity("users", job)
        pipeline | "Interactions" >> PackInteractions(job, items, users)
        run_pipeline(pipeline, job.errors, str(dataset.path))
        return finish(job)


def _refuse_split(dataset: DatasetFile) -> None:
    by = dataset.split["by"]
    if by in ("time", "random"):
        raise ConfigError(
            f"{dataset.path}: split.by: {by} needs all events at once, and on Beam each worker "
            "sees those of some users; use tfmmrec pack, or write the split into a column of the "
            "table and split by column"
        )


class PackEntity(apache_beam.PTransform):
    """Packs items or users; its output is the first unused shard number."""

    def __init__(self, entity: str, job: Job):
        super().__init__()
        self.entity = entity
        self.job = job

    def expand(self, pipeline: Any) -> Any:
        return (
            pipeline
            | apache_beam.Create([self.entity] if self.entity in self.job.tables else [])
            | "Read" >> apache_beam.FlatMap(read_entity, self.job)
            | "ById" >> apache_beam.GroupByKey()
            | "MarkDuplicates" >> apache_beam.FlatMap(mark_duplicates, self.job)
            | "ByShard" >> apache_beam.GroupByKey()
            | "Pack" >> apache_beam.Map(pack_shard, self.entity, self.job)
            | "AllShards" >> apache_beam.combiners.ToList()
            | "WriteIds" >> apache_beam.Map(write_entity_ids, self.entity, self.job)
        )


class PackInteractions(apache_beam.PTransform):
    """Packs the interactions after the ids of items and users are written.

    Args:
        job: the packing job.
        items: the output of PackEntity for items.
        users: the output of PackEntity for users.
    """

    def __init__(self, job: Job, items: Any, users: Any):
        super().__init__()
        self.job = job
        self.items = items
        self.users = users

    def expand(self, pipeline: Any) -> Any:
        reading = apache_beam.FlatMap(
            read_interaction_table, AsSingleton(self.items), AsSingleton(self.users)
        )
        pieces, all_read = (
            pipeline
            | apache_beam.Create([self.job])
            | "Read" >> reading.with_outputs(ALL_READ, main="pieces")
        )
        (
            all_read
            | "Unlisted" >> apache_beam.FlatMap(unlisted_spans, AsSingleton(self.users), self.job)
            | "Spread" >> apache_beam.Reshuffle()
            | "WriteUnlisted" >> apache_beam.Map(write_unlisted, self.job)
        )
        return (
            pieces
            | "ByShard" >> apache_beam.GroupByKey()
            | "WriteHistories" >> apache_beam.Map(write_histories, self.job, AsSingleton(all_read))
        )
