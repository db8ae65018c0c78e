import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.errors import DataError
from tfmmrec.serving.loader_check import build_loader, compare, run_loader

LOADER = Path(__file__).parents[2] / "serving" / "loader"


class Toy(tf.Module):
    """Strings in and out: a table of capitals, as a resource to be initialised, and a sum."""

    def __init__(self):
        super().__init__()
        keys = tf.constant(["France", "Peru"])
        values = tf.constant(["Paris", "Lima"])
        self.capitals = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, values), ""
        )
        self.offset = tf.Variable(0.5)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "country")])
    def capital(self, country):
        return {"capital": self.capitals.lookup(country)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "values")])
    def total(self, values):
        return {"total": tf.reduce_sum(values, axis=1) + self.offset}


@pytest.fixture(scope="session")
def binary(tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("no g++ here to build the loader check with")
    return build_loader(LOADER / "load.cc", tmp_path_factory.mktemp("loader") / "load")


@pytest.fixture(scope="session")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy") / "1"
    toy = Toy()
    tf.saved_model.save(
        toy, str(folder), signatures={"serving_default": toy.capital, "total": toy.total}
    )
    return folder


def requests():
    return [
        ("serving_default", {"country": np.array([b"Peru", b"Atlantis", b"France"], object)}),
        ("total", {"values": np.array([[1.0, 2.0], [0.0, np.nan]], np.float32)}),
        ("total", {"values": np.zeros([1, 3], np.float32)}),
    ]


@pytest.mark.parametrize("twin", [False, True], ids=["c++", "python"])
def test_answers_come_in_the_order_of_the_requests(binary, export, tmp_path, twin):
    program = LOADER / "load.py" if twin else binary
    answers = run_loader(program, export, requests(), tmp_path)
    assert [signature for signature, _ in answers] == ["serving_default", "total", "total"]
    assert answers[0][1]["capital"].tolist() == [b"Lima", b"", b"Paris"]
    # 1 + 2 + 0.5; whatever is added to NaN is NaN; 0 + 0.5.
    np.testing.assert_array_equal(answers[1][1]["total"], np.float32([3.5, np.nan]))
    np.testing.assert_array_equal(answers[2][1]["total"], np.float32([0.5]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (requests()[:1], "the signature total has no request"),
        ([*requests(), ("other", {"x": np.float32(1)})], "the model has no signature other"),
        ([*requests(), ("total", {})], "the input values is missing"),
        (
            [*requests(), ("total", {**requests()[1][1], "more": np.float32(1)})],
            "the signature has no input more",
        ),
        ([*requests(), ("total", {"values": np.array([[b"x"]], object)})], "string"),
    ],
    ids=["no request", "unknown signature", "missing input", "unknown input", "wrong dtype"],
)
def test_a_failing_signature_is_reported_in_one_line(binary, export, tmp_path, wrong, message):
    with pytest.raises(DataError, match=message) as raised:
        run_loader(binary, export, wrong, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_damaged_export_is_refused(binary, export, tmp_path):
    damaged = shutil.copytree(export, tmp_path / "1")
    shutil.rmtree(damaged / "variables")
    with pytest.raises(DataError, match=str(damaged)):
        run_loader(binary, damaged, requests(), tmp_path)
    with pytest.raises(DataError, match="give a version's folder"):
        run_loader(binary, tmp_path, requests(), tmp_path)


def test_compare_returns_the_largest_difference():
    answers = [
        ("f", {"x": np.float32([1.0, np.nan]), "i": np.array([b"a"], object)}),
        ("f", {"x": np.float32([-np.inf, 2.0]), "i": np.array([b"b"], object)}),
    ]
    others = [
        ("f", {"x": np.float32([1.25, np.nan]), "i": np.array([b"a"], object)}),
        ("f", {"x": np.float32([-np.inf, 2.0]), "i": np.array([b"b"], object)}),
    ]
    # 1.25 - 1 = 0.25; NaN and infinity agree with themselves.
    assert compare(answers, others, tolerance=0.5) == {"f": {"x": 0.25, "i": 0.0}}
    with pytest.raises(DataError, match=r"x differs by 0\.25"):
        compare(answers, others, tolerance=0.1)
    with pytest.raises(DataError, match="i differs"):
        compare(answers[:1], [("f", {**others[0][1], "i": np.array([b"c"], object)})], tolerance=1)
