"""A trainable feature: the inputs of a step, and the weights that a step changes."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.encoders.finetuning.worlds import (
    TITLES,
    letters_module,
    pack_titles,
    row_of,
    trainable_titles,
)
from tests.encoders.hub.modules import floats
from tfmmrec.config.finetuning import FinetuneConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.finetuning import TrainableFeature, add_inputs
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.errors import ConfigError

SEED = tf.constant([3, 4], tf.int64)


class Stored:
    """Stands in for the file of a feature's values."""

    def __init__(self, values: list[bytes]):
        self.values = np.array([*values, None], object)[:-1]
        self.present = np.array([bool(value) for value in values])
        self.offsets = np.cumsum([0, *map(len, values)])

    def take(self, rows: np.ndarray) -> np.ndarray:
        return self.values[rows]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return pack_titles(tmp_path_factory.mktemp("titles"))


@pytest.fixture(scope="module")
def handle(tmp_path_factory) -> str:
    return letters_module(tmp_path_factory.mktemp("modules") / "letters")


def wav(*samples: float) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.array(samples), 16000, format="WAV", subtype="PCM_16")
    return out.getvalue()


def weights_of(feature: TrainableFeature) -> dict[str, np.ndarray]:
    return {v.name.partition(":")[0]: v.numpy() for v in feature.encoder.module.variables_read()}


def step(feature: TrainableFeature, *texts: str, times: int = 1) -> dict[str, np.ndarray]:
    """Steps that raise the sum of the outputs."""

    @tf.function
    def work(values: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = -tf.reduce_sum(feature(values, training=True))
        feature.apply(tape.gradient(loss, feature.weights))

    feature.check_gradients()
    for _ in range(times):
        work(tf.constant(texts))
    return weights_of(feature)


def test_a_step_encodes_the_items_that_have_it(dataset: Dataset, handle: str) -> None:
    feature = trainable_titles(dataset, handle)
    asked = tf.constant([row_of(dataset, n) for n in (2, 5, 7, 0)])
    rows, values = feature.inputs(asked, SEED)
    assert rows.numpy().tolist() == [row_of(dataset, 5), row_of(dataset, 0)]
    assert values.numpy().tolist() == [b"bc", b"ab"]
    # Items 2 and 7 have none: another one stands there, for a module wants something.
    rows, values = feature.inputs(asked[::2], SEED)
    (row,) = rows.numpy()
    (number,) = [n for n in range(len(TITLES)) if row_of(dataset, n) == row]
    assert TITLES[number] and values.numpy().tolist() == [TITLES[number].encode()]


def test_batches_are_added_to(dataset: Dataset, handle: str) -> None:
    feature = trainable_titles(dataset, handle)
    items = [[row_of(dataset, n) for n in batch] for batch in ((0, 0, 1), (2, 7, 2), (3, 2, 4))]
    batches = tf.data.Dataset.from_tensor_slices({"item": items})
    found = list(add_inputs(batches, {"title": feature}, seed=0, first_step=0))
    # Each item once, however often it is chosen.
    assert [list(batch["title/inputs"].numpy()) for batch in found][::2] == [
        [b"ab", b"b"],
        [b"ccc", b"a"],
    ]
    assert [batch["item"].numpy().tolist() for batch in found] == items
    assert add_inputs(batches, {}, seed=0, first_step=0) is batches


def test_all_weights_move_by_the_learning_rate(dataset: Dataset, handle: str) -> None:
    feature = trainable_titles(dataset, handle, learning_rate=0.5)
    assert weights_of(feature)["table"].tolist() == [[1, 2], [3, 4], [5, 7]]
    moved = step(feature, "abc", "c")
    # Adam's first step is the learning rate against the sign of the gradient: 0.5 to what adds.
    # The batch has a and b half the time, and c always: what is left of the mean sums to 0.
    np.testing.assert_allclose(moved["bias"], [1.5, 1.5], rtol=1e-5)
    np.testing.assert_allclose(moved["table"], [[1, 2], [3, 4], [5, 7]], atol=1e-3)
    assert moved["still"].tolist() == [1.0]
    assert feature.summary() == "9 weights trained at 0.5"


def test_only_the_weights_that_the_pattern_names_move(dataset: Dataset, handle: str) -> None:
    moved = step(trainable_titles(dataset, handle, variables="^bias|nothing"), "abc")
    np.testing.assert_allclose(moved["bias"], [1.01, 1.01], rtol=1e-5)
    assert moved["table"].tolist() == [[1, 2], [3, 4], [5, 7]]
    with pytest.raises(ConfigError) as caught:
        trainable_titles(dataset, handle, variables="kernel")
    assert "finetune.title.variables: no weight matches 'kernel'; the first are" in str(
        caught.value
    )
    assert "table:0" in str(caught.value)
    with pytest.raises(ConfigError, match=r"^finetune\.title: the encoder's output has no grad"):
        trainable_titles(dataset, handle, variables="still").check_gradients()


def test_moving_averages_move_in_training_alone(dataset: Dataset, handle: str) -> None:
    feature = trainable_titles(dataset, handle)
    names = [variable.name for variable in feature.state]
    assert names == ["average:0"]
    feature(tf.constant(["ccc"]))
    assert weights_of(feature)["average"].tolist() == [0.0, 0.0, 0.0]
    # Halfway from 0 to the mean of [1, 0, 0] and [1, 0, 2].
    assert step(feature, "a", "acc")["average"].tolist() == [0.5, 0.0, 0.5]
    recomputed = trainable_titles(dataset, handle, recompute=True)
    moved = step(recomputed, "a", "acc")
    # Out of training, the average stays, and [1, 0, 0] + [1, 0, 2] is what the table is moved by.
    assert moved["average"].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(moved["table"], [[1.01, 2.01], [3, 4], [5.01, 7.01]], rtol=1e-5)


def test_small_steps_add_up_in_half_precision(dataset: Dataset, tmp_path: Path) -> None:
    """Next to 5, float16 tells only multiples of 1/256 apart; a step here is 1/2048."""
    module = letters_module(tmp_path / "half", dtype=tf.float16)
    feature = trainable_titles(dataset, module, learning_rate=2.0**-11)
    moved = step(feature, "c", "", times=8)
    assert moved["table"].dtype == np.float16
    # c less its mean sums to 0; the bias of two texts moves 8/2048, which float16 holds next to 1.
    np.testing.assert_allclose(moved["bias"], 1 + 2.0**-8, rtol=1e-6)
    plain = trainable_titles(
        dataset,
        letters_module(tmp_path / "plain", dtype=tf.float16, average=False),
        learning_rate=2.0**-11,
    )
    moved = step(plain, "c", times=16)
    np.testing.assert_allclose(moved["table"][2].astype(float), [5 + 2.0**-7, 7 + 2.0**-7])


def test_the_catalogue_is_encoded_as_the_weights_are(dataset: Dataset, handle: str) -> None:
    feature = trainable_titles(dataset, handle)
    step(feature, "abc")
    found = {
        row: vector
        for rows, outputs in feature.encode_catalog()
        for row, vector in zip(rows, outputs.numpy(), strict=True)
    }
    assert set(found) == {row_of(dataset, n) for n, title in enumerate(TITLES) if title}
    for number, title in enumerate(TITLES):
        if title:
            expected = feature.encoder.encode(tf.constant([title]))[0]
            np.testing.assert_allclose(found[row_of(dataset, number)], expected, rtol=1e-6)


def test_sounds_are_varied_by_themselves(tmp_path: Path) -> None:
    encoder = HubEncoder("audio", trainable_sound_module(tmp_path / "sounds"), trainable=True)
    sounds = [wav(*[0.5] * 4000), b"", wav(*[0.5] * 800), wav(*[0.5] * 800)]
    options = FinetuneConfig(learning_rate=0.1, augment={"shift": 0.5})
    feature = TrainableFeature("sound", encoder, Stored(sounds), options)  # type: ignore[arg-type]
    rows = tf.range(4)
    found, inputs = feature.inputs(rows, SEED)
    assert found.numpy().tolist() == [0, 2, 3]
    assert inputs.row_lengths().numpy().tolist() == [4000, 800, 800]
    # Half of its own length at most is silent, and not half of the longest sound's.
    loud = [int(np.sum(sound.numpy() != 0)) for sound in inputs]
    assert 2000 <= loud[0] < 4000 and 400 <= loud[1] < 800 and 400 <= loud[2] < 800
    assert loud[1] != loud[2]
    # The same seed gives the same, in a graph as well.
    again = tf.function(lambda given: feature.inputs(given, SEED)[1])(rows)
    assert again.to_list() == inputs.to_list()
    other = feature.inputs(rows, SEED + 1)[1]
    assert other.to_list() != inputs.to_list()
    assert feature(inputs, training=True).shape == [3, 2]


def trainable_sound_module(folder: Path) -> str:
    kernel = tf.Variable([[1.0, 2.0]], name="kernel")

    class Peak(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = kernel

        @tf.function
        def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
            return tf.reduce_max(inputs, axis=1, keepdims=True) * self.kernel

    module = Peak()
    module.__call__.get_concrete_function(floats(None, None), training=False)
    tf.saved_model.save(module, str(folder))
    return str(folder)


def test_augmentations_that_do_not_fit(dataset: Dataset, handle: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^finetune\.title: augment: text has none"):
        trainable_titles(dataset, handle, augment={"flip": 0.5})
    encoder = HubEncoder("audio", trainable_sound_module(tmp_path / "sounds"), trainable=True)
    options = FinetuneConfig(learning_rate=0.1, augment={"flip": 0.5})
    with pytest.raises(ConfigError, match=r"^finetune\.sound: augment of audio has no option"):
        TrainableFeature("sound", encoder, Stored([b"x"]), options)  # type: ignore[arg-type]
