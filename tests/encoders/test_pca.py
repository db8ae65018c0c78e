"""PCA encoders: components by hand, read from the cache, equal vectors in serving."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import CONTENT_ALONE, ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.data.packing import pack
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.factory import create_encoder, reduced_dim
from tfmmrec.encoders.pca import fit_pca, fit_pca_encoder
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.preprocessing import create_step
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.serving.search import search
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.training.train import train

TITLES = ["red frog", "", "blue frog", "green bird", "old stamp of a bird", "frog", "a ship", "x"]


def write(folder: Path, titles: list[str] = TITLES, dim: int | None = 4) -> Dataset:
    folder.mkdir()
    rows = [f"{row},{title}" for row, title in enumerate(titles)]
    (folder / "items.csv").write_text("\n".join(["id,title", *rows]) + "\n")
    events = [f"u{user},{(user + step) % len(titles)}" for user in range(4) for step in range(3)]
    steps = [{"step": "pca", "dim": dim}] if dim else []
    return pack_items(folder, "items.csv", {"title": {"modality": "text", "steps": steps}}, events)


def pack_items(folder: Path, table: str, features: dict, events: list[str]) -> Dataset:
    (folder / "log.csv").write_text("\n".join(["user,item", *events]) + "\n")
    content = {
        "items": {"table": table, "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
        "split": {"by": "none"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


class LengthEncoder(FeatureEncoder):
    """A text's length times (0.6, 0.8), and a count of the texts that were encoded."""

    fingerprint = "lengths"

    def __init__(self) -> None:
        super().__init__()
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        self.count.assign_add(tf.size(values, tf.int64))
        lengths = tf.cast(tf.strings.length(values), tf.float32)
        return lengths[:, tf.newaxis] * [0.6, 0.8]


def test_components_by_hand():
    # Around the mean (1, 1): (3, 4), (-3, -4) and (0.8, -0.6), (-0.8, 0.6). The first pair lies
    # along (0.6, 0.8) and the other across it, with variances 2 * 25 / 3 and 2 * 1 / 3.
    outputs = np.array([[4, 5], [-2, -3], [1.8, 0.4], [0.2, 1.6]], np.float32)
    both = fit_pca(outputs, 64)
    np.testing.assert_allclose(both.mean, [1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(np.abs(both.axes), [[0.6, 0.8], [0.8, 0.6]], atol=1e-6)
    assert (both.requested_dim, both.axes.shape, both.explained) == (64, (2, 2), pytest.approx(1.0))
    one = fit_pca(outputs, 1)
    assert one.explained == pytest.approx(25 / 26)
    reduced = (outputs - one.mean) @ one.axes
    np.testing.assert_allclose(np.abs(reduced[:, 0]), [5.0, 5.0, 0.0, 0.0], atol=1e-5)
    np.testing.assert_array_equal(fit_pca(outputs, 1).axes, one.axes)


@pytest.mark.parametrize(
    ("outputs", "dim"),
    [
        # Two rows span one dimension, three of them on a line as well.
        ([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], 1),
        ([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [5.0, 5.0, 5.0]], 1),
        # Four points that are not in one plane span all three.
        ([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 3),
    ],
)
def test_the_rows_may_span_fewer_dimensions(outputs: list, dim: int):
    assert fit_pca(np.array(outputs, np.float32), 64).axes.shape == (3, dim)


def test_rows_that_do_not_differ_are_kept_as_they_are():
    for outputs in (np.zeros([0, 3]), np.ones([1, 3]), np.full([5, 3], 0.1)):
        projection = fit_pca(outputs.astype(np.float32), 2)
        assert projection.axes.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        assert projection.mean.tolist() == [0.0, 0.0, 0.0]


def test_present_rows_are_encoded_once_and_found_again(tmp_path):
    dataset = write(tmp_path / "set", ["aaa", "", "b", "ccccc"])
    base = LengthEncoder()
    reduced = fit_pca_encoder(dataset, "items", "title", base, 4, quiet=True)
    encoded = encode_feature(dataset, "items", "title", reduced, quiet=True)
    # Lengths 3, 1 and 5 along (0.6, 0.8), around their mean of 3; the absent one counts nowhere.
    outputs = np.asarray(encoded.values)
    assert outputs.shape == (4, 1) and encoded.present.tolist() == [True, False, True, True]
    np.testing.assert_allclose(outputs[:, 0] * np.sign(outputs[3, 0]), [0, 0, -2, 2], atol=1e-5)
    assert int(base.count) == 3
    about = reduced.describe()
    assert (about["dim"], about["requested_dim"], about["explained_variance"]) == (1, 4, 1.0)
    assert about["base"]["fingerprint"] == "lengths"

    again = LengthEncoder()
    found = fit_pca_encoder(Dataset(dataset.folder), "items", "title", again, 4, quiet=True)
    assert found.fingerprint == reduced.fingerprint
    encode_feature(dataset, "items", "title", found, quiet=True)
    assert int(again.count) == 0
    np.testing.assert_allclose(found.encode(tf.constant(["aaa", "ccccc"])), outputs[[0, 3]], 1e-5)


def test_other_data_or_another_dim_are_fitted_anew(tmp_path):
    lengths = ["aaa", "bb", "c", "dddddddd"]
    one = write(tmp_path / "one", lengths)
    two = write(tmp_path / "two", [*lengths, "eeeeeeeeeeee"])
    first = fit_pca_encoder(one, "items", "title", LengthEncoder(), 4, quiet=True)
    # Even with the cache of the other data at hand.
    (one.folder / "cache").rename(two.folder / "cache")
    second = fit_pca_encoder(two, "items", "title", LengthEncoder(), 4, quiet=True)
    assert first.mean[0] != second.mean[0] and first.fingerprint != second.fingerprint
    for dim in (3, 5):
        fit_pca_encoder(two, "items", "title", LengthEncoder(), dim, quiet=True)
    found = [path.name.rsplit(".pca")[1] for path in (two.folder / "cache").glob("*.pca*")]
    assert sorted(found) == ["3", "4", "4", "5"]


def write_vectors(folder: Path, num_rows: int) -> Dataset:
    folder.mkdir()
    vectors = np.random.default_rng(0).normal(size=[num_rows, 6]).round(3).tolist()
    rows = [{"id": f"i{row}", "vector": vector} for row, vector in enumerate(vectors)]
    # A row without the feature does not count.
    lines = map(json.dumps, [*rows, {"id": "none"}])
    (folder / "items.jsonl").write_text("\n".join(lines) + "\n")
    features = {"vector": {"modality": "vector", "dim": 6}}
    return pack_items(folder, "items.jsonl", features, ["u0,i0", "u0,i1"])


def test_wide_encodings_are_reduced_where_enough_rows_have_them(tmp_path):
    many, few = write_vectors(tmp_path / "many", 30), write_vectors(tmp_path / "few", 29)

    def dim(dataset: Dataset, **options) -> int:
        return create_encoder(dataset, "items", "vector", "builtin", quiet=True, **options).dim

    assert dim(many, pca_dim=3) == 3
    assert dim(few, pca_dim=3) == dim(many, pca_dim=6) == dim(many, pca_dim=0) == dim(many) == 6
    # More components than 64 are as many as the rows allow, but none if they allow fewer than 64.
    for num_rows, expected in ((639, 0), (640, 64), (705, 70), (9999, 100)):
        counted = SimpleNamespace(
            statistics={"items": {"features": {"vector": {"present": num_rows}}}},
            features=lambda entity: {"vector": SimpleNamespace(steps=[])},
        )
        wide = SimpleNamespace(dim=512)
        assert reduced_dim(counted, "items", "vector", wide, pca_dim=100) == expected
    # A step decides by itself, and the axes of an encoder that is trained would move.
    texts = [f"text {row}" for row in range(30)]
    for step, trainable, expected in ((2, False, 2), (None, False, 3), (None, True, 256)):
        dataset = write(tmp_path / f"{step}{trainable}", texts, step)
        options = {"pca_dim": 3, "trainable": trainable, "quiet": True}
        assert create_encoder(dataset, "items", "title", "builtin", **options).dim == expected


def test_a_reduced_encoder_is_created_again_from_what_was_fitted(tmp_path):
    dataset = write_vectors(tmp_path / "set", 30)
    encoder = create_encoder(dataset, "items", "vector", "builtin", pca_dim=3, quiet=True)
    fitted = json.loads(json.dumps(encoder.fitted()))
    again = create_encoder(dataset, "items", "vector", "builtin", fitted=fitted)
    assert again.fingerprint == encoder.fingerprint
    values = tf.constant(np.random.default_rng(1).normal(size=[5, 6]), tf.float32)
    np.testing.assert_array_equal(again.encode(values), encoder.encode(values))
    # The axes are orthonormal, so that all components keep the distances.
    whole = encode_feature(dataset, "items", "vector", encoder.base, quiet=True)
    reduced = encode_feature(dataset, "items", "vector", encoder, quiet=True)
    assert reduced.values.shape == (31, 3) and whole.values.shape == (31, 6)
    variance = np.var(whole.values[:30], axis=0).sum()
    assert encoder.explained == pytest.approx(np.var(reduced.values[:30], axis=0).sum() / variance)


def test_the_step_changes_nothing_when_it_is_packed():
    for modality in ("text", "image", "audio"):
        step = create_step({"step": "pca"}, modality)
        assert step.run(b"value") == (b"value", {}) and step.options()["dim"] == 64
    with pytest.raises(ConfigError, match="modality number has no step 'pca'"):
        create_step("pca", "number")
    with pytest.raises(ConfigError, match="dim must be at least 1"):
        create_step({"step": "pca", "dim": 0}, "text")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reduced")
    dataset = write(folder / "set")
    config = TrainConfig(**ONCE, **CONTENT_ALONE, dim=8, epochs=1, batch_size=4, quiet=True)
    train(dataset.folder, folder / "run", config)
    return folder / "run"


def test_a_run_serves_the_vectors_that_python_gives(run, tmp_path):
    bundle = load_run(run, quiet=True)
    assert bundle.items.encodings["title"].values.shape == (8, 4)
    serving_model = ServingModel(bundle)
    features = read_feature_values(bundle.dataset, "items", np.arange(8))
    served = tf.saved_model.load(str(export(run, tmp_path / "model", quiet=True))).signatures
    vectors = serving_model.encode_items(features).numpy()
    np.testing.assert_allclose(served["encode_items"](**features)["vectors"], vectors, atol=1e-5)
    # What was cached is what is encoded anew, and the absent title is no vector. The components of
    # the catalog are of encodings that are stored in float16.
    np.testing.assert_allclose(vectors, serving_model.content_search.content, atol=1e-4)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1, 1, 1, 1, 1, 1], abs=1e-5)

    k = tf.fill([8], 3)
    ids, scores = serving_model.search(features, k)
    answer = served["search"](k=k, **features)
    np.testing.assert_array_equal(answer["items"], ids)
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-5)
    assert ids[2, 0] == b"2"  # its own title finds it
    histories = tf.constant([["0", "2"], ["3", ""]])
    nothing = tf.fill([2, 1], "")
    best, _ = serving_model.recommend(histories, nothing, k[:2], {})
    answer = served["serving_default"](history=histories, exclude=nothing, k=k[:2])
    np.testing.assert_array_equal(answer["items"], best)


def test_the_commands_take_such_a_run(run):
    assert len(recommend(run, users="u0", k=2, quiet=True)[0]["items"]) == 2
    assert search(run, text="green bird", k=1)[0]["item"] == "3"
    about = json.loads((run / "run.json").read_text())["encoders"]["items"]["title"]
    assert (about["encoder"], about["dim"]) == ("PcaEncoder", 4)


def test_a_run_keeps_its_components(run):
    folder = Dataset(Path(json.loads((run / "run.json").read_text())["data"])).folder
    [fitted] = (folder / "cache").glob("*.pca4")
    axes = np.load(fitted / "axes.npy")
    np.save(fitted / "axes.npy", axes[:, ::-1].copy())
    try:
        encoder = load_run(run, quiet=True).items.encoders["title"]
    finally:
        np.save(fitted / "axes.npy", axes)
    np.testing.assert_array_equal(encoder.axes.numpy(), axes)


def test_a_cleared_cache_is_fitted_to_the_same(run):
    folder = Path(json.loads((run / "run.json").read_text())["data"])
    before = Scorer(load_run(run, quiet=True).model).item_vectors()
    for path in (folder / "cache").glob("items.title.*"):
        path.rename(path.with_name(f"old.{path.name}"))
    np.testing.assert_array_equal(Scorer(load_run(run, quiet=True).model).item_vectors(), before)
