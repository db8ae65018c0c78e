"""The towers: what absent features, unknown ids and empty histories come to."""

import numpy as np
import tensorflow as tf

from tfmmrec.errors import ConfigError
from tfmmrec.projection import FeatureInfo
from tfmmrec.query import MeanReader
from tfmmrec.testing import TestCase
from tfmmrec.towers import FeatureProjections, ItemTower, QueryTower, drop_present

FEATURES = [FeatureInfo("text", 3), FeatureInfo("genres", 2, vocabulary_size=5)]


def inputs(text_present: list[bool], genres_present: list[bool]) -> dict:
    num = len(text_present)
    text = tf.constant(np.random.default_rng(0).normal(size=[num, 3]), tf.float32)
    genres = tf.constant([[2, 3], [4, 0], [1, 0]][:num])
    return {
        "text": (text, tf.constant(text_present)),
        "genres": (genres, tf.constant(genres_present)),
    }


def item_tower(**options) -> ItemTower:
    given = {"num_items": 4, "dim": 6, "fusion": {"kind": "weighted"}, **options}
    return ItemTower(given.pop("features", FEATURES), **given)


class DropPresentTest(TestCase):
    def test_it_never_drops_all_and_never_adds(self):
        tf.random.set_seed(0)
        mask = tf.constant([[True, True, True], [False, True, False], [False, False, False]] * 300)
        dropped = drop_present(mask, 0.9)
        self.assertAllEqual(dropped & ~mask, tf.zeros_like(mask))
        self.assertAllEqual(tf.reduce_any(dropped, axis=1), tf.reduce_any(mask, axis=1))
        # Of three features one stays, and each other with a chance of 0.1: the rows that keep
        # one alone are those of three draws below 0.9 (0.729) and of two below and one above
        # (3 * 0.81 * 0.1 = 0.243): 0.972. Three deviations of 300 draws are 0.029.
        alone = tf.reduce_sum(tf.cast(dropped[::3], tf.float32), axis=1) == 1.0
        self.assertAllClose(tf.reduce_mean(tf.cast(alone, tf.float32)), 0.972, atol=0.029)

    def test_a_rate_of_zero_drops_nothing(self):
        mask = tf.constant([[True, False], [True, True]])
        self.assertAllEqual(drop_present(mask, 0.0), mask)

    def test_projections_drop_in_training_only(self):
        tf.random.set_seed(0)
        layer = FeatureProjections(FEATURES, 4, modality_dropout=0.9)
        given = inputs([True] * 3, [True] * 3)
        self.assertAllEqual(layer(given)[1], [[True, True]] * 3)
        masks = [layer(given, training=True)[1] for _ in range(20)]
        self.assertLess(float(tf.reduce_mean(tf.cast(masks, tf.float32))), 0.8)


class ItemTowerTest(TestCase):
    def test_vectors_have_length_one(self):
        vectors = item_tower()(inputs([True, True, False], [True, False, True]), tf.range(3))
        self.assertEqual(vectors.shape, [3, 6])
        self.assertAllClose(tf.norm(vectors, axis=1), [1.0, 1.0, 1.0])

    def test_an_unknown_item_is_what_its_content_says(self):
        tower = item_tower()
        given = inputs([True, True], [True, False])
        content = tower.content(given)
        self.assertAllClose(tower(given, tf.constant([0, 0])), content)
        self.assertAllClose(tower(given), content)
        # Row 0 of the table is never read into a vector, whatever it holds.
        tower.ids.set_weights([np.full([5, 6], 3.0, np.float32)])
        self.assertAllClose(tower(given, tf.constant([0, 0])), content)
        known = tower(given, tf.constant([1, 2]))
        self.assertNotAllClose(known, content)

    def test_an_id_is_added_to_the_content(self):
        tower = item_tower(dim=2)
        given = inputs([True], [True])
        content = tower.content(given)
        tower(given, tf.constant([1]))
        tower.ids.set_weights([np.array([[9, 9], [0.5, -0.5], [0, 0], [0, 0], [0, 0]])])
        total = content.numpy()[0] + [0.5, -0.5]
        self.assertAllClose(tower(given, tf.constant([1])), [total / np.hypot(total[0], total[1])])

    def test_without_content_and_id_there_is_no_direction(self):
        tower = item_tower()
        given = inputs([False, False], [False, False])
        self.assertAllClose(tower(given, tf.constant([0, 0])), tf.zeros([2, 6]))
        # With an id, the id alone is the vector.
        self.assertAllClose(tf.norm(tower(given, tf.constant([1, 2])), axis=1), [1.0, 1.0])

    def test_what_is_absent_does_not_reach_the_vector(self):
        for kind in ("weighted", "concat"):
            tower = item_tower(fusion={"kind": kind})
            given = inputs([True, False], [True, True])
            before = tower(given, tf.constant([1, 2]))
            text, here = given["text"]
            given["text"] = (tf.where(here[:, tf.newaxis], text, 1e6), here)
            self.assertAllClose(tower(given, tf.constant([1, 2])), before)

    def test_id_dropout_is_of_training_only(self):
        tf.random.set_seed(0)
        tower = item_tower(id_dropout=0.999999, modality_dropout=0.0, dropout=0.0)
        given = inputs([True, True], [True, True])
        content = tower.content(given)
        self.assertAllClose(tower(given, tf.constant([1, 2]), training=True), content)
        self.assertNotAllClose(tower(given, tf.constant([1, 2]), training=False), content)

    def test_ids_alone_are_never_dropped(self):
        tower = item_tower(features=[], id_dropout=0.999999)
        vectors = tower({}, tf.constant([1, 2]), training=True)
        self.assertAllClose(tf.norm(vectors, axis=1), [1.0, 1.0])
        with self.assertRaisesRegex(ValueError, "no features"):
            tower.content({})

    def test_bad_towers_are_refused(self):
        with self.assertRaisesRegex(ValueError, "Received: neither"):
            item_tower(features=[], num_items=0)
        with self.assertRaisesRegex(ConfigError, r"fusion\.kind"):
            item_tower(fusion={"kind": "sum"})


class QueryTowerTest(TestCase):
    def history(self) -> tuple[tf.Tensor, tf.Tensor]:
        vectors = tf.constant(np.random.default_rng(1).normal(size=[2, 3, 6]), tf.float32)
        return vectors, tf.constant([[True, True, False], [False, False, False]])

    def test_an_empty_history_is_nobody(self):
        tower = QueryTower([], dim=6, reader=MeanReader())
        queries = tower(*self.history(), {})
        self.assertAllClose(tf.norm(queries, axis=1), [1.0, 1.0])
        nobody = tower.nobody.numpy()
        self.assertAllClose(queries[1], nobody / np.sqrt(np.sum(nobody**2)))

    def test_features_are_added_where_they_are_present(self):
        tower = QueryTower(FEATURES, dim=6, reader=MeanReader())
        history, mask = self.history()
        with_all = tower(history, mask, inputs([True, True], [True, True]))
        without = tower(history, mask, inputs([False, False], [False, False]))
        self.assertNotAllClose(with_all, without)
        bare = tower.reader(history, mask=mask)
        bare = tf.where([[True], [False]], bare, tower.nobody[tf.newaxis])
        self.assertAllClose(without, bare / tf.norm(bare, axis=1, keepdims=True))
        tower.feature_scale.assign(0.0)
        scaled = tower(history, mask, inputs([True, True], [True, True]))
        self.assertAllClose(scaled, without)

    def test_what_is_absent_does_not_reach_the_vector(self):
        tower = QueryTower(FEATURES, dim=6, reader=MeanReader())
        history, mask = self.history()
        given = inputs([False, True], [True, True])
        before = tower(history, mask, given)
        text, here = given["text"]
        given["text"] = (tf.where(here[:, tf.newaxis], text, 1e6), here)
        self.assertAllClose(tower(history, mask, given), before)
