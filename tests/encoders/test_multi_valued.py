"""Multi-valued features: mean and list of the encodings of their values."""

import string
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.factory import create_encoder
from tfmmrec.encoders.multi_valued import MultiValuedEncoder
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Video, create


class Lengths(FeatureEncoder):
    """A text's length and its square; "" gives what would spoil a mean."""

    def __init__(self, fingerprint: str = "lengths"):
        super().__init__()
        self.fingerprint = fingerprint
        self.widest = tf.Variable(0, trainable=False)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        self.widest.assign(tf.maximum(self.widest, tf.size(values)))
        length = tf.cast(tf.strings.length(values), tf.float32)
        length = tf.where(length > 0, length, -1000.0)
        return tf.stack([length, tf.square(length)], axis=1)

    def resources(self) -> Any:
        return [self.widest]

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "handle": "here"}


VALUES = [["a", "bbb"], [], ["cc"], ["a", "bb", "ccc"]]
# (1 + 3) / 2 and (1 + 9) / 2; nothing; 2 and 4; (1 + 2 + 3) / 3 and (1 + 4 + 9) / 3.
MEANS = [[2.0, 5.0], [0.0, 0.0], [2.0, 4.0], [2.0, 14 / 3]]


def test_the_mean_is_over_the_values_that_are_there():
    encoder = MultiValuedEncoder(Lengths())
    encode = tf.function(
        encoder.encode, input_signature=[tf.RaggedTensorSpec([None, None], tf.string, 1)]
    )
    values = tf.ragged.constant(VALUES, tf.string)
    for outputs in (encoder.encode(values), encode(values)):
        assert outputs.dtype == tf.float32
        np.testing.assert_allclose(outputs, MEANS, rtol=1e-6)


@pytest.mark.parametrize("row", range(len(VALUES)))
def test_a_batch_of_one_is_encoded_as_in_a_larger_one(row: int):
    outputs = MultiValuedEncoder(Lengths()).encode(tf.ragged.constant([VALUES[row]], tf.string, 1))
    np.testing.assert_allclose(outputs, [MEANS[row]], rtol=1e-6)


def test_a_batch_without_any_value_gives_zeros():
    encoder = MultiValuedEncoder(Lengths())
    spec = tf.RaggedTensorSpec([None, None], tf.string, 1)
    values = tf.ragged.constant([[], []], tf.string, 1)
    for encode in (encoder.encode, tf.function(encoder.encode, input_signature=[spec])):
        np.testing.assert_array_equal(encode(values), [[0.0, 0.0]] * 2)


# What is there, at its place, of at most two values; the third of the last row is left out.
EACH = [[[1, 1], [3, 9]], [[0, 0], [0, 0]], [[2, 4], [0, 0]], [[1, 1], [2, 4]]]


def test_the_outputs_of_each_value_are_kept_for_the_tower():
    encoder = MultiValuedEncoder(Lengths(), 2)
    spec = tf.RaggedTensorSpec([None, None], tf.string, 1)
    for encode in (encoder.encode, tf.function(encoder.encode, input_signature=[spec])):
        np.testing.assert_array_equal(encode(tf.ragged.constant(VALUES, tf.string)), EACH)
        for row, value in enumerate(VALUES):
            outputs = encode(tf.ragged.constant([value], tf.string, 1))
            assert outputs.shape == [1, 2, 2]
            np.testing.assert_array_equal(outputs, EACH[row : row + 1])
    fingerprints = {MultiValuedEncoder(Lengths(), n).fingerprint for n in (None, 2, 3)}
    assert len(fingerprints) == 3
    assert encoder.describe()["num_values"] == 2


def test_no_more_values_are_encoded_at_a_time_than_rows():
    inner = Lengths()
    MultiValuedEncoder(inner).encode(tf.ragged.constant([["a"] * 50, ["b"] * 20], tf.string))
    assert int(inner.widest) == 2


def test_it_names_itself_and_saves_what_is_inside():
    inner = Lengths()
    encoder = MultiValuedEncoder(inner)
    assert encoder.fingerprint == MultiValuedEncoder(Lengths()).fingerprint
    assert len({encoder.fingerprint, MultiValuedEncoder(Lengths("2")).fingerprint, "lengths"}) == 3
    assert encoder.resources() == [inner.widest]
    assert encoder.describe() == {
        "encoder": "MultiValuedEncoder",
        "fingerprint": encoder.fingerprint,
        "handle": "here",
    }


def test_lists_are_encoded_once_and_kept_in_order(tmp_path: Path):
    # More rows than go through an encoder at once, no two alike; every seventh has nothing.
    letters = string.ascii_letters + string.digits
    tags = [
        "" if row % 7 == 6 else "|".join(letters[row % 62] * n for n in range(1, row % 4 + 2))
        for row in range(75)
    ]
    rows = [f"{row},{tag}" for row, tag in enumerate(tags)]
    (tmp_path / "items.csv").write_text("\n".join(["id,tags", *rows]) + "\n")
    (tmp_path / "log.csv").write_text("user,item\nu,0\n")
    features = {"tags": {"modality": "categorical", "separator": "|"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (tmp_path / "set.yaml").write_text(yaml.safe_dump(content))
    pack(tmp_path / "set.yaml", tmp_path / "data", PackConfig(quiet=True))
    inner = Lengths()
    encoder = MultiValuedEncoder(inner)
    encoded = encode_feature(Dataset(tmp_path / "data"), "items", "tags", encoder, quiet=True)
    assert int(inner.widest) == 32
    # Lengths 1 to m have the mean (m + 1) / 2 and the mean square (m + 1) (2 m + 1) / 6.
    for row in range(75):
        most = row % 4 + 1
        expected = [(most + 1) / 2, (most + 1) * (2 * most + 1) / 6]
        assert encoded.present[row] == (row % 7 != 6)
        np.testing.assert_allclose(encoded.values[row], expected if row % 7 != 6 else [0, 0])


def test_how_several_values_become_one_is_chosen(tmp_path: Path):
    features = {"clip": Video(frames=3), "photos": create({"modality": "image", "max_values": 2})}
    features["cover"] = create({"modality": "image"})
    dataset: Any = types.SimpleNamespace(features=lambda entity: features, cache=tmp_path)

    def made(feature: str, **choice: Any) -> Any:
        return create_encoder(dataset, "items", feature, choice)

    assert made("clip", handle="builtin").num_values is None
    assert made("photos", pool_values="mean").num_values is None
    assert made("photos", pool_values="attention").num_values == 2
    clip = made("clip", handle="builtin", pool_values="attention")
    data = tf.io.encode_jpeg(np.zeros([8, 8, 3], np.uint8)).numpy()
    assert clip.encode(tf.ragged.constant([[data] * 4, [data]], tf.string)).shape == [2, 3, 256]
    with pytest.raises(ConfigError, match="pool_values: one of mean, attention"):
        made("photos", pool_values="max")
    with pytest.raises(ConfigError, match=r"pool_values: the feature has one value per row"):
        made("cover", pool_values="attention")


def test_a_video_takes_the_encoders_of_pictures(tmp_path: Path):
    dataset: Any = types.SimpleNamespace(features=lambda entity: {"clip": Video()}, cache=tmp_path)
    encoder = create_encoder(dataset, "items", "clip", "builtin")
    assert isinstance(encoder, MultiValuedEncoder)
    assert encoder.describe()["picture_size"] == 96
    red, blue = (
        tf.io.encode_jpeg(np.full([8, 8, 3], colour, np.uint8)).numpy()
        for colour in ((255, 0, 0), (0, 0, 255))
    )
    outputs = encoder.encode(tf.ragged.constant([[red, blue], [red], [blue]], tf.string))
    assert outputs.shape == [3, 256]
    np.testing.assert_allclose(outputs[0], (outputs[1] + outputs[2]) / 2, atol=1e-5)
    assert np.abs(outputs[1] - outputs[2]).max() > 0.01
    trained = create_encoder(dataset, "items", "clip", "builtin:cnn")
    assert trained.describe()["picture_size"] == 96
    assert trained.fingerprint != encoder.fingerprint
    assert trained.encode(tf.ragged.constant([[red, blue]], tf.string)).shape == [1, 128]
    for choice, reason in (
        ("other", "handle must be builtin, builtin:NAME or hub:HANDLE"),
        ("hub:none", "no such folder"),
        (
            "builtin:lstm",
            "^encoders.clip: there is no builtin:lstm for image; use builtin, builtin:cnn$",
        ),
    ):
        with pytest.raises(ConfigError, match=reason):
            create_encoder(dataset, "items", "clip", choice)
