"""The cache: what was encoded once is not encoded again, and a stale output is never used."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tfmmrec.checking.check import check
from tfmmrec.checking.options import CheckOptions
from tfmmrec.dataset import Dataset
from tfmmrec.encoders import FeatureEncoder, encode_feature
from tfmmrec.packing import PackOptions, pack

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
    features = {"title": {"modality": "text"}, "size": {"modality": "number"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackOptions(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write(tmp_path / "set")


def encode(dataset: Dataset, encoder: LengthEncoder) -> list:
    return np.asarray(
        encode_feature(dataset, "items", "title", encoder, quiet=True).outputs
    ).tolist()


EXPECTED = [[3.0, 7.0], [0.0, 0.0], [1.0, 7.0], [2.0, 7.0], [4.0, 7.0]]


def test_rows_come_in_order_and_absent_ones_are_zeros(dataset):
    encoder = LengthEncoder()
    encoded = encode_feature(dataset, "items", "title", encoder, quiet=True)
    assert np.asarray(encoded.outputs).tolist() == EXPECTED
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


def test_other_data_encode_again(dataset, tmp_path):
    encode(dataset, LengthEncoder())
    changed = write(tmp_path / "changed", ["aaa", "", "b", "cc", "ddddd"])
    # Even with the cache of the other data at hand.
    (dataset.folder / "cache").rename(changed.folder / "cache")
    encoder = LengthEncoder()
    assert encode(changed, encoder)[4] == [5.0, 7.0]
    assert int(encoder.count) == 4


def test_a_run_that_was_stopped_leaves_no_half_of_a_cache(dataset):
    class Stopped(LengthEncoder):
        def describe(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(dataset, Stopped())
    assert list((dataset.folder / "cache").iterdir()) == []
    encoder = LengthEncoder()
    assert (encode(dataset, encoder), int(encoder.count)) == (EXPECTED, 4)


def test_a_feature_that_no_row_has_gets_zeros_of_the_right_shape(tmp_path):
    dataset = write(tmp_path / "none", ["", "", ""])
    encoded = encode_feature(dataset, "items", "title", LengthEncoder(), quiet=True)
    assert encoded.outputs.shape == (3, 2)
    assert not np.any(encoded.outputs) and not encoded.present.any()


def test_the_manifest_still_holds_beside_a_cache(dataset):
    encode(dataset, LengthEncoder())
    check(dataset.folder, CheckOptions(quiet=True))
