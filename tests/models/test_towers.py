"""The towers with missing features, unknown ids and empty histories."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.errors import ConfigError
from tfmmrec.layers.feature_projections import FeatureProjections, drop_present
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HistoryItems, MeanHistoryEncoder
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.testing import TestCase

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
    fusion = FUSIONS.parse(options.pop("fusion", {"kind": "weighted"}), names=[])
    given = {"num_items": 4, "dim": 6, "fusion": fusion, **options}
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
        vectors = item_tower()(
            inputs([True, True, False], [True, False, True]), tf.range(3), tf.fill([3], 9.0)
        )
        self.assertEqual(vectors.shape, [3, 6])
        self.assertAllClose(tf.norm(vectors, axis=1), [1.0, 1.0, 1.0])

    def test_an_unknown_item_has_the_embedding_of_its_content(self):
        tower = item_tower()
        given = inputs([True, True], [True, False])
        content = tower.content(given)
        self.assertAllClose(tower(given, tf.constant([0, 0]), tf.constant([9.0, 9.0])), content)
        self.assertAllClose(tower(given), content)
        # Row 0 of the table is never read into a vector, whatever it holds.
        tower.id_embedding.table.set_weights([np.full([5, 6], 3.0, np.float32)])
        self.assertAllClose(tower(given, tf.constant([0, 0]), tf.constant([9.0, 9.0])), content)
        known = tower(given, tf.constant([1, 2]), tf.constant([9.0, 9.0]))
        self.assertNotAllClose(known, content)

    def test_an_id_is_added_to_the_content_by_its_gate(self):
        tower = item_tower(dim=2)
        given = inputs([True, True], [True, True])
        content = tower.content(given).numpy()
        tower(given, tf.constant([1, 1]), tf.constant([9.0, 0.0]))
        table = np.array([[9, 9], [0.5, -0.5], [0, 0], [0, 0], [0, 0]])
        tower.id_embedding.table.set_weights([table])
        # sigmoid(log(1 + n) - 1) = (1 + n) / (1 + n + e): 10 / 12.718 = 0.7863, 1 / 3.718 = 0.2689
        total = content + np.array([[0.7863], [0.2689]]) * [0.5, -0.5]
        expected = total / np.linalg.norm(total, axis=1, keepdims=True)
        vectors = tower(given, tf.constant([1, 1]), tf.constant([9.0, 0.0]))
        self.assertAllClose(vectors, expected, atol=1e-4)

    def test_without_content_and_id_the_embedding_is_zero(self):
        tower = item_tower()
        given = inputs([False, False], [False, False])
        self.assertAllClose(
            tower(given, tf.constant([0, 0]), tf.constant([9.0, 9.0])), tf.zeros([2, 6])
        )
        # With an id, the id alone is the vector.
        self.assertAllClose(
            tf.norm(tower(given, tf.constant([1, 2]), tf.constant([9.0, 9.0])), axis=1), [1.0, 1.0]
        )

    def test_missing_features_do_not_affect_the_embedding(self):
        for kind in FUSIONS.variants:
            tower = item_tower(fusion={"kind": kind})
            given = inputs([True, False], [True, True])
            before = tower(given, tf.constant([1, 2]), tf.constant([9.0, 9.0]))
            text, here = given["text"]
            given["text"] = (tf.where(here[:, tf.newaxis], text, 1e6), here)
            self.assertAllClose(tower(given, tf.constant([1, 2]), tf.constant([9.0, 9.0])), before)

    def test_drop_ids_drops_ids(self):
        tf.random.set_seed(0)
        tower = item_tower(id_embedding_dropout=0.999999, modality_dropout=0.0, dropout=0.0)
        given = inputs([True, True], [True, True])
        ids = (tf.constant([1, 2]), tf.constant([9.0, 9.0]))
        content = tower.content(given)
        self.assertAllClose(tower(given, *ids, training=True, drop_ids=True), content)
        # Histories keep their ids in training too.
        self.assertNotAllClose(tower(given, *ids, training=True), content)
        self.assertNotAllClose(tower(given, *ids), content)

    def test_ids_alone_are_never_dropped(self):
        tower = item_tower(features=[], id_embedding_dropout=0.999999)
        vectors = tower({}, tf.constant([1, 2]), tf.constant([9.0, 9.0]), drop_ids=True)
        self.assertAllClose(tf.norm(vectors, axis=1), [1.0, 1.0])
        with self.assertRaisesRegex(ValueError, "no features"):
            tower.content({})

    def test_bad_towers_are_refused(self):
        with self.assertRaisesRegex(ValueError, "Received: neither"):
            item_tower(features=[], num_items=0)
        with self.assertRaisesRegex(ConfigError, r"fusion\.kind"):
            item_tower(fusion={"kind": "sum"})

    def test_an_id_that_nothing_replaces_is_never_dropped(self):
        tower = item_tower(id_embedding_dropout=0.999999)
        given = inputs([False, True], [False, True])
        given_ids = (tf.constant([1, 2]), tf.constant([9.0, 9.0]))
        trained = tower(given, *given_ids, training=True, drop_ids=True)
        self.assertAllClose(tf.norm(trained, axis=1), [1.0, 1.0])
        alone = tower.id_embedding.table.get_weights()[0][1]
        self.assertAllClose(trained[0], alone / np.linalg.norm(alone))

    def test_every_kind_embeds_cold_items_and_items_without_content(self):
        for kind in FUSIONS.variants:
            tower = item_tower(fusion={"kind": kind})
            given = inputs([True, False, False], [True, False, False])
            vectors = tower(given, tf.constant([0, 2, 0]), tf.constant([0.0, 9.0, 0.0]))
            self.assertEqual(vectors.shape, [3, tower.width])
            filled = tf.reduce_any(vectors != 0.0, axis=1)
            self.assertAllEqual(filled, [True, True, False], msg=kind)
            # Without ids, the same content is the same vector.
            self.assertAllClose(tower.content(given)[0], vectors[0], msg=kind)

    def test_a_fused_id_is_the_last_name(self):
        tower = item_tower(fusion={"kind": "late"})
        self.assertEqual(tower.fusion.names, ["text", "genres", "id"])
        self.assertEqual(tower.width, 3 * 6)
        clash = [FeatureInfo("id", 3)]
        with self.assertRaisesRegex(ValueError, "must not be called 'id'"):
            item_tower(features=clash, fusion={"kind": "late"})
        self.assertEqual(item_tower(features=clash).fusion.names, ["id"])


class QueryTowerTest(TestCase):
    def history(self) -> tuple[HistoryItems, tf.Tensor]:
        vectors = tf.constant(np.random.default_rng(1).normal(size=[5, 6]), tf.float32)
        mask = tf.constant([[True, True, False], [False, False, False]])
        rows = tf.constant([[3, 1, 0], [2, 2, 0]])
        return HistoryItems(unit_length(vectors), rows), mask[..., tf.newaxis]

    def test_an_empty_history_has_the_default_embedding(self):
        tower = QueryTower([], dim=6, history_encoders=[MeanHistoryEncoder()])
        queries = tower(*self.history(), {})
        self.assertAllClose(tf.norm(queries, axis=1), [1.0, 1.0])
        default = tower.default_embedding.numpy()[0]
        self.assertAllClose(queries[1], default / np.sqrt(np.sum(default**2)))

    def test_features_are_added_where_they_are_present(self):
        tower = QueryTower(FEATURES, dim=6, history_encoders=[MeanHistoryEncoder()])
        history, mask = self.history()
        with_all = tower(history, mask, inputs([True, True], [True, True]))
        without = tower(history, mask, inputs([False, False], [False, False]))
        self.assertNotAllClose(with_all, without)
        bare = tower.history_encoders[0](history.gather(), mask=mask[..., 0])
        bare = tf.where([[True], [False]], bare, tower.default_embedding)
        self.assertAllClose(without, bare / tf.norm(bare, axis=1, keepdims=True))
        tower.feature_scale.assign([0.0])
        scaled = tower(history, mask, inputs([True, True], [True, True]))
        self.assertAllClose(scaled, without)

    def test_missing_features_do_not_affect_the_embedding(self):
        tower = QueryTower(FEATURES, dim=6, history_encoders=[MeanHistoryEncoder()])
        history, mask = self.history()
        given = inputs([False, True], [True, True])
        before = tower(history, mask, given)
        text, here = given["text"]
        given["text"] = (tf.where(here[:, tf.newaxis], text, 1e6), here)
        self.assertAllClose(tower(history, mask, given), before)

    def test_each_block_has_its_own_history_encoder(self):
        tower = QueryTower([], dim=2, history_encoders=[MeanHistoryEncoder(), MeanHistoryEncoder()])
        items = tf.constant([[0.6, 0.8, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
        mask = tf.constant([[[True, False], [False, True]]])
        queries = tower(HistoryItems(items, tf.constant([[0, 1]])), mask, {})
        self.assertEqual(queries.shape, [1, 4])
        for block, item in enumerate(([0.6, 0.8], [0.0, 1.0])):
            encoder = tower.history_encoders[block]
            alone = encoder(tf.constant([[item]]), mask=tf.constant([[True]]))
            self.assertAllClose(queries[:, 2 * block : 2 * block + 2], unit_length(alone))
        # Without a word in the second block, the user has the default embedding there.
        queries = tower(HistoryItems(items, tf.constant([[0]])), mask[:, :1], {})
        self.assertAllClose(queries[:, 2:], unit_length(tower.default_embedding[1:]))


class PooledModalitiesTest(TestCase):
    features = [
        FeatureInfo("title", 3, kind="text"),
        FeatureInfo("genres", 2, vocabulary_size=5, kind="categorical"),
        FeatureInfo("plot", 3, kind="text"),
    ]

    def inputs(self) -> dict:
        given = inputs([True, False], [True, True])
        text, here = given.pop("text")
        return {**given, "title": (text, here), "plot": (text + 1.0, tf.constant([True, True]))}

    def test_the_fusion_gets_one_embedding_per_modality(self):
        tower = item_tower(features=self.features, pool="mean")
        self.assertEqual(tower.fusion.names, ["text", "categorical"])
        vectors, mask = tower.projections(self.inputs())
        apart, _ = tower.projections.project(self.inputs())
        self.assertAllEqual(mask, [[True, True], [True, True]])
        self.assertAllClose(vectors[0, 0], unit_length(apart[0, 0] + apart[0, 2]))
        # The second row has no title: its text is the plot.
        self.assertAllClose(vectors[1, 0], apart[1, 2])
        self.assertAllClose(vectors[:, 1], apart[:, 1])

    def test_the_contrastive_loss_reads_features_before_pooling(self):
        projections = item_tower(features=self.features, pool="mean").projections
        self.assertEqual(projections.contrastive_features, [0, 2])
        aligned = projections.contrastive_embedding(*projections.project(self.inputs()))
        apart, _ = projections.project(self.inputs())
        self.assertAllClose(aligned[0], unit_length(apart[0, 0] + apart[0, 2]))
        self.assertAllClose(aligned[1], apart[1, 2])
