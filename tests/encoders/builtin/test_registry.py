"""The built-in encoders: one contract for all, and similarities that fixed weights must give."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfmmrec.encoders.builtin.image_cnn import BuiltinImageCnn, resize_pictures
from tfmmrec.encoders.builtin.registry import (
    BUILTIN,
    builtin_fingerprint,
    builtin_is_untrained,
    builtin_variant,
    save_builtin,
)
from tfmmrec.encoders.builtin.text_lstm import BuiltinLstm
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


CHOICES = [
    "text", "text:lstm", "text:transformer", "image", "image:cnn", "audio", "audio:cnn",
]  # fmt: skip
SCRATCH = [choice for choice in CHOICES if ":" in choice]


def encoder_class(choice: str) -> type[tf.Module]:
    modality, _, variant = choice.partition(":")
    return BUILTIN[modality][variant]


def examples_of(choice: str) -> tf.Tensor:
    return EXAMPLES[choice.partition(":")[0]]()


def save(choice: str, folder: Path) -> Path:
    modality, _, variant = choice.partition(":")
    return save_builtin(modality, folder, variant=variant)


class Once(dict):
    """Makes what it is asked for, and keeps it."""

    def __init__(self, make: Callable[[str], Any]):
        super().__init__()
        self.make = make

    def __missing__(self, choice: str) -> Any:
        self[choice] = self.make(choice)
        return self[choice]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Once:
    root = tmp_path_factory.mktemp("encoders")
    return Once(lambda choice: save(choice, root / choice.replace(":", "_")))


@pytest.fixture(scope="module")
def loaded(folders: Once) -> Once:
    return Once(lambda choice: hub.KerasLayer(str(folders[choice])))


@pytest.fixture(params=CHOICES)
def choice(request: pytest.FixtureRequest) -> str:
    return request.param


def test_all_are_tested():
    named = {
        f"{modality}:{variant}" if variant else modality
        for modality, variants in BUILTIN.items()
        for variant in variants
    }
    assert named == set(CHOICES)


def test_gives_vectors(loaded, choice):
    examples = examples_of(choice)
    vectors = loaded[choice](examples)
    assert vectors.dtype == tf.float32
    assert vectors.shape == [len(examples), 128 if choice in SCRATCH else 256]
    assert vectors.shape[1] == encoder_class(choice).dim
    assert np.isfinite(vectors).all()


def test_batch_of_one_and_order_change_nothing(loaded, choice):
    examples, encoder = examples_of(choice), loaded[choice]
    together = encoder(examples).numpy()
    alone = np.concatenate([encoder(examples[row : row + 1]) for row in range(len(examples))])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    backwards = encoder(tf.reverse(examples, [0])).numpy()[::-1]
    np.testing.assert_allclose(backwards, together, atol=1e-5)
    assert encoder(examples[:0]).shape == [0, encoder_class(choice).dim]


def test_empty_input_is_finite(loaded, choice):
    for example in EMPTY[choice.partition(":")[0]]:
        assert np.isfinite(loaded[choice](example)).all(), example


def test_a_training_step_moves_the_weights(folders, choice):
    layer = hub.KerasLayer(str(folders[choice]), trainable=True)
    assert len(layer.trainable_weights) == len(layer.weights) > 0
    before = [weight.numpy() for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        vectors = layer(examples_of(choice), training=True)
        loss = tf.reduce_mean(vectors[:, 0])
    gradients = tape.gradient(loss, layer.trainable_weights)
    optimizer = tf.keras.optimizers.SGD(0.1)
    optimizer.apply_gradients(zip(gradients, layer.trainable_weights, strict=True))
    for old, new in zip(before, layer.trainable_weights, strict=True):
        assert not np.array_equal(old, new.numpy()), new.name
    assert all(np.isfinite(weight).all() for weight in layer.get_weights())


@pytest.mark.parametrize("choice", SCRATCH)
def test_absent_values_give_gradients_that_are_finite(folders, choice):
    layer = hub.KerasLayer(str(folders[choice]), trainable=True)
    example = EMPTY[choice.partition(":")[0]][0]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer(example, training=True)[:, 0])
    for gradient in tape.gradient(loss, layer.trainable_weights):
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()


def test_runs_in_a_graph_after_hub_load(folders, loaded, choice):
    module = hub.load(str(folders[choice]))
    assert list(module.regularization_losses) == []
    examples = examples_of(choice)
    in_graph = tf.function(lambda inputs: module(inputs, training=False))(examples)
    np.testing.assert_allclose(in_graph, loaded[choice](examples), atol=1e-5)
    np.testing.assert_allclose(module(examples), in_graph, atol=1e-5)


def test_saving_again_gives_the_same_vectors(tmp_path, folders, loaded, choice):
    shutil.copytree(folders[choice], tmp_path / "encoder")
    again = save(choice, tmp_path / "encoder")
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]
    examples = examples_of(choice)
    np.testing.assert_array_equal(hub.load(str(again))(examples), loaded[choice](examples))
    assert sum(path.stat().st_size for path in again.rglob("*")) < 20_000_000


@pytest.mark.parametrize("choice", SCRATCH)
def test_values_are_left_out_in_training_alone(folders, choice):
    examples = examples_of(choice)
    module = hub.load(str(folders[choice]))  # hub.KerasLayer would have to be trainable
    plain = module(examples, training=False)
    np.testing.assert_array_equal(module(examples), plain)
    first, second = (module(examples, training=True) for _ in range(2))
    assert np.abs(first - plain).max() > 0.1
    assert np.abs(first - second).max() > 0.1
    again = hub.load(str(folders[choice]))
    np.testing.assert_allclose(again(examples, training=True), first, atol=1e-5)


@pytest.mark.parametrize("choice", SCRATCH)
def test_vectors_have_the_scale_of_a_layer_norm(loaded, choice):
    vectors = loaded[choice](examples_of(choice)).numpy()[:3]
    np.testing.assert_allclose(vectors.mean(axis=1), 0.0, atol=1e-5)
    np.testing.assert_allclose(vectors.std(axis=1), 1.0, atol=0.02)


def test_first_weights_are_the_same_everywhere():
    # The first number of numpy's RandomState(0).standard_normal is 1.76405...
    first = [encoder_class(choice)() for choice in SCRATCH]
    np.testing.assert_allclose(first[0].pieces[0, 0], 0.176405, atol=1e-6)  # deviation 0.1
    np.testing.assert_allclose(first[1].pieces[0, 0], 0.176405, atol=1e-6)
    # 3 x 3 x 3 numbers come in: 1.764052 * sqrt(2 / 27) = 0.480114.
    np.testing.assert_allclose(first[2].stem.kernel[0, 0, 0, 0], 0.480114, atol=1e-5)
    # 3 x 3 numbers come in: 1.764052 * sqrt(2 / 9) = 0.831582.
    np.testing.assert_allclose(first[3].stem.kernel[0, 0, 0, 0], 0.831582, atol=1e-5)
    for choice, encoder in zip(SCRATCH, first, strict=True):
        other, last = encoder_class(choice)(seed=1), encoder_class(choice)(seed=0)
        for one, same in zip(encoder.variables, last.variables, strict=True):
            np.testing.assert_array_equal(one, same)
        assert not np.array_equal(encoder.project.kernel, other.project.kernel)


@pytest.mark.parametrize("choice", ["image:cnn", "audio:cnn"])
def test_is_compiled(folders, loaded, choice):
    layer = loaded[choice]
    compiled = tf.function(lambda inputs: layer(inputs, training=False), jit_compile=True)
    examples = examples_of(choice)
    np.testing.assert_allclose(compiled(examples), layer(examples), atol=1e-4)


@pytest.mark.parametrize("choice", ["text:lstm", "text:transformer"])
def test_is_compiled_behind_the_words(loaded, choice):
    encoder = encoder_class(choice)()
    examples = examples_of(choice)
    compiled = tf.function(encoder.encode_tokens, jit_compile=True)(encoder.tokenize(examples))
    np.testing.assert_allclose(compiled, loaded[choice](examples), atol=1e-4)


def test_fingerprints():
    prints = [
        builtin_fingerprint(modality, variant)
        for modality, variants in BUILTIN.items()
        for variant in variants
    ]
    assert len(set(prints)) == len(CHOICES)
    assert builtin_fingerprint("text") == builtin_fingerprint("text", "") == prints[0]
    with pytest.raises(ConfigError, match="'number' has no built-in encoder"):
        builtin_fingerprint("number")


def test_choices():
    assert builtin_variant("builtin", "image") == ""
    assert builtin_variant("builtin:lstm", "text") == "lstm"
    reason = "there is no {} for text; use builtin, builtin:lstm, builtin:transformer$"
    for choice in ("builtin:foo", "builtin:", "builtin:cnn"):
        with pytest.raises(ConfigError, match=reason.format(choice)):
            builtin_variant(choice, "text")
    with pytest.raises(ConfigError, match="no builtin:foo for text"):
        save_builtin("text", Path("nowhere"), variant="foo")


def test_which_are_to_be_trained():
    assert builtin_is_untrained("builtin:cnn", "audio")
    assert builtin_is_untrained("builtin:transformer", "text")
    for choice, modality in [("builtin", "text"), ("builtin", "number"), ("hub:cnn", "image")]:
        assert not builtin_is_untrained(choice, modality)


# TensorFlow alone, as on a stock server: no Keras of ours, no tensorflow_io.
SERVED = """
import json, sys
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
unknown, shapes = [], []
for folder, fed_shape in json.loads(sys.argv[1]):
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString(open(folder + "/saved_model.pb", "rb").read())
    graph = proto.meta_graphs[0].graph_def
    functions = {function.signature.name for function in graph.library.function}
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    ops = {node.op for node in nodes} - functions
    unknown += sorted(op for op in ops if op_def_registry.get(op) is None)
    value = {"string": ["a frog"], "float32": np.ones(fed_shape, np.float32)}
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], folder)
        signature = meta.signature_def["serving_default"]
        (inputs,), (outputs,) = signature.inputs.values(), signature.outputs.values()
        fed = value[tf.as_dtype(inputs.dtype).name]
        shapes.append(list(session.run(outputs.name, {inputs.name: fed}).shape))
foreign = [name for name in sys.modules if name.startswith(("tensorflow_io", "tfmmrec"))]
print(json.dumps({"unknown": unknown, "shapes": shapes, "foreign": [
    name for name in foreign if not name.startswith("tensorflow_io_gcs_filesystem")]}))
"""


def test_all_run_on_core_ops_alone(folders):
    fed = {"text": [1], "image": [1, 20, 30, 3], "audio": [1, 900]}
    asked = [(str(folders[choice]), fed[choice.partition(":")[0]]) for choice in CHOICES]
    done = subprocess.run(
        [sys.executable, "-c", SERVED, json.dumps(asked)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    shapes = [[1, 128] if choice in SCRATCH else [1, 256] for choice in CHOICES]
    assert answer == {"unknown": [], "shapes": shapes, "foreign": []}


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


@pytest.mark.parametrize("choice", ["text:lstm", "text:transformer"])
def test_a_sequence_is_read_in_order_and_up_to_its_limit(loaded, choice):
    texts = ["a frog", "frog a", "A, frog!", "a " * 127 + "frog", "a " * 127 + "frog pond"]
    first, turned, plain, long, longer = loaded[choice](tf.constant(texts)).numpy()
    assert np.abs(first - turned).max() > 0.01
    np.testing.assert_allclose(plain, first, atol=1e-5)
    np.testing.assert_allclose(longer, long, atol=1e-5)
    assert BuiltinLstm.max_words == 128


@pytest.mark.parametrize("size", [[40, 56], [96, 96], [200, 97], [1, 7]])
def test_pictures_are_resized_as_tensorflow_does(size):
    random = np.random.default_rng(0)
    inputs = tf.constant(random.uniform(size=[2, *size, 3]), tf.float32)
    expected = tf.image.resize(inputs, [96, 96], antialias=True)
    np.testing.assert_allclose(resize_pictures(inputs, 96), expected, atol=1e-4)
    assert BuiltinImageCnn.picture_size == 96


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


@pytest.mark.parametrize("choice", ["audio", "audio:cnn"])
def test_loudness_and_padding_of_a_sound_do_not_matter(loaded, choice):
    sound = tf.constant(waveforms()[:1], tf.float32)
    plain = loaded[choice](sound).numpy()
    np.testing.assert_allclose(loaded[choice](sound * 0.01), plain, atol=1e-4)
    for samples in (1, 300, 500, 1000, 40_000):
        padded = tf.pad(sound, [[0, 0], [0, samples]])
        np.testing.assert_allclose(loaded[choice](padded), plain, atol=1e-5)


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
