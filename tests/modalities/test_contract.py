"""The contract of all modalities: round trip, absence, requests."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.modalities.contract import PICTURE, SOUND
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import (
    MODALITIES,
    Audio,
    Categorical,
    Image,
    Modality,
    Number,
    Text,
    Vector,
    create,
)


@dataclasses.dataclass(frozen=True)
class Example:
    """A modality, a value of a table, what is stored of it, and an absent one if there is any."""

    modality: Modality
    raw: Any
    stored: list
    absent: Any = None


EXAMPLES = {
    "text": Example(Text(), " Синий 青 ".encode(), ["Синий 青".encode()], b"  "),
    "number": Example(Number(), b"1.5", [1.5]),
    "categorical": Example(Categorical("|"), b"Drama| War||Drama", [b"Drama", b"War"], b"| |"),
    "vector": Example(Vector(dim=3), b"0.5, -1 , 25e-2", [0.5, -1.0, 0.25], b"[]"),
    "image": Example(Image(), "1.png", [PICTURE], "none.png"),
    "audio": Example(Audio(), b"1.wav", [SOUND], b"none.wav"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.png").write_bytes(PICTURE)
    (tmp_path / "1.wav").write_bytes(SOUND)
    return tmp_path


def parse(modality: Modality, rows: list[dict]) -> Any:
    batch = tf.constant([encode_example(row) for row in rows])
    return tf.io.parse_example(batch, {"feature": modality.parsing()})["feature"]


def row_values(values: Any, row: int) -> list:
    value = values[row].numpy()
    return list(value) if values.shape.rank > 1 else [value]


def test_every_modality_has_an_example():
    # A video needs PyAV; its tests stand in test_video.py.
    assert {*EXAMPLES, "video"} == set(MODALITIES.variants)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_round_trip(kind: str, folder: Path):
    example = EXAMPLES[kind]
    declared = json.loads(json.dumps(example.modality.options()))
    for modality in (example.modality, create(declared)):
        assert modality == example.modality
        stored = modality.check(example.raw, folder)
        assert stored == example.stored
        # A row that has the value, one that was packed without it, and the first again.
        values = parse(modality, [{"feature": stored}, {"id": [b"x"]}, {"feature": stored}])
        assert modality.present(values).numpy().tolist() == [True, False, True]
        assert row_values(values, 0) == row_values(values, 2) == example.stored


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if EXAMPLES[kind].absent])
def test_nothing_after_all_is_absent_and_not_broken(kind: str, folder: Path):
    assert EXAMPLES[kind].modality.check(EXAMPLES[kind].absent, folder) is None


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_request_of_the_signature_means_the_same(kind: str):
    modality = EXAMPLES[kind].modality
    spec = modality.signature("feature")
    assert spec.name == "feature"
    if kind == "number":
        request = tf.constant([1.5, float("nan")])
    elif kind == "vector":
        request = tf.constant([[0.5, -1.0, 0.25], [0.5, float("nan"), 0.25]])
    elif kind == "categorical":
        request = tf.constant([["", "War", ""], ["", "", ""]])
    else:
        request = tf.constant([b"x", b""])
    assert spec.is_compatible_with(request)
    values = modality.from_request(request)
    assert modality.present(values).numpy().tolist() == [True, False]
    if kind == "categorical":
        assert values.to_list() == [[b"War"], []]


def test_unknown_modalities_and_options_are_refused():
    with pytest.raises(ConfigError, match="unknown modality 'smell'"):
        create({"modality": "smell"})
    with pytest.raises(ConfigError, match="'modality' is missing"):
        create({"separator": "|"})
    with pytest.raises(ConfigError, match="number has no option 'separator'; it takes steps"):
        create({"modality": "number", "separator": "|"})
