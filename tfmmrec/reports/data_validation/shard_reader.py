"""Records shard by shard, so that what cannot be read is named by file and record."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.data.tfrecords import compression, shards
from tfmmrec.reports.data_validation.anomalies import Fault

_BATCH_SIZE = 128


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some parsed records of one shard.

    Attributes:
        shard: its name within the data folder.
        before: how many records stand in the shards before it.
        numbers: the records' numbers in the shard, from 1.
        features: what was parsed, by name.
    """

    shard: str
    before: int
    numbers: list[int]
    features: dict[str, Any]


class ShardReader:
    """Reads the records of one folder of shards in the order in which they were written.

    Args:
        root: the data folder.
        part: the folder of shards in it, such as `items`.
        features: what to parse, as `tf.io.parse_example` takes it.

    Attributes:
        faults: what could not be read or parsed so far.
        num_records: the records read so far, whether or not they could be parsed.
        whole: whether every shard so far could be read to its end.
    """

    def __init__(self, root: Path, part: str, features: Mapping[str, Any]):
        self.root = root
        self.part = part
        self.features = dict(features)
        self.faults: list[Fault] = []
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
                self.faults.append(Fault(name, f"{problem}: {_first_line(error)}"))
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
        # TensorFlow quotes bytes that are no Example, and fails to decode its own message.
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
            if len(records) == 1:
                problem = f"record {first} does not parse by schema.json: {_first_line(error)}"
                self.faults.append(Fault(name, problem, about="records that do not parse"))
                return
            # One record spoils its batch: halves are tried until it stands alone.
            middle = len(records) // 2
            yield from self._parse(name, first, records[:middle])
            yield from self._parse(name, first + middle, records[middle:])
        else:
            yield numbers, parsed


def _first_line(error: tf.errors.OpError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no Example"
    text = " ".join(str(error.message).split()).removeprefix("{{function_node ")
    _, found, reason = text.partition("}} ")
    return (reason if found else text).split(" [Op:")[0][:160]
