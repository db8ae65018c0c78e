"""Shards: records are read back in order, and equal records give equal bytes."""

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.data.tfrecords import (
    ShardWriter,
    encode_example,
    read_at,
    read_batches,
    read_rows,
    read_with_offsets,
    shards,
)
from tfmmrec.errors import DataError

NUMBERS = {"n": tf.io.FixedLenFeature([], tf.int64)}


def write(folder, numbers, **options) -> ShardWriter:
    with ShardWriter(folder, **options) as writer:
        for number in numbers:
            writer.write({"n": np.array([number])})
    return writer


def read(folder, batch_size: int = 4) -> list[list[int]]:
    return [batch["n"].numpy().tolist() for batch in read_batches(folder, NUMBERS, batch_size)]


def test_types_are_those_of_the_values():
    features = tf.train.Example.FromString(
        encode_example({"i": np.array([1, 2], np.int32), "f": [0.5], "b": [b"x", b""], "none": []})
    ).features.feature
    assert list(features["i"].int64_list.value) == [1, 2]
    assert list(features["f"].float_list.value) == [0.5]
    assert list(features["b"].bytes_list.value) == [b"x", b""]
    assert features["none"].WhichOneof("kind") == "float_list"


def test_the_same_rows_give_the_same_bytes_whatever_the_order_of_keys():
    row = {name: [name.encode()] for name in "abcdefgh"}
    again = {name: row[name] for name in reversed(row)}
    assert list(row) != list(again)
    assert encode_example(row) == encode_example(again)


def test_rows_come_back_in_their_order_over_several_shards(tmp_path):
    # Every row is more than one byte, so that a shard of one byte holds one row.
    writer = write(tmp_path / "a", range(12), shard_bytes=1)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == [f"part-{number:05d}.tfrecord" for number in range(12)]
    assert (writer.num_shards, writer.num_examples) == (12, 12)
    assert read(tmp_path / "a") == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    write(tmp_path / "b", range(12))
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["part-00000.tfrecord"]
    assert read(tmp_path / "b", 5) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]


def test_a_second_writer_goes_on_behind_the_first(tmp_path):
    write(tmp_path, [1, 2], shard_bytes=1)
    write(tmp_path, [3], first_shard=2)
    assert read(tmp_path) == [[1, 2, 3]]


def test_writing_twice_gives_the_same_files(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, range(5), shard_bytes=20)
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert len(first) > 1


def test_no_rows_give_an_empty_folder_and_an_empty_dataset(tmp_path):
    write(tmp_path / "a", [])
    assert list((tmp_path / "a").iterdir()) == []
    assert read(tmp_path / "a") == []
    assert read(tmp_path / "none") == []


def test_a_shard_that_is_not_whole_has_no_name(tmp_path):
    with pytest.raises(ValueError), ShardWriter(tmp_path, shard_bytes=1) as writer:
        writer.write({"n": np.array([7])})
        writer.write({"n": np.array([8])})
        raise ValueError
    assert read(tmp_path) == [[7]]


def test_shuffled_rows_are_all_there_in_another_order_that_the_seed_draws(tmp_path):
    # A shard of one byte holds one row: there are 200 shards.
    write(tmp_path, range(200), shard_bytes=1)

    def shuffled(seed: int) -> list[int]:
        batches = read_batches(tmp_path, NUMBERS, 16, shuffle=seed)
        return [number for batch in batches for number in batch["n"].numpy().tolist()]

    first = shuffled(0)
    assert sorted(first) == list(range(200)) and first != list(range(200))
    assert first == shuffled(0)
    assert first != shuffled(1)


@pytest.mark.parametrize("gzip", [False, True])
def test_a_few_rows_are_read_from_all_shards(tmp_path, gzip):
    # Shards of 60 bytes hold two or three of these records.
    with ShardWriter(tmp_path, shard_bytes=60, gzip=gzip) as writer:
        for number in range(10):
            writer.write({"name": [b"n" * number]})
    assert writer.num_shards > 2
    found = read_rows(tmp_path, [7, 0, 9])
    assert found == {number: encode_example({"name": [b"n" * number]}) for number in (0, 7, 9)}
    with pytest.raises(DataError, match="record 10 is missing"):
        read_rows(tmp_path, [10])


@pytest.mark.parametrize("gzip", [False, True])
def test_records_are_read_again_by_their_offsets(tmp_path, gzip):
    write(tmp_path, range(300, 310), gzip=gzip)
    [shard] = shards(tmp_path)
    batches = list(read_with_offsets(shard, NUMBERS, 4))
    assert [parsed["n"].numpy().tolist() for parsed, _ in batches] == [
        [300, 301, 302, 303],
        [304, 305, 306, 307],
        [308, 309],
    ]
    offsets = [int(offset) for _, part in batches for offset in part]
    whole = [encode_example({"n": np.array([number])}) for number in range(300, 310)]
    # Each of these records takes as many bytes as the first, and 16 beside them.
    assert offsets[0] == 0 and offsets[9] == 9 * (len(whole[0]) + 16)
    assert read_at(shard, [offsets[7], offsets[2], offsets[9]]) == [whole[7], whole[2], whole[9]]


def test_a_shard_that_ends_before_a_record_is_one_line(tmp_path):
    write(tmp_path, range(3))
    [shard] = shards(tmp_path)
    last = [int(offset) for _, part in read_with_offsets(shard, NUMBERS, 4) for offset in part][2]
    shard.write_bytes(shard.read_bytes()[: last + 14])
    with pytest.raises(DataError, match=r"part-00000\.tfrecord: cannot be read: it is truncated"):
        read_at(shard, [last])
    with pytest.raises(DataError, match="cannot be read"):
        read_at(shard, [last + 14])
