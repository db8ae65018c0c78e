"""The model: its loss against a softmax in NumPy."""

import numpy as np
import tensorflow as tf

from tfmmrec.config.cold_start import ColdStartConfig
from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.tasks import LossWeighting, RetrievalTask
from tfmmrec.testing import TestCase

# Items 0, 1 and 2 have 6, 3 and 1 events, by users 0 and 1.
HISTORIES = Histories(np.array([1, 2, 0, 0, 0, 1, 1, 0, 0, 0], np.int32), np.array([0, 5, 10]))


def encoded(rows: int) -> dict[str, Encodings]:
    outputs = np.random.default_rng(rows).normal(size=[rows, 3]).astype(np.float32)
    return {"feature": Encodings(outputs, np.ones(rows, bool))}


def create(
    temperature: float = 0.5,
    fusion: dict | None = None,
    cold_start: ColdStartConfig | None = None,
    negatives: dict | None = None,
    query: str = "mean",
) -> TwoTower:
    features = [FeatureInfo("feature", 3)]
    items = ItemTower(
        features,
        num_items=4,
        dim=5,
        fusion=FUSIONS.parse(fusion or {"kind": "weighted"}, names=["feature", "id"]),
        cold_start=cold_start,
        num_landmarks=3,
    )
    encoders = [
        HISTORY_ENCODERS.parse({"kind": query}).create() for _ in range(items.fusion.num_blocks)
    ]
    task = RetrievalTask(
        "softmax",
        NegativesConfig(**(negatives or {"mask_positives": "none"})),
        histories=HISTORIES,
        num_items=4,
        width=items.width,
        fusion=items.fusion,
    )
    return TwoTower(
        items,
        QueryTower(features, dim=5, history_encoders=encoders),
        items=FeatureTable(encoded(4)),
        users=FeatureTable(encoded(2)),
        counts=HISTORIES.counts(4),
        known_users=np.array([True, True]),
        retrieval=task,
        loss_weighting=LossWeighting({"retrieval": 1.0}),
        temperature=temperature,
    )


def batch(items: list[int]) -> dict[str, tf.Tensor]:
    return {
        "history": tf.constant([[1, 2, -1], [-1, -1, -1], [0, -1, -1]]),
        "user": tf.constant([0, 1, 0]),
        "item": tf.constant(items),
        "num_earlier": tf.constant([4, 0, 1]),
    }


def scores(model: TwoTower, given: dict[str, tf.Tensor]) -> np.ndarray:
    """The score of each row's user for each row's item, from separate embeddings."""
    everything = model.item_vectors(tf.range(4)).numpy()
    queries = model.query_vectors(
        model.index(tf.constant(everything)),
        UserInputs(given["history"], model.users.gather(given["user"])),
    ).numpy()
    return queries @ everything[given["item"].numpy()].T


def softmax(logits: np.ndarray, probabilities: np.ndarray, own: list[int]) -> float:
    """The mean loss of events with target items `own`, whose weight is 1."""
    weights = np.tile(1.0 / probabilities, [len(logits), 1])
    weights[np.arange(len(own)), own] = 1.0
    chosen = logits[np.arange(len(own)), own]
    return np.mean(np.log((weights * np.exp(logits)).sum(axis=1)) - chosen)


# Probability of being among three events, for items with 0.1, 0.6 and 0.3 of all events.
PROBABILITIES = 1.0 - (1.0 - np.array([0.1, 0.6, 0.3])) ** 3


class LossTest(TestCase):
    def test_it_is_an_in_batch_softmax_with_log_q_correction(self):
        model, given = create(), batch([2, 0, 1])
        expected = softmax(scores(model, given), PROBABILITIES, [0, 1, 2])
        self.assertAllClose(model.compute_loss(given), expected, rtol=1e-5)

    def test_the_same_item_of_another_row_is_no_negative(self):
        model, given = create(), batch([2, 0, 2])
        logits = scores(model, given)[:, :2]
        expected = softmax(logits, PROBABILITIES[:2], [0, 1, 0])
        self.assertAllClose(model.compute_loss(given), expected, rtol=1e-5)

    def test_all_items_of_the_training_events_may_be_candidates(self):
        model, given = (
            create(negatives={"source": "full_catalog", "mask_positives": "none"}),
            batch([2, 0, 1]),
        )
        expected = softmax(scores(model, given), np.ones(3), [0, 1, 2])
        self.assertAllClose(model.compute_loss(given), expected, rtol=1e-5)
        alone = {name: value[:1] for name, value in given.items()}
        logits = scores(model, {**given, **batch([2, 0, 1])})[:1]
        self.assertAllClose(model.compute_loss(alone), softmax(logits, np.ones(3), [0]), rtol=1e-5)

    def test_earlier_items_of_the_user_are_masked(self):
        model, given = create(negatives={"mask_positives": "history"}), batch([2, 0, 1])
        logits = scores(model, given)
        # User 0 had all items before the fifth event, and item 1, the target, before the second.
        logits[0, 1:] = -np.inf
        self.assertAllClose(
            model.compute_loss(given), softmax(logits, PROBABILITIES, [0, 1, 2]), rtol=1e-5
        )

    def test_all_positions_of_a_window_are_trained_at_once(self):
        model = create(
            query="transformer", negatives={"source": "full_catalog", "mask_positives": "none"}
        )
        windows = {
            "history": tf.constant([[-1, 1, 2], [-1, 0, -1]]),
            "user": tf.constant([0, 1]),
            "item": tf.constant([[1, 2, 0], [0, -1, -1]]),
            "num_earlier": tf.constant([[0, 1, 2], [0, 1, 2]]),
        }
        events = {
            "history": tf.constant([[-1, -1, -1], [1, -1, -1], [1, 2, -1], [-1, -1, -1]]),
            "user": tf.constant([0, 0, 0, 1]),
            "item": tf.constant([1, 2, 0, 0]),
            "num_earlier": tf.constant([0, 1, 2, 0]),
        }
        self.assertAllClose(model.compute_loss(windows), model.compute_loss(events), rtol=1e-5)

    def test_every_weight_has_a_gradient(self):
        model, given = create(), batch([2, 0, 1])
        with tf.GradientTape() as tape:
            loss = model.compute_loss(given, training=True)
        gradients = tape.gradient(loss, model.trainable_variables)
        missing = [
            variable.name
            for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
            if gradient is None
        ]
        self.assertEqual(missing, [])

    def test_late_fusion_adds_the_mean_loss_of_its_blocks_to_the_joint_loss(self):
        model, given = (
            create(fusion={"kind": "late", "modality_loss_weight": 0.5}),
            batch([2, 0, 1]),
        )
        expected = softmax(scores(model, given), PROBABILITIES, [0, 1, 2])
        # The score of a block is the product of that block of both sides, each of length 1.
        everything = model.item_vectors(tf.range(4)).numpy()
        users = given["user"]
        queries = model.query_vectors(
            model.index(tf.constant(everything)),
            UserInputs(given["history"], model.users.gather(users)),
        ).numpy()
        for block in (slice(0, 5), slice(5, 10)):
            items = everything[[2, 0, 1], block]
            items /= np.linalg.norm(items, axis=1, keepdims=True)
            expected += 0.5 * softmax(queries[:, block] @ items.T, PROBABILITIES, [0, 1, 2]) / 2
        self.assertAllClose(model.compute_loss(given), expected, rtol=1e-5)

    def test_voting_has_no_joint_loss_and_a_temperature_per_block(self):
        model, given = create(fusion={"kind": "late", "decision": "voting"}), batch([2, 0, 1])
        self.assertAllClose(model.temperature.values, [0.5, 0.5])
        before = float(model.compute_loss(given))
        # The temperature of one block changes the loss.
        model.temperature.log_temperature.assign(np.log([0.5, 0.25]))
        self.assertNotAllClose(model.compute_loss(given), before)


class VectorsTest(TestCase):
    def test_a_cold_start_item_has_no_id_embedding(self):
        model = create()
        vectors = model.item_vectors(tf.range(4))
        content = model.item_tower.content(model.items.gather(tf.range(4)))
        # Item 3 has no training event.
        self.assertAllClose(vectors[3], content[3])
        for row in range(3):
            self.assertNotAllClose(vectors[row], content[row])
        # Item n reads row n + 1 of the table.
        table = model.item_tower.id_embedding.table.get_weights()[0]
        # 6, 3 and 1 events: sigmoid(log(1 + n) - 1) = (1 + n) / (1 + n + e).
        gates = np.array([[7 / (7 + np.e)], [4 / (4 + np.e)], [2 / (2 + np.e)]])
        total = content.numpy()[:3] + gates * table[1:4]
        self.assertAllClose(vectors[:3], total / np.linalg.norm(total, axis=1, keepdims=True))

    def test_the_regression_changes_cold_start_items_only(self):
        model = create(cold_start=ColdStartConfig(weight=0.5))
        before = model.item_vectors(tf.range(4))
        known = model.items.gather(tf.range(3))
        became = np.random.default_rng(0).normal(size=[3, 5])
        model.item_tower.regression.fit(known, became, np.array([6, 3, 1]))
        after = model.item_vectors(tf.range(4))
        self.assertAllClose(after[:3], before[:3])
        new = model.item_tower.cold_embeddings(model.items.gather(tf.constant([3])))
        self.assertAllClose(after[3:], new)
        self.assertNotAllClose(after[3], before[3])
        # In any order, and with repeated rows.
        self.assertAllClose(model.item_vectors(tf.constant([3, 1, 3])), tf.gather(after, [3, 1, 3]))

    def test_queries_are_divided_by_the_temperature(self):
        model = create(temperature=0.25)
        queries = model.query_vectors(
            model.index(model.item_vectors(tf.range(4))),
            UserInputs(tf.constant([[-1], [-1]]), model.users.gather(tf.constant([0, 1]))),
        )
        # Length 1, divided by 0.25.
        self.assertAllClose(tf.norm(queries, axis=1), [4.0, 4.0])

    def test_the_temperature_stays_within_its_bounds(self):
        model = create(temperature=0.25)
        self.assertAllClose(model.temperature.values, [0.25])
        model.temperature.log_temperature.assign([-50.0])
        self.assertAllClose(model.temperature.values, [0.01])
        model.temperature.log_temperature.assign([3.0])
        self.assertAllClose(model.temperature.values, [1.0])

    def test_features_are_gathered_by_row(self):
        table = FeatureTable(
            {"a": Encodings(np.array([[1.0], [2.0], [3.0]]), np.array([True, False, True]))}
        )
        output, present = table.gather(tf.constant([2, 1, 2]))["a"]
        self.assertAllEqual(output, [[3.0], [2.0], [3.0]])
        self.assertAllEqual(present, [True, False, True])

    def test_an_index_has_unit_blocks_and_says_which_have_content(self):
        vectors = tf.constant([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
        items = create(fusion={"kind": "late"}).index(vectors)
        self.assertAllClose(items.unit[:2], [[0.6, 0.8, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
        self.assertAllEqual(items.unit[2], tf.zeros([4]))
        self.assertAllEqual(items.block_mask, [[True, False], [False, True], [False, False]])
        self.assertAllEqual(items.scorable, [True, True, False])
        items = create().index(vectors)
        self.assertAllEqual(items.block_mask, [[True], [True], [False]])
        self.assertAllEqual(items.embeddings, vectors)
