"""What is kept of earlier batches, how likely it was to be, and the loss over it."""

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

# Each of items 0 to 3 is a fourth of what is chosen; item 4 never was.
COUNTS = np.array([2, 2, 2, 2, 0])
HISTORIES = Histories(np.array([0, 1, 2, 3, 3, 2, 1, 0], np.int32), np.array([0, 4, 8]))


def memory(rows: list[int], size: int = 3) -> CrossBatchMemory:
    """One whose vectors are the numbers of their rows."""
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

    def test_the_oldest_make_room_and_each_is_kept_once(self):
        held = memory([])
        self.assertEqual(self.remembered(held, [2, 0], [True] * 2)[0], [2, 0, -1])
        rows, vectors = self.remembered(held, [3, 2, 1], [True, True, False])
        # 2 is as of now, and 1 only filled up.
        self.assertEqual((rows, vectors), ([3, 2, 0], [3.5, 2.5, 0.5]))
        self.assertEqual(self.remembered(held, [1], [True])[0], [1, 3, 2])
        self.assertEqual(self.remembered(held, [0, 2, 1, 3], [True] * 4)[0], [0, 2, 1])

    def test_what_the_batch_has_is_taken_from_there(self):
        rows, real = tf.constant([2, 4, 0]), tf.constant([True, True, False])
        # The batch chose 2 and drew 4; 0 fills up, and must not hide the 0 that is kept.
        found, real, _ = memory([0, 2, 3]).append_to(rows, real, tf.constant([True, False, False]))
        self.assertAllEqual(found, [2, 4, 2, 0, 2, 3])
        self.assertAllEqual(real, [True, True, False, True, False, True])

    def test_xla_keeps_the_same(self):
        found = []
        for compiled in (False, True):
            held = memory([0, 3])
            remember = tf.function(held.update, jit_compile=compiled)
            remember(tf.constant([2, 0]), tf.constant([[2.5], [0.5]]), tf.constant([True, False]))
            found.append((held.rows.numpy().tolist(), held.embeddings.numpy().ravel().tolist()))
        self.assertEqual(found, [([2, 0, 3], [2.5, 0.0, 3.0])] * 2)

    def test_events_are_those_that_meet_so_many_items(self):
        held = memory([])
        # Of 4 items 4 (1 - (3/4)^n) come: 1 by one event, 3 by log(1/4) / log(3/4) = 4.8188.
        self.assertAllClose(held.num_events(tf.constant(1)), 1.0, rtol=0.02)
        self.assertAllClose(held.num_events(tf.constant(3)), 4.8188, rtol=0.01)
        # Here 2 and 0 by the batch, 3 by what is kept.
        here = tf.constant([True, True])
        _, _, events = memory([0, 3]).append_to(tf.constant([2, 0]), here, here)
        self.assertAllClose(events, 4.8188, rtol=0.01)

    def test_chances_are_how_often_items_are_there(self):
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
        # Five events meet far fewer.
        self.assertGreater(events, 15.0)


class LossTest(TestCase):
    def model(self, spared: str):
        model = create(negatives={"mask_positives": spared, "cross_batch_memory_size": 3})
        model.retrieval.begin_training()
        held = model.retrieval.sampler.memory
        held.rows.assign([2, 1, -1])
        vectors = np.random.default_rng(0).normal(size=[3, 5])
        held.embeddings.assign(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        return model, held

    def logits(self, model, given: dict, held: CrossBatchMemory) -> np.ndarray:
        """Those of items 0 and 2 of the batch, and of item 1 as it is kept."""
        fresh = scores(model, given)
        # Each row has its own item, the third that of the first.
        everything = model.item_vectors(tf.range(4))
        queries = model.query_vectors(
            everything, UserInputs(given["history"], model.users.gather(given["user"]))
        )
        return np.column_stack([fresh[:, :2], queries.numpy() @ held.embeddings.numpy()[1]])

    def test_what_is_kept_is_a_negative_by_its_chance(self):
        for spared in ("none", "history"):
            (model, held), given = self.model(spared), batch([2, 0, 2])
            logits = self.logits(model, given, held)
            # All of the three known items are there, as they are on average behind many events.
            events = float(held.num_events(tf.constant(3)))
            chances = 1.0 - (1.0 - np.array([0.1, 0.6, 0.3])) ** events
            if spared == "history":
                # Before its fifth event user 0 chose all three, before its second item 1 alone.
                logits[0, 1:] = logits[2, 2] = -np.inf
            expected = softmax(logits, chances, [0, 1, 0])
            self.assertAllClose(model.compute_loss(given), expected, rtol=1e-5)
            self.assertAllEqual(held.rows, [2, 1, -1])

    def test_a_training_step_takes_its_batch_in_and_an_end_drops_it(self):
        model, held = self.model("none")
        before = held.embeddings.numpy()
        model.compute_loss(batch([0, 0, 0]), training=True)
        self.assertAllEqual(held.rows, [0, 2, 1])
        self.assertAllEqual(held.embeddings[1:], before[:2])
        self.assertEqual(len(self.written(model, "memory")), 2)
        model.retrieval.end_training()
        self.assertEqual(self.written(model, "memory"), [])

    def written(self, model, part: str) -> list[str]:
        """The variables of a checkpoint whose names have a part."""
        path = tf.train.Checkpoint(model=model).write(f"{self.get_temp_dir()}/saved")
        return [name for name, _ in tf.train.list_variables(path) if part in name]

    def test_no_gradient_reaches_what_is_spared_of_it(self):
        sampler = NegativeSampler(NegativesConfig(cross_batch_memory_size=3), HISTORIES, 5)
        sampler.begin_training(2)
        sampler.memory.rows.assign([1, 2, -1])
        found = sampler.sample(tf.constant([3]))
        # User 0 chose 0, 1 and 2 before 3, user 1 nothing.
        vectors = tf.Variable([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]])
        for user, place, told in ((0, 3, False), (1, 0, True)):
            mask = sampler.false_negative_mask(
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
                    false_negative_mask=mask,
                )
            slopes = tape.gradient(loss, vectors).numpy()
            self.assertAllEqual(slopes.any(axis=1), [told, told, told, False])

    def test_shapes_that_are_fixed_change_nothing(self):
        histories, chosen = HISTORIES, tf.constant([1, 1, 3])
        losses = []
        for fixed in (False, True):
            options = NegativesConfig(cross_batch_memory_size=3, mask_positives="history")
            sampler = NegativeSampler(options, histories, 5, static_shapes=fixed)
            sampler.begin_training(2)
            # Item 0 is what rows are filled up with.
            sampler.memory.rows.assign([0, 1, -1])
            found = sampler.sample(chosen)
            table = tf.constant(np.random.default_rng(0).normal(size=[5, 2]), tf.float32)
            losses.append(
                candidate_softmax(
                    tf.constant([[1.0, 2.0], [0.5, 0.1], [-1.0, 0.3]]),
                    tf.gather(table, found.rows),
                    labels=found.labels,
                    log_sampling_probability=found.log_sampling_probability,
                    false_negative_mask=sampler.false_negative_mask(
                        found,
                        tf.constant([0, 1]),
                        batch_row=tf.constant([0, 1, 0]),
                        num_earlier=tf.constant([1, 2, 3]),
                    ),
                )
            )
        self.assertAllClose(losses[0], losses[1])
