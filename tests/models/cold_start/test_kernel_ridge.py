"""The regression of cold-start items, against kernel ridge regression written out in NumPy."""

import numpy as np
import tensorflow as tf

from tfmmrec.config.cold_start import ColdStartConfig
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.models.cold_start.kernel_ridge import ColdStartRegression
from tfmmrec.models.content_vectors import ContentVectors
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.testing import TestCase

ROWS = 12
FEATURES = [
    FeatureInfo("text", 3),
    FeatureInfo("genres", 2, vocabulary_size=4),
    FeatureInfo("stills", 2, num_values=2),
]
COUNTS = np.arange(1, ROWS + 1)


def inputs(rows: int = ROWS, seed: int = 0) -> dict:
    draw = np.random.default_rng(seed)
    stills = draw.normal(size=[rows, 2, 2])
    stills[::2, 1] = 0.0  # every other row has one still
    text_present = np.arange(rows) % 4 != 3
    return {
        "text": (tf.constant(draw.normal(size=[rows, 3]), tf.float32), tf.constant(text_present)),
        "genres": (tf.constant(draw.integers(0, 4, [rows, 2]), tf.int32), tf.fill([rows], True)),
        "stills": (tf.constant(stills, tf.float32), tf.fill([rows], True)),
    }


def raw_parts(given: dict) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each feature as a vector a row, and its presence, by loops."""
    genres = np.zeros([len(given["genres"][0]), 4])
    for row, entries in enumerate(given["genres"][0].numpy()):
        for entry in entries[entries > 0]:
            genres[row, entry] += 1
    stills = np.array(
        [np.mean([v for v in row if v.any()], axis=0) for row in given["stills"][0].numpy()]
    )
    values = (given["text"][0].numpy(), genres, stills)
    return [(v, given[info.name][1].numpy()) for v, info in zip(values, FEATURES, strict=True)]


def kernel_inputs(given: dict, means: list[np.ndarray]) -> np.ndarray:
    parts = []
    for (values, present), mean in zip(raw_parts(given), means, strict=True):
        part = np.where(present[:, np.newaxis], values - mean, 0.0)
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        parts.append(part / np.where(lengths > 0, lengths, 1.0))
    return np.concatenate(parts, axis=1) / np.sqrt(len(parts))


def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    apart = first[:, np.newaxis] - second[np.newaxis]
    return np.exp(-0.5 * np.square(apart).sum(axis=2))


def vectors(rows: int = ROWS, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=[rows, 5]).astype(np.float32)


def regression(**options) -> ColdStartRegression:
    given = {"width": 5, "num_landmarks": ROWS, "weight": 0.4, "ridge_alpha": 0.5, **options}
    return ColdStartRegression(ContentVectors(given.pop("features", FEATURES)), **given)


def fit(layer: ColdStartRegression, known: dict, counts: np.ndarray = COUNTS, **options) -> None:
    layer.contents.fit(known)
    layer.fit(known, vectors(), counts, **options)


class ColdStartRegressionTest(TestCase):
    def test_it_is_the_weighted_kernel_ridge_regression(self):
        layer, known, new = regression(), inputs(), inputs(3, seed=7)
        fit(layer, known)
        means = [values[present].mean(axis=0) for values, present in raw_parts(known)]
        landmarks = kernel_inputs(known, means)
        # Each item's penalty is the inverse of its weight, the root of its count; their mean is 1.
        penalties = 1.0 / np.sqrt(COUNTS)
        system = kernel(landmarks, landmarks) + 0.5 * np.diag(penalties / penalties.mean())
        expected = kernel(kernel_inputs(new, means), landmarks) @ np.linalg.solve(system, vectors())
        content = vectors(3, seed=2)
        self.assertAllClose(
            layer(content, new), 0.4 * expected + 0.6 * content, rtol=1e-4, atol=1e-4
        )

    def test_before_fit_the_output_is_the_content(self):
        content = vectors(3)
        self.assertAllEqual(regression()(content, inputs(3)), content)
        beside = regression(width=7)(content, inputs(3))
        self.assertAllEqual(beside, np.pad(content, [(0, 0), (0, 2)]))

    def test_what_the_tower_does_not_have_is_regressed_alone(self):
        layer, whole = regression(), regression(weight=1.0)
        for each in (layer, whole):
            fit(each, inputs())
        content, new = vectors(3, seed=2), inputs(3, seed=7)
        found = layer(content[:, :2], new)  # a tower of two of the five columns
        self.assertAllClose(found[:, :2], layer(content, new)[:, :2])
        self.assertAllClose(found[:, 2:], whole(content, new)[:, 2:])

    def test_with_a_small_penalty_it_reproduces_trained_items(self):
        layer = regression(weight=1.0, ridge_alpha=1e-6)
        fit(layer, inputs())
        self.assertAllClose(layer(tf.zeros([ROWS, 5]), inputs()), vectors(), atol=1e-2)

    def test_items_with_more_events_have_more_weight(self):
        layer = regression(weight=1.0, ridge_alpha=1.0)
        fit(layer, inputs(), np.array([1] * (ROWS - 1) + [10_000]))
        errors = np.linalg.norm(layer(tf.zeros([ROWS, 5]), inputs()) - vectors(), axis=1)
        self.assertLess(errors[-1], errors[:-1].min() / 5)

    def test_predictive_features_get_more_weight(self):
        layer, known, new = regression(weight=1.0), inputs(), inputs(3, seed=7)
        stills = raw_parts(known)[2][0]
        fit(layer, known, factors=stills - stills.mean(axis=0))
        weights = layer.feature_weights.numpy()
        self.assertAllClose(weights.sum(), 1.0)
        self.assertEqual(weights.argmax(), 2)
        # Told to the kernel, and kept: features that weigh nothing may say what they like.
        layer.feature_weights.assign([0.0, 0.0, 1.0])
        before = layer(tf.zeros([3, 5]), new)
        new["genres"] = (1 + new["genres"][0] % 3, new["genres"][1])
        self.assertAllClose(layer(tf.zeros([3, 5]), new), before)

    def test_missing_features_have_no_effect(self):
        layer, known, new = regression(), inputs(), inputs(4, seed=7)
        fit(layer, known)
        before = layer(vectors(4), new)
        for given in (known, new):
            text, here = given["text"]
            given["text"] = (tf.where(here[:, tf.newaxis], text, np.nan), here)
        fit(layer, known)
        self.assertAllClose(layer(vectors(4), new), before)

    def test_large_vocabularies_are_hashed(self):
        layer = regression(features=[FeatureInfo("brand", 2, vocabulary_size=100_000)])
        entries = tf.constant([[7, 0], [7, 0], [8, 0], [99_999, 0], [7, 8], [0, 0]])
        inputs_of = layer.kernel_inputs({"brand": (entries, tf.fill([6], True))}).numpy()
        self.assertEqual(inputs_of.shape, (6, 512))
        self.assertAllClose(
            (inputs_of @ inputs_of.T)[:4, :4],
            [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        )
        self.assertAllClose((inputs_of @ inputs_of.T)[4, :3], np.full(3, 0.5**0.5))
        self.assertAllEqual(inputs_of[5], np.zeros(512))

    def test_it_computes_in_float32(self):
        layer = regression()
        fit(layer, inputs())
        expected = layer(vectors(), inputs())
        mixed = regression(dtype=tf.keras.mixed_precision.Policy("mixed_float16"))
        mixed.set_weights(layer.get_weights())
        halved = mixed(tf.cast(vectors(), tf.float16), inputs())
        self.assertEqual(halved.dtype, tf.float16)
        self.assertAllClose(halved, expected, atol=2e-3)

    def test_features_and_landmarks_are_required(self):
        with self.assertRaisesRegex(ValueError, "Received: 0 features"):
            regression(features=[])
        with self.assertRaisesRegex(ValueError, "0 landmarks"):
            regression(num_landmarks=0)


class ColdStartItemsTest(TestCase):
    def tower(self, **options) -> ItemTower:
        given = {"num_items": ROWS, "cold_start": ColdStartConfig(), "num_landmarks": ROWS}
        names = [*(info.name for info in FEATURES), "id"]
        fusion = FUSIONS.parse(options.pop("fusion", {"kind": "weighted"}), names=names)
        return ItemTower(FEATURES, dim=5, **{**given, **options, "fusion": fusion})

    def test_the_regression_is_optional(self):
        self.assertIsNotNone(self.tower().regression)
        self.assertIsNone(self.tower(cold_start=None).regression)
        self.assertIsNone(self.tower(num_landmarks=0).regression)
        alone = self.tower(cold_start=None)
        self.assertAllClose(alone.cold_embeddings(inputs()), alone.content(inputs()))

    def test_items_without_content_stay_zero_in_every_kind_of_fusion(self):
        for kind in ("weighted", "transformer", "late"):
            tower = self.tower(fusion={"kind": kind}, cold_start=ColdStartConfig(weight=1.0))
            tower.content(inputs())
            became = np.random.default_rng(3).normal(size=[ROWS, tower.width])
            tower.contents.fit(inputs())
            tower.regression.fit(inputs(), became, COUNTS)
            given = {n: (v[:2], tf.constant([True, False])) for n, (v, _) in inputs().items()}
            given["genres"] = (given["genres"][0], tf.constant([False, False]))
            new = tower.cold_embeddings(given).numpy()
            self.assertAllEqual(new[1], np.zeros(tower.width), msg=kind)
            self.assertTrue(new[0].any(), msg=kind)
            if kind == "late":  # a block each of text, genres, stills and the id
                self.assertAllEqual(new[0].reshape(4, 5).any(axis=1), [True, False, True, False])
