"""Cross-batch memory: its contents, their sampling probability, and the loss."""

import numpy as np
import tensorflow as tf

from tests.models.test_two_tower import batch, create, scores, softmax
from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.tasks.losses import candidate_softmax
from tfmmrec.tasks.negatives.cross_batch_memory import CrossBatchMemory
from tfmmrec.tasks.negatives.sampler import NegativeSampler
from tfmmrec.testing import TestCase

# Each of items 0 to 3 has a quarter of the events; item 4 has none.
COUNTS = np.array([2, 2, 2, 2, 0])
HISTORIES = Histories(np.array([0, 1, 2, 3, 3, 2, 1, 0], np.int32), np.array([0, 4, 8]))


def memory(rows: list[int], size: int = 3) -> CrossBatchMemory:
    """A memory whose embeddings are the numbers of their rows."""
    held = CrossBatchMemory(size, 1, COUNTS)
    rows = rows + [-1] * (size - len(rows))
    held.rows.assign(rows)
    held.embeddings.assign(np.array(rows, np.float32)[:, np.newaxis])
    return held


class MemoryTest(TestCase):
    def remembered(
        self, held: CrossBatchMemory, rows: list[int], chosen: list[bool]
    ) -> tuple[list, list]:
        vectors = tf.constant(rows, tf.float32)[:, tf.newaxis] + 0.5
        held.update(tf.constant(rows), vectors, tf.constant(chosen))
        return held.rows.numpy().tolist(), held.embeddings.numpy()[:, 0].tolist()

    def test_the_oldest_items_are_evicted_and_each_is_kept_once(self):
        held = memory([])
        self.assertEqual(self.remembered(held, [2, 0], [True] * 2)[0], [2, 0, -1])
        rows, vectors = self.remembered(held, [3, 2, 1], [True, True, False])
        # Item 2 is updated; item 1 was not in the batch.
        self.assertEqual((rows, vectors), ([3, 2, 0], [3.5, 2.5, 0.5]))
        self.assertEqual(self.remembered(held, [1], [True])[0], [1, 3, 2])
        self.assertEqual(self.remembered(held, [0, 2, 1, 3], [True] * 4)[0], [0, 2, 1])

    def test_items_of_the_batch_are_not_taken_from_memory(self):
        rows, real = tf.constant([2, 4, 0]), tf.constant([True, True, False])
        # Item 2 is a target, item 4 was drawn; 0 is padding, and must not hide item 0 in memory.
        found, real, _ = memory([0, 2, 3]).append_to(rows, real, tf.constant([True, False, False]))
        self.assertAllEqual(found, [2, 4, 2, 0, 2, 3])
        self.assertAllEqual(real, [True, True, False, True, False, True])

    def test_xla_gives_the_same(self):
        found = []
        for compiled in (False, True):
            held = memory([0, 3])
            remember = tf.function(held.update, jit_compile=compiled)
            remember(tf.constant([2, 0]), tf.constant([[2.5], [0.5]]), tf.constant([True, False]))
            found.append((held.rows.numpy().tolist(), held.embeddings.numpy().ravel().tolist()))
        self.assertEqual(found, [([2, 0, 3], [2.5, 0.0, 3.0])] * 2)

    def test_number_of_events_for_an_expected_number_of_items(self):
        held = memory([])
        # 4 (1 - (3/4)^n) distinct items: 1 for n = 1, 3 for n = log(1/4) / log(3/4) = 4.8188.
        self.assertAllClose(held.num_events(tf.constant(1)), 1.0, rtol=0.02)
        self.assertAllClose(held.num_events(tf.constant(3)), 4.8188, rtol=0.01)
        # Items 2 and 0 of the batch, and 3 of the memory.
        here = tf.constant([True, True])
        _, _, events = memory([0, 3]).append_to(tf.constant([2, 0]), here, here)
        self.assertAllClose(events, 4.8188, rtol=0.01)

    def test_sampling_probabilities_agree_with_simulation(self):
        draw, counts = np.random.default_rng(0), np.ceil(60.0 / np.arange(1, 41)).astype(int)
        kept: list[int] = []
        hits, sizes, rounds = np.zeros(40), [], 3000
        for number in range(rounds):
            chosen = draw.choice(40, 5, p=counts / counts.sum()).tolist()
            there = list(dict.fromkeys([*chosen, *kept]))
            if number >= 100:
                hits[there] += 1
                sizes.append(len(there))
            kept = there[:12]
        events = float(CrossBatchMemory(12, 1, counts).num_events(tf.constant(np.mean(sizes))))
        expected = 1.0 - (1.0 - counts / counts.sum()) ** events
        self.assertAllClose(hits / (rounds - 100), expected, atol=0.04)
        # The five events of a batch alone have far fewer items.
        self.assertGreater(events, 15.0)


class LossTest(TestCase):
    def model(self, masked: str):
        model = create(negatives={"mask_positives": masked, "cross_batch_memory_size": 3})
        model.retrieval.begin_training()
        held = model.retrieval.sampler.memory
        held.rows.assign([2, 1, -1])
        vectors = np.random.default_rng(0).normal(size=[3, 5])
        held.embeddings.assign(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        return model, held

    def logits(self, model, given: dict, held: CrossBatchMemory) -> np.ndarray:
        """The logits of items 0 and 2 of the batch, and of item 1 in memory."""
        fresh = scores(model, given)
        # The third row has the target item of the first.
        everything = model.item_vectors(tf.range(4))
        queries = model.query_vectors(
            model.index(everything), UserInputs(given["history"], model.users.gather(given["user"]))
        )
        return np.column_stack([fresh[:, :2], queries.numpy() @ held.embeddings.numpy()[1]])

    def test_items_in_memory_are_negatives_by_their_probability(self):
        for masked in ("none", "history"):
            (model, held), given = self.model(masked), batch([2, 0, 2])
            logits = self.logits(model, given, held)
            # All three known items are candidates, as is expected after this number of events.
            events = float(held.num_events(tf.constant(3)))
            probabilities = 1.0 - (1.0 - np.array([0.1, 0.6, 0.3])) ** events
            if masked == "history":
                # User 0 had all three items before the fifth event, and item 1 before the second.
                logits[0, 1:] = logits[2, 2] = -np.inf
            expected = softmax(logits, probabilities, [0, 1, 0])
            self.assertAllClose(model.compute_loss(given), expected, rtol=1e-5)
            self.assertAllEqual(held.rows, [2, 1, -1])

    def test_a_training_step_updates_the_memory_and_the_end_deletes_it(self):
        model, held = self.model("none")
        before = held.embeddings.numpy()
        model.compute_loss(batch([0, 0, 0]), training=True)
        self.assertAllEqual(held.rows, [0, 2, 1])
        self.assertAllEqual(held.embeddings[1:], before[:2])
        self.assertEqual(len(self.written(model, "memory")), 2)
        model.retrieval.end_training()
        self.assertEqual(self.written(model, "memory"), [])

    def written(self, model, part: str) -> list[str]:
        """The variables of a checkpoint whose names contain `part`."""
        path = tf.train.Checkpoint(model=model).write(f"{self.get_temp_dir()}/saved")
        return [name for name, _ in tf.train.list_variables(path) if part in name]

    def test_masked_items_in_memory_get_no_gradient(self):
        sampler = NegativeSampler(NegativesConfig(cross_batch_memory_size=3), HISTORIES, 5)
        sampler.begin_training(2)
        sampler.memory.rows.assign([1, 2, -1])
        found = sampler.sample(tf.constant([3]))
        # User 0 had items 0, 1 and 2 before 3, user 1 none.
        vectors = tf.Variable([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]])
        for user, place, told in ((0, 3, False), (1, 0, True)):
            mask = sampler.false_negatives(
                found,
                tf.constant([user]),
                batch_row=tf.constant([0]),
                num_earlier=tf.constant([place]),
            )
            with tf.GradientTape() as tape:
                loss = candidate_softmax(
                    tf.constant([[1.0, 2.0]]),
                    vectors,
                    labels=found.labels,
                    log_sampling_probability=found.log_sampling_probability,
                    false_negatives=mask,
                )
            slopes = tape.gradient(loss, vectors).numpy()
            self.assertAllEqual(slopes.any(axis=1), [told, told, told, False])

    def test_static_shapes_give_the_same_loss(self):
        histories, chosen = HISTORIES, tf.constant([1, 1, 3])
        losses = []
        for fixed in (False, True):
            options = NegativesConfig(cross_batch_memory_size=3, mask_positives="history")
            sampler = NegativeSampler(options, histories, 5, static_shapes=fixed)
            sampler.begin_training(2)
            # Padding has row 0.
            sampler.memory.rows.assign([0, 1, -1])
            found = sampler.sample(chosen)
            table = tf.constant(np.random.default_rng(0).normal(size=[5, 2]), tf.float32)
            losses.append(
                candidate_softmax(
                    tf.constant([[1.0, 2.0], [0.5, 0.1], [-1.0, 0.3]]),
                    tf.gather(table, found.rows),
                    labels=found.labels,
                    log_sampling_probability=found.log_sampling_probability,
                    false_negatives=sampler.false_negatives(
                        found,
                        tf.constant([0, 1]),
                        batch_row=tf.constant([0, 0, 1]),
                        num_earlier=tf.constant([1, 3, 2]),
                    ),
                )
            )
        self.assertAllClose(losses[0], losses[1])
