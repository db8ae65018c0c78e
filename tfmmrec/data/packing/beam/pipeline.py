"""The pipeline: tables in, files of the data folder out, and the launcher that starts it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsSingleton
from apache_beam.runners.runner import PipelineState

from tfmmrec.data.dataset_file import DatasetFile, read_dataset_file
from tfmmrec.data.packing.beam.entities import (
    mark_duplicates,
    pack_shard,
    read_side,
    write_side_ids,
)
from tfmmrec.data.packing.beam.finalize import finish
from tfmmrec.data.packing.beam.interactions import (
    ALL_READ,
    read_log,
    unlisted_spans,
    write_histories,
    write_unlisted,
)
from tfmmrec.data.packing.beam.job import BeamOptions, Job
from tfmmrec.data.storage import atomic_folder
from tfmmrec.errors import ConfigError, DataError

# The DirectRunner in one process. Under its own name it first looks on the network for Prism.
DEFAULT_RUNNER = "--runner=FnApiRunner"


def pack_on_beam(
    dataset_file: Path,
    out: Path,
    options: BeamOptions = BeamOptions(),
    *,
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """Packs as `tfmmrec.data.packing.pack` does, by workers of a cluster.

    Records, vocabularies, statistics and rejects are those of `pack`; only the bounds of the
    shards differ. Every worker is to see the folders of the dataset file and of `out` under the
    same paths, and holds the ids of all items and users in memory.

    Args:
        dataset_file: the YAML file of docs/formats/dataset.md.
        out: the data folder, which appears whole or not at all.
        options: sizes of shards, limits and seed.
        flags: Beam's own, such as `--runner=FlinkRunner`; by default all runs in this process.

    Returns:
        The folder's statistics.

    Raises:
        DataError: the dataset file or a table cannot be used, or too much of it is broken.
        ConfigError: the dataset file has a wrong key, or splits by all events at once.
    """
    dataset = read_dataset_file(Path(os.path.abspath(dataset_file)))
    _refuse_split(dataset)
    with atomic_folder(Path(out)) as folder:
        job = Job(dataset, folder, options)
        job.make_folders()
        pipeline = apache_beam.Pipeline(options=PipelineOptions([DEFAULT_RUNNER, *flags]))
        items = pipeline | "Items" >> PackSide("items", job)
        users = pipeline | "Users" >> PackSide("users", job)
        pipeline | "Interactions" >> PackLog(job, items, users)
        run(pipeline, job)
        return finish(job)


def _refuse_split(dataset: DatasetFile) -> None:
    by = dataset.split["by"]
    if by in ("time", "random"):
        raise ConfigError(
            f"{dataset.path}: split.by: {by} needs all events at once, and on Beam each worker "
            "sees those of some users; use tfmmrec pack, or write the split into a column of the "
            "table and split by column"
        )


class PackSide(apache_beam.PTransform):
    """Packs items or users; gives the number of the first free shard once all is written."""

    def __init__(self, side: str, job: Job):
        super().__init__()
        self.side = side
        self.job = job

    def expand(self, pipeline: Any) -> Any:
        return (
            pipeline
            | apache_beam.Create([self.side] if self.side in self.job.tables else [])
            | "Read" >> apache_beam.FlatMap(read_side, self.job)
            | "ById" >> apache_beam.GroupByKey()
            | "MarkDuplicates" >> apache_beam.FlatMap(mark_duplicates, self.job)
            | "ByShard" >> apache_beam.GroupByKey()
            | "Pack" >> apache_beam.Map(pack_shard, self.side, self.job)
            | "AllShards" >> apache_beam.combiners.ToList()
            | "WriteIds" >> apache_beam.Map(write_side_ids, self.side, self.job)
        )


class PackLog(apache_beam.PTransform):
    """Packs the interactions once the ids of both sides are written.

    Args:
        job: what is packed.
        items: what PackSide gives of the items.
        users: what PackSide gives of the users.
    """

    def __init__(self, job: Job, items: Any, users: Any):
        super().__init__()
        self.job = job
        self.items = items
        self.users = users

    def expand(self, pipeline: Any) -> Any:
        reading = apache_beam.FlatMap(read_log, AsSingleton(self.items), AsSingleton(self.users))
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


def run(pipeline: apache_beam.Pipeline, job: Job) -> None:
    """Runs a pipeline to its end.

    Raises:
        DataError: a worker met one, or the runner gave up without saying why.
    """
    try:
        state = pipeline.run().wait_until_finish()
    except Exception as error:
        told = next(job.read_notes("errors"), None)
        if told is None:
            raise
        raise DataError(told) from error
    if state != PipelineState.DONE:
        raise DataError(f"{job.dataset.path}: the pipeline ended as {state}; see the runner's log")
