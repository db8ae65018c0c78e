"""The encoding cache: values are encoded once, and a stale encoding is never used."""

import concurrent.futures
import errno
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tfmmrec.cli import main
from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.factory import create_encoder
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.errors import DataError, StorageError
from tfmmrec.reports.data_validation.validate import check

TITLES = ["aaa", "", "b", "cc", "dddd"]


class LengthEncoder(FeatureEncoder):
    """A text's length and a constant, and a count of the texts that were encoded."""

    def __init__(self, fingerprint: str = "one", constant: float = 7.0):
        super().__init__()
        self.fingerprint = fingerprint
        self.constant = constant
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        self.count.assign_add(tf.size(values, tf.int64))
        lengths = tf.cast(tf.strings.length(values), tf.float32)
        return tf.stack([lengths, tf.fill(tf.shape(lengths), self.constant)], axis=1)


def write(folder: Path, titles: list[str] = TITLES) -> Dataset:
    folder.mkdir()
    rows = [f"{row},{title},{row}" for row, title in enumerate(titles)]
    (folder / "items.csv").write_text("\n".join(["id,title,size", *rows]) + "\n")
    (folder / "log.csv").write_text("user,item\nu,0\n")
    features = {"title": {"modality": "text", "optional": True}, "size": {"modality": "number"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write(tmp_path / "set")


def encode(dataset: Dataset, encoder: LengthEncoder) -> list:
    return np.asarray(
        encode_feature(dataset, "items", "title", encoder, quiet=True).values
    ).tolist()


EXPECTED = [[3.0, 7.0], [0.0, 0.0], [1.0, 7.0], [2.0, 7.0], [4.0, 7.0]]


def test_rows_come_in_order_and_absent_ones_are_zeros(dataset):
    encoder = LengthEncoder()
    encoded = encode_feature(dataset, "items", "title", encoder, quiet=True)
    assert np.asarray(encoded.values).tolist() == EXPECTED
    assert encoded.present.tolist() == [True, False, True, True, True]
    # The absent one was not encoded.
    assert int(encoder.count) == 4


def test_a_second_run_encodes_nothing(dataset):
    assert encode(dataset, LengthEncoder()) == EXPECTED
    again = LengthEncoder(constant=8.0)
    # What stands in the cache comes back, whatever this encoder would have given.
    assert encode(dataset, again) == EXPECTED
    assert int(again.count) == 0
    assert encode(Dataset(dataset.folder), again) == EXPECTED
    assert int(again.count) == 0


def test_another_fingerprint_encodes_again_and_keeps_the_old(dataset):
    encode(dataset, LengthEncoder())
    other = LengthEncoder("two", constant=8.0)
    assert encode(dataset, other)[0] == [3.0, 8.0]
    assert int(other.count) == 4
    first = LengthEncoder()
    assert (encode(dataset, first), int(first.count)) == (EXPECTED, 0)


def test_after_another_pack_what_changed_is_encoded_alone(dataset, tmp_path):
    encode(dataset, LengthEncoder())
    # One title is longer, one is new, and the others stand in other rows.
    changed = write(tmp_path / "changed", ["cc", "eeeee", "aaa", "", "ddddd"])
    (dataset.folder / "cache").rename(changed.folder / "cache")
    encoder = LengthEncoder()
    assert encode(changed, encoder) == [[2, 7], [5, 7], [3, 7], [0, 0], [5, 7]]
    assert int(encoder.count) == 2
    # A table of these values, which none of the other keys is.
    assert len(list((changed.folder / "cache").glob("items.title.*"))) == 2


def test_equal_values_are_encoded_once_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr("tfmmrec.encoders.cache.cached_encode._CHUNK", 2)
    dataset = write(tmp_path / "set", ["aaa", "aaa", "", "b", "aaa", "b"])
    encoder = LengthEncoder()
    encoded = encode_feature(dataset, "items", "title", encoder, quiet=True)
    assert np.asarray(encoded.values)[:, 0].tolist() == [3, 3, 0, 1, 3, 1]
    assert (int(encoder.count), encoded.num_encoded) == (2, 2)


def test_a_row_that_fails_is_named_and_the_others_are_kept(tmp_path):
    class Picky(LengthEncoder):
        def encode(self, values):
            check = tf.debugging.Assert(tf.reduce_all(tf.strings.length(values) < 9), ["too\nlong"])
            with tf.control_dependencies([check]):
                return super().encode(values)

    titles = [f"{row:03}" for row in range(100)]
    dataset = write(tmp_path / "set", [*titles, "0123456789"])
    encoder = Picky()
    with pytest.raises(DataError, match="items '100': the encoder of title fails on its value: "):
        encode(dataset, encoder)
    encoder = LengthEncoder()
    encode(dataset, encoder)
    # The batch of the four last titles is all that was lost.
    assert int(encoder.count) == 5


def test_what_was_encoded_before_a_failure_is_kept(tmp_path):
    class Stopped(LengthEncoder):
        def encode(self, values):
            stop = tf.numpy_function(self.step, [tf.size(values)], [])
            with tf.control_dependencies([stop]):
                return super().encode(values)

        def step(self, size):
            if size < 32:
                raise KeyError("a bug in the encoder")

    dataset = write(tmp_path / "set", [f"{row:03}" for row in range(100)])
    with pytest.raises(tf.errors.UnknownError, match="a bug in the encoder"):
        encode(dataset, Stopped())
    assert not list((dataset.folder / "cache").glob("items.title.*"))
    encoder = LengthEncoder()
    assert encode(dataset, encoder) == [[3.0, 7.0]] * 100
    # 100 = 3 * 32 + 4
    assert int(encoder.count) == 4


KILLED = """
import pathlib, sys, threading
import numpy as np
import tfmmrec.cli
import tensorflow as tf
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache import value_store
from tfmmrec.encoders.cache.cached_encode import encode_feature

value_store._PART_SECONDS = 0.0
class Stuck(FeatureEncoder):
    fingerprint = "one"

    def lengths(self, values):
        if values[0] >= b"128":
            threading.Event().wait()
        return np.float32([len(value) for value in values])

    def encode(self, values):
        lengths = tf.numpy_function(self.lengths, [values], tf.float32)
        lengths = tf.ensure_shape(lengths, [None])
        return tf.stack([lengths, tf.fill(tf.shape(lengths), 7.0)], axis=1)

encode_feature(Dataset(pathlib.Path(sys.argv[1])), "items", "title", Stuck(), quiet=True)
"""


def test_a_killed_process_loses_what_was_under_way(tmp_path):
    dataset = write(tmp_path / "set", [f"{row:03}" for row in range(320)])
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(dataset.folder)])
    try:
        while len(list((dataset.folder / "cache").rglob("*.npz"))) < 4:
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    encoder = LengthEncoder()
    assert encode(dataset, encoder) == [[3.0, 7.0]] * 320
    # Of ten batches of 32, four were written.
    assert int(encoder.count) == 6 * 32


@pytest.mark.parametrize("name", ["encodings.npy", "present.npy"])
def test_a_table_that_was_cut_off_is_made_again_of_what_is_there(dataset, name):
    encode(dataset, LengthEncoder())
    [table] = (dataset.folder / "cache").glob(f"items.title.*/{name}")
    for damage in (table.read_bytes()[:-1], table.read_bytes()[:7], b"", None):
        if damage is None:
            table.unlink()
        else:
            table.write_bytes(damage)
        encoder = LengthEncoder()
        assert (encode(dataset, encoder), int(encoder.count)) == (EXPECTED, 0)


def test_a_damaged_part_is_noticed_and_encoded_again(dataset):
    for damage in (lambda data: data[:-1], lambda data: data.replace(b"\xe0\x40", b"\xe0\x41")):
        encode(dataset, LengthEncoder())
        cache = dataset.folder / "cache"
        [part] = cache.rglob("*.npz")
        assert damage(part.read_bytes()) != part.read_bytes()
        part.write_bytes(damage(part.read_bytes()))
        [table] = cache.glob("items.title.*")
        shutil.rmtree(table)
        encoder = LengthEncoder()
        assert (encode(dataset, encoder), int(encoder.count)) == (EXPECTED, 4)


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_written(tmp_path, monkeypatch):
    dataset = write(tmp_path / "set", [f"{row:03}" for row in range(100)])

    def full(*given, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tfmmrec.encoders.cache.value_store._PART_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr("os.posix_fallocate", full)
        with pytest.raises(
            StorageError, match=r"title\.\w+: cannot be written: No space .* resumes"
        ):
            encode(dataset, LengthEncoder())
    parts = sorted((dataset.folder / "cache").rglob("*.npz"))
    assert len(parts) == 4
    parts[0].unlink()
    with monkeypatch.context() as patch:
        patch.setattr("numpy.savez", full)
        with pytest.raises(StorageError, match=r"npz: cannot be written: No space .* resumes"):
            encode(dataset, LengthEncoder())
    # Neither halves of parts nor of the table.
    assert sorted((dataset.folder / "cache").rglob("*.*")) == sorted([*parts[1:], parts[0].parent])
    encoder = LengthEncoder()
    assert encode(dataset, encoder) == [[3.0, 7.0]] * 100
    assert int(encoder.count) in (32, 4)


def test_data_folders_share_a_cache_and_write_at_the_same_time(tmp_path, monkeypatch):
    titles = [f"{row:03}" for row in range(200)]
    folders = [write(tmp_path / name, titles).folder for name in ("one", "two")]
    monkeypatch.setenv("TFMMREC_CACHE_DIR", str(tmp_path / "shared"))
    monkeypatch.setattr("tfmmrec.encoders.cache.value_store._PART_SECONDS", 0.0)
    meeting = threading.Barrier(4)

    def run(folder):
        meeting.wait()
        return encode(Dataset(folder), LengthEncoder())

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert list(threads.map(run, folders * 2)) == [[[3.0, 7.0]] * 200] * 4
    # Equal data have one table, and no half of another.
    assert len(list((tmp_path / "shared").glob("items.title.*"))) == 1
    assert sorted(path.name for path in (tmp_path / "shared").iterdir())[1:] == ["values"]
    assert not any((folder / "cache").exists() for folder in folders)
    encoder = LengthEncoder()
    other = write(tmp_path / "three", [*titles, "0000"])
    assert encode(other, encoder)[200] == [4.0, 7.0]
    assert int(encoder.count) == 1


def test_the_key_goes_before_the_variable_and_that_before_the_data_folder(dataset, monkeypatch):
    assert Dataset(dataset.folder).cache == dataset.folder / "cache"
    monkeypatch.setenv("TFMMREC_CACHE_DIR", "/variable")
    assert Dataset(dataset.folder).cache == Path("/variable")
    assert Dataset(dataset.folder, cache="/key").cache == Path("/key")
    assert Dataset(dataset.folder, cache=TrainConfig().cache).cache == Path("/variable")
    monkeypatch.chdir(dataset.folder)
    assert TrainConfig(cache="mine").cache == str(dataset.folder / "mine")


class WordsEncoder(FeatureEncoder):
    """A vector (1, length) for each word; the longest text of a batch says how many there are."""

    fingerprint = "words"

    def encode(self, values):
        lengths = tf.cast(tf.strings.length(tf.strings.split(values)), tf.float32)
        return tf.stack([tf.ones_like(lengths), lengths], axis=2).to_tensor()


def test_lists_of_vectors_are_padded_to_the_longest_of_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr("tfmmrec.encoders.cache.encode_loop.BATCH", 2)
    dataset = write(tmp_path / "set", ["a", "aa b ccc", "", "dd", "e ff"])
    table = [
        [[1, 1], [0, 0], [0, 0]],
        [[1, 2], [1, 1], [1, 3]],
        [[0, 0], [0, 0], [0, 0]],
        [[1, 2], [0, 0], [0, 0]],
        [[1, 1], [1, 2], [0, 0]],
    ]
    assert encode(dataset, WordsEncoder()) == table
    # The longest that the store knows is no longer in the table.
    shorter = write(tmp_path / "shorter", ["a", "e ff", "", "g"])
    (dataset.folder / "cache").rename(shorter.folder / "cache")
    assert encode(shorter, WordsEncoder()) == [
        table[0][:2],
        table[4][:2],
        table[2][:2],
        table[0][:2],
    ]
    nothing = write(tmp_path / "nothing", ["", ""])
    assert encode(nothing, WordsEncoder()) == [[[0, 0]]] * 2


def test_what_is_no_network_has_a_table_and_no_store(dataset):
    encoder = create_encoder(dataset, "items", "size", "builtin")
    for _ in range(2):
        encoded = encode_feature(dataset, "items", "size", encoder, quiet=True)
        np.testing.assert_array_equal(encoded.values, encoder.encode(tf.range(5.0)))
    assert [path.suffixes[0] for path in (dataset.folder / "cache").iterdir()] == [".size"]
    assert encoded.num_encoded == 0


def test_other_weights_and_another_picture_size_are_other_encoders(tmp_path):
    def module(folder, factor):
        class Mean(tf.Module):
            def __init__(self):
                super().__init__()
                self.factor = tf.Variable(factor)

            @tf.function(
                input_signature=[tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([], tf.bool)]
            )
            def __call__(self, inputs, training=False):
                return self.factor * tf.reduce_mean(inputs, axis=[1, 2])

        tf.saved_model.save(Mean(), str(folder))
        return str(folder)

    one, two = module(tmp_path / "one", 1.0), module(tmp_path / "two", 2.0)
    keys = {
        encoder.fingerprint
        for encoder in (
            HubEncoder("image", one, picture_size=8),
            HubEncoder("image", one, picture_size=9),
            HubEncoder("image", two, picture_size=8),
        )
    }
    assert len(keys) == 3


def test_a_feature_that_no_row_has_gets_zeros_of_the_right_shape(tmp_path):
    dataset = write(tmp_path / "none", ["", "", ""])
    encoded = encode_feature(dataset, "items", "title", LengthEncoder(), quiet=True)
    assert encoded.values.shape == (3, 2)
    assert not np.any(encoded.values) and not encoded.present.any()


def test_the_manifest_still_holds_beside_a_cache(dataset):
    encode(dataset, LengthEncoder())
    check(dataset.folder, CheckConfig(quiet=True))


def test_the_command_says_what_it_found_and_what_it_encoded(dataset, tmp_path, capsys):
    command = ["encode", str(dataset.folder), "--cache", str(tmp_path / "mine"), "--quiet"]
    shown = []
    for _ in range(2):
        assert main(command) == 0
        shown.append(
            [re.sub(r"in \d+\.\d s", "in s", x) for x in capsys.readouterr().out.split("\n")]
        )
    title = "items.title: 5 rows, 4 with a value: {}, dim 256: "
    title += "call(inputs: string [?]), gives dim 256"
    work = ["4 values encoded in s", "all read from the cache"]
    assert [lines[1] for lines in shown] == list(map(title.format, work))
    assert not (dataset.folder / "cache").exists()
