"""Reads records shard by shard, so that anomalies name the file and the record."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.data.tfrecords import compression, shards
from tfmmrec.reports.data_validation.anomalies import Anomaly

_BATCH_SIZE = 128


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch of parsed records of one shard.

    Attributes:
        shard: the path of the shard in the data folder.
        num_before: the number of records in earlier shards.
        numbers: the numbers of the records in the shard, from 1.
        features: the parsed features by name.
    """

    shard: str
    num_before: int
    numbers: list[int]
    features: dict[str, Any]


class ShardReader:
    """Reads the records of one folder of shards in the order in which they were written.

    Args:
        root: the data folder.
        part: the folder of shards in it, such as `items`.
        features: the argument of `tf.io.parse_example`.

    Attributes:
        anomalies: the records so far that could not be read or parsed.
        num_records: the number of records read so far, parsed or not.
        whole: whether every shard so far was read to its end.
    """

    def __init__(self, root: Path, part: str, features: Mapping[str, Any]):
        self.root = root
        self.part = part
        self.features = dict(features)
        self.anomalies: list[Anomaly] = []
        self.num_records = 0
        self.whole = True

    def __iter__(self) -> Iterator[Batch]:
        for path in shards(self.root / self.part):
            name = path.relative_to(self.root).as_posix()
            before = self.num_records
            for first, records in self._read(path, name):
                for numbers, features in self._parse(name, first, records):
                    yield Batch(name, before, numbers, features)

    def _read(self, path: Path, name: str) -> Iterator[tuple[int, list[bytes]]]:
        records: list[bytes] = []
        first = 1
        stream = tf.data.TFRecordDataset(str(path), compression(path)).as_numpy_iterator()
        while True:
            try:
                record = next(stream, None)
            except tf.errors.OpError as error:
                self.whole = False
                problem = f"cannot be read past record {first + len(records) - 1}"
                self.anomalies.append(Anomaly(name, f"{problem}: {_first_line(error)}"))
                record = None
            if record is not None:
                self.num_records += 1
                records.append(record)
            if records and (record is None or len(records) == _BATCH_SIZE):
                yield first, records
                first, records = first + len(records), []
            if record is None:
                return

    def _parse(
        self, name: str, first: int, records: list[bytes]
    ) -> Iterator[tuple[list[int], dict[str, Any]]]:
        numbers = list(range(first, first + len(records)))
        try:
            parsed = tf.io.parse_example(records, self.features)
        # TensorFlow fails to decode its own message if it quotes bytes that are not an Example.
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
            if len(records) == 1:
                problem = f"record {first} does not parse by schema.json: {_first_line(error)}"
                self.anomalies.append(Anomaly(name, problem, category="records that do not parse"))
                return
            # One record breaks its batch: bisect to find it.
            middle = len(records) // 2
            yield from self._parse(name, first, records[:middle])
            yield from self._parse(name, first + middle, records[middle:])
        else:
            yield numbers, parsed


def _first_line(error: tf.errors.OpError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not a tf.train.Example"
    text = " ".join(str(error.message).split()).removeprefix("{{function_node ")
    _, found, reason = text.partition("}} ")
    return (reason if found else text).split(" [Op:")[0][:160]
