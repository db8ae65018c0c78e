"""The Beam pipeline that encodes the values that a value store lacks."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import RunInference
from apache_beam.pvalue import AsSingleton, TaggedOutput

from tfmmrec.data.tfrecords import read_at, read_with_offsets
from tfmmrec.encoders.beam.job import METRICS, EncodedValues, EncodeJob, Position, StoredValue
from tfmmrec.encoders.beam.model_handler import EncoderHandler
from tfmmrec.encoders.cache.cached_encode import rows_per_chunk
from tfmmrec.encoders.cache.encode_loop import BATCH, value_sizes
from tfmmrec.encoders.cache.value_store import ValueStore, hash_values

_NUM_ROWS = "num_rows"


class EncodeValues(apache_beam.PTransform):
    """Encodes the values of a job that its value store lacks, each distinct value once.

    The shards are read by several workers, which pass on hashes and positions, not values. The
    distinct values form the batches of `tfmmrec encode`; each batch is read again by the worker
    that encodes it, and what is encoded is written to the store as it comes.

    Args:
        job: the job.
    """

    def __init__(self, job: EncodeJob):
        super().__init__()
        self.job = job

    def expand(self, pipeline: Any) -> Any:
        job = self.job
        parts = [
            (source, shard)
            for source in range(len(job.sources))
            for shard in range(len(job.shards(source)))
        ]
        found = (
            pipeline
            | apache_beam.Create(parts)
            | "SpreadShards" >> apache_beam.Reshuffle()
            | "FindMissing"
            >> apache_beam.ParDo(FindMissing(job)).with_outputs(_NUM_ROWS, main="missing")
        )
        first_rows = (
            found[_NUM_ROWS]
            | apache_beam.combiners.ToDict()
            | "FirstRows" >> apache_beam.Map(first_rows_of)
        )
        return (
            found["missing"]
            | "Distinct" >> apache_beam.CombinePerKey(min)
            | "ToChunks" >> apache_beam.Map(to_chunk, job, AsSingleton(first_rows))
            | "ByChunk" >> apache_beam.GroupByKey()
            | "Batch" >> apache_beam.FlatMap(to_batches)
            | "SpreadBatches" >> apache_beam.Reshuffle()
            | "Read" >> apache_beam.Map(read_batch, job)
            | RunInference(EncoderHandler(job))
            | "Write" >> apache_beam.ParDo(WriteEncodings(job))
        )


class FindMissing(apache_beam.DoFn):
    """Reads a shard; yields (hash, position) of the values that the store lacks.

    Under _NUM_ROWS, it yields the number of rows of the shard.
    """

    def __init__(self, job: EncodeJob):
        self._job = job

    def setup(self) -> None:
        with self._job.errors.reporting():
            self._store = ValueStore(self._job.store)

    def process(self, part: tuple[int, int]) -> Iterator[Any]:
        source, shard = part
        entity, feature = self._job.sources[source]
        modality, row = self._job.modality(source), 0
        size = rows_per_chunk(self._job.dataset, entity)
        parsing = {feature: modality.parsing()}
        with self._job.errors.reporting():
            path = self._job.shards(source)[shard]
            for parsed, offsets in read_with_offsets(path, parsing, size):
                values = parsed[feature]
                sizes, keys = value_sizes(values), hash_values(values)
                for n in np.flatnonzero(modality.present(values).numpy()):
                    if keys[n] not in self._store:
                        yield (
                            keys[n],
                            Position(source, shard, row + int(n), int(offsets[n]), int(sizes[n])),
                        )
                row += len(keys)
        yield TaggedOutput(_NUM_ROWS, (part, row))


def first_rows_of(num_rows: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    """Returns the first row of each shard, from the number of its rows, by (source, shard)."""
    first: dict[tuple[int, int], int] = {}
    for _, of_source in itertools.groupby(sorted(num_rows), key=lambda part: part[0]):
        row = 0
        for part in of_source:
            first[part] = row
            row += num_rows[part]
    return first


def to_chunk(
    found: tuple[bytes, Position], job: EncodeJob, first_rows: Mapping[tuple[int, int], int]
) -> tuple[tuple[int, int], tuple[int, bytes, Position]]:
    """Assigns a value to a chunk of rows: ((source, chunk), (row, key, position))."""
    key, at = found
    row = first_rows[at.source, at.shard] + at.row
    size = rows_per_chunk(job.dataset, job.sources[at.source][0])
    return (at.source, row // size), (row, key, at)


def to_batches(chunk: tuple[Any, Iterable[tuple[int, bytes, Position]]]) -> Iterator[list[Any]]:
    """Splits the values of a chunk into batches of similar size, as `encode_missing` does."""
    values = sorted(chunk[1], key=lambda value: (value[2].size, value[0]))
    for first in range(0, len(values), BATCH):
        yield values[first : first + BATCH]


def read_batch(batch: list[tuple[int, bytes, Position]], job: EncodeJob) -> list[StoredValue]:
    """Reads the records of a batch."""
    records: dict[tuple[int, int], bytes] = {}
    with job.errors.reporting():
        for shard in {at.shard for _, _, at in batch}:
            offsets = [at.offset for _, _, at in batch if at.shard == shard]
            path = job.shards(batch[0][2].source)[shard]
            for offset, record in zip(offsets, read_at(path, offsets), strict=True):
                records[shard, offset] = record
    return [
        StoredValue(key, at.source, row, records[at.shard, at.offset]) for row, key, at in batch
    ]


class WriteEncodings(apache_beam.DoFn):
    """Writes encodings as parts of the value store, each of which is complete or absent."""

    def __init__(self, job: EncodeJob):
        self._job = job

    def setup(self) -> None:
        with self._job.errors.reporting():
            self._store = ValueStore(self._job.store)

    def process(self, values: EncodedValues) -> None:
        with self._job.errors.reporting():
            self._store.put(values.keys, values.encodings)
        entity, feature = self._job.sources[values.source]
        Metrics.counter(METRICS, f"{entity}.{feature}").inc(len(values.keys))

    def finish_bundle(self) -> None:
        with self._job.errors.reporting():
            self._store.flush()
