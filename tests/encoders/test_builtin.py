"""The built-in encoders: one contract for the three, and what each tells apart."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfmmrec.encoders.builtin import BUILTIN, builtin_fingerprint, save_builtin
from tfmmrec.errors import ConfigError

TEXTS = ["", "A frog sits in the pond", "青蛙在池塘里", "Лягушка", "😀🍕", " \t!?", "a " * 3000]


def pictures() -> np.ndarray:
    noise = np.random.default_rng(0).uniform(size=[3, 40, 56, 3])
    return np.concatenate([noise, np.zeros([1, 40, 56, 3]), np.ones([1, 40, 56, 3])])


def waveforms() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=[3, 9000]) * [[0.1], [1.0], [1e-3]]
    noise[1, 5000:] = 0.0
    return np.concatenate([noise, np.zeros([1, 9000])])


EXAMPLES = {
    "text": lambda: tf.constant(TEXTS),
    "image": lambda: tf.constant(pictures(), tf.float32),
    "audio": lambda: tf.constant(waveforms(), tf.float32),
}
EMPTY = {
    "text": [tf.constant([""]), tf.constant(["\ufeff \n"]), tf.constant([b"\xff\xfe\xc3"])],
    "image": [tf.zeros([1, 1, 1, 3]), tf.ones([1, 7, 2, 3]), tf.fill([1, 9, 9, 3], math.nan)],
    "audio": [tf.zeros([1, 0]), tf.ones([1, 1]), tf.zeros([2, 700]), tf.fill([1, 9], math.nan)],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("encoders")
    return {modality: save_builtin(modality, root / modality) for modality in BUILTIN}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, hub.KerasLayer]:
    return {modality: hub.KerasLayer(str(folder)) for modality, folder in folders.items()}


@pytest.fixture(params=["text", "image", "audio"])
def modality(request: pytest.FixtureRequest) -> str:
    return request.param


def test_gives_vectors(loaded, modality):
    examples = EXAMPLES[modality]()
    vectors = loaded[modality](examples)
    assert vectors.dtype == tf.float32
    assert vectors.shape == [len(examples), BUILTIN[modality].dim]
    assert np.isfinite(vectors).all()


def test_batch_of_one_and_order_change_nothing(loaded, modality):
    examples, encoder = EXAMPLES[modality](), loaded[modality]
    together = encoder(examples).numpy()
    alone = np.concatenate([encoder(examples[row : row + 1]) for row in range(len(examples))])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    backwards = encoder(tf.reverse(examples, [0])).numpy()[::-1]
    np.testing.assert_allclose(backwards, together, atol=1e-5)
    assert encoder(examples[:0]).shape == [0, BUILTIN[modality].dim]


def test_empty_input_is_finite(loaded, modality):
    for example in EMPTY[modality]:
        assert np.isfinite(loaded[modality](example)).all(), example


def test_a_training_step_moves_the_weights(folders, modality):
    layer = hub.KerasLayer(str(folders[modality]), trainable=True)
    assert len(layer.trainable_weights) == len(layer.weights) > 0
    before = [weight.numpy() for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        vectors = layer(EXAMPLES[modality](), training=True)
        loss = tf.reduce_mean(vectors[:, 0])
    gradients = tape.gradient(loss, layer.trainable_weights)
    optimizer = tf.keras.optimizers.SGD(0.1)
    optimizer.apply_gradients(zip(gradients, layer.trainable_weights, strict=True))
    for old, new in zip(before, layer.trainable_weights, strict=True):
        assert not np.array_equal(old, new.numpy()), new.name
    assert all(np.isfinite(weight).all() for weight in layer.get_weights())


def test_runs_in_a_graph_after_hub_load(folders, loaded, modality):
    module = hub.load(str(folders[modality]))
    assert list(module.regularization_losses) == []
    examples = EXAMPLES[modality]()
    in_graph = tf.function(lambda inputs: module(inputs, training=False))(examples)
    np.testing.assert_allclose(in_graph, loaded[modality](examples), atol=1e-5)
    np.testing.assert_allclose(module(examples), in_graph, atol=1e-5)


def test_saving_twice_gives_the_same_vectors(tmp_path, loaded, modality):
    (tmp_path / "encoder").mkdir()
    folder = save_builtin(modality, tmp_path / "encoder")
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]
    again = save_builtin(modality, folder)
    examples = EXAMPLES[modality]()
    np.testing.assert_array_equal(hub.load(str(again))(examples), loaded[modality](examples))
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 20_000_000


def test_fingerprints():
    prints = [builtin_fingerprint(modality) for modality in BUILTIN]
    assert len(set(prints)) == 3
    assert prints == [builtin_fingerprint(modality) for modality in BUILTIN]
    with pytest.raises(ConfigError, match="'number' has no built-in encoder"):
        builtin_fingerprint("number")


# TensorFlow alone, as on a stock server: no Keras of ours, no tensorflow_io.
SERVED = """
import json, sys
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
folder = sys.argv[1]
proto = saved_model_pb2.SavedModel()
proto.ParseFromString(open(folder + "/saved_model.pb", "rb").read())
graph = proto.meta_graphs[0].graph_def
functions = {function.signature.name for function in graph.library.function}
nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
ops = {node.op for node in nodes} - functions
unknown = sorted(op for op in ops if op_def_registry.get(op) is None)
value = {"string": ["a frog"], "float32": np.ones(json.loads(sys.argv[2]), np.float32)}
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], folder)
    signature = meta.signature_def["serving_default"]
    (inputs,), (outputs,) = signature.inputs.values(), signature.outputs.values()
    fed = value[tf.as_dtype(inputs.dtype).name]
    vectors = session.run(outputs.name, {inputs.name: fed})
foreign = [name for name in sys.modules if name.startswith(("tensorflow_io", "tfmmrec"))]
print(json.dumps({"unknown": unknown, "shape": list(vectors.shape), "foreign": [
    name for name in foreign if not name.startswith("tensorflow_io_gcs_filesystem")]}))
"""


def test_runs_on_core_ops_alone(folders, modality):
    shape = {"text": [1], "image": [1, 20, 30, 3], "audio": [1, 900]}[modality]
    done = subprocess.run(
        [sys.executable, "-c", SERVED, str(folders[modality]), json.dumps(shape)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer == {"unknown": [], "shape": [1, BUILTIN[modality].dim], "foreign": []}


@pytest.mark.parametrize(
    "sentences",
    [
        ["The frog jumps into the pond", "Frogs jumping in a pond", "Interest rates fell sharply"],
        ["我喜欢吃苹果和香蕉", "他也喜欢吃香蕉", "今天股市大幅下跌"],
        ["Кошка сидит на тёплом ковре", "Кошки сидели на ковре", "Рынок акций резко упал"],
        ["😀 🍕 party", "😀 🍕", "🚗 🌧"],
    ],
    ids=["English", "Chinese", "Russian", "emoji"],
)
def test_texts_that_share_words_are_near(loaded, sentences):
    first, near, far = loaded["text"](tf.constant(sentences)).numpy()
    # Two unrelated random directions in 256 dimensions have a cosine of 0 +- 1/16.
    assert first @ near > 0.3
    assert abs(first @ far) < 0.25


def test_case_and_punctuation_do_not_matter(loaded):
    texts = tf.constant(["Don't STOP, Ärger!", "dont stop ärger"])
    first, second = loaded["text"](texts).numpy()
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_the_end_of_a_text_counts(loaded):
    texts = tf.constant(["one word " * 40 + "frog", "one word " * 40 + "pond"])
    first, second = loaded["text"](texts).numpy()
    assert first @ second < 0.97


def nearest_centroid_accuracy(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Fits on the first half and asks about the second."""
    half = len(labels) // 2
    fitted = NearestCentroid().fit(vectors[:half], labels[:half])
    return float(np.mean(fitted.predict(vectors[half:]) == labels[half:]))


def draw(colour: np.ndarray, shape: str, random: np.random.Generator) -> np.ndarray:
    """A filled square, disc or cross at a random place on grey, 48 x 48, with noise."""
    y, x = np.mgrid[:48, :48] - random.uniform(18, 30, [2, 1, 1])
    inside = {
        "square": np.maximum(abs(x), abs(y)) < 10,
        "disc": np.hypot(x, y) < 12,
        "cross": (np.minimum(abs(x), abs(y)) < 3.5) & (np.maximum(abs(x), abs(y)) < 13),
    }[shape]
    picture = np.where(inside[..., np.newaxis], colour, 0.5)
    return np.clip(picture + random.normal(0, 0.05, [48, 48, 3]), 0, 1)


def encode_drawings(encoder, kinds: np.ndarray, random: np.random.Generator) -> np.ndarray:
    colours, shapes = np.eye(3) * 0.6 + 0.2, ["square", "disc", "cross"]
    drawn = np.stack([draw(colours[c], shapes[s], random) for c, s in kinds])
    return encoder(tf.constant(drawn, tf.float32)).numpy()


def test_pictures_of_a_colour_are_near(loaded):
    random = np.random.default_rng(1)
    kinds = random.integers(0, 3, [120, 2])
    vectors = encode_drawings(loaded["image"], kinds, random)
    assert nearest_centroid_accuracy(vectors, kinds[:, 0]) >= 0.95  # chance is 1/3
    assert nearest_centroid_accuracy(vectors, random.permutation(kinds[:, 0])) < 0.6


def test_pictures_of_a_shape_are_near(loaded):
    random = np.random.default_rng(1)
    kinds = random.integers(0, 3, [120, 2]) * [0, 1]  # one colour
    vectors = encode_drawings(loaded["image"], kinds, random)
    assert nearest_centroid_accuracy(vectors, kinds[:, 1]) >= 0.85  # chance is 1/3
    assert nearest_centroid_accuracy(vectors, random.permutation(kinds[:, 1])) < 0.6


def test_a_shape_of_any_colour_is_read_by_a_linear_probe(loaded):
    random = np.random.default_rng(1)
    kinds = random.integers(0, 3, [240, 2])
    vectors = encode_drawings(loaded["image"], kinds, random)
    probe = make_pipeline(StandardScaler(), RidgeClassifier(10.0))
    assert cross_val_score(probe, vectors, kinds[:, 1], cv=4).mean() >= 0.9  # chance is 1/3


def test_sounds_of_a_pitch_are_near(loaded):
    random = np.random.default_rng(2)
    labels = random.integers(0, 5, 100)
    time = np.arange(8000) / 16_000
    sounds = []
    for label in labels:
        pitch = 200.0 * 1.5**label * random.uniform(0.97, 1.03)
        tone = np.sin(2 * np.pi * pitch * time + random.uniform(0, 6))
        sounds.append(random.uniform(0.01, 1.0) * (tone + random.normal(0, 0.1, 8000)))
    vectors = loaded["audio"](tf.constant(np.stack(sounds), tf.float32)).numpy()
    assert nearest_centroid_accuracy(vectors, labels) >= 0.95  # chance is 1/5
    assert nearest_centroid_accuracy(vectors, random.permutation(labels)) < 0.5


def test_loudness_and_padding_of_a_sound_do_not_matter(loaded):
    sound = tf.constant(waveforms()[:1], tf.float32)
    plain = loaded["audio"](sound).numpy()
    np.testing.assert_allclose(loaded["audio"](sound * 0.01), plain, atol=1e-4)
    for samples in (1, 500, 40_000):
        padded = tf.pad(sound, [[0, 0], [0, samples]])
        np.testing.assert_allclose(loaded["audio"](padded), plain, atol=1e-5)


def test_rhythm_of_a_sound_matters(loaded):
    random = np.random.default_rng(3)
    labels = np.arange(60) % 3
    time = np.arange(16_000) / 16_000
    sounds = []
    for label in labels:
        beat = (time * (2.0, 5.0, 9.0)[label] + random.uniform()) % 1.0
        sounds.append(random.normal(size=16_000) * np.exp(-4.0 * beat))
    vectors = loaded["audio"](tf.constant(np.stack(sounds), tf.float32)).numpy()
    assert nearest_centroid_accuracy(vectors, labels) >= 0.9  # chance is 1/3
