"""The built-in encoders that are trained from scratch learn tasks that need their architecture.

Each is trained with a linear head on a task of two classes, and evaluated on examples it has not
seen; the null is the same training on the same examples with their labels shuffled.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub

from tfmmrec.encoders.builtin.registry import save_builtin

NUM_TRAIN, NUM_UNSEEN = 128, 100

Task = tuple[tf.Tensor, np.ndarray]


def orders(count: int, random: np.random.Generator) -> Task:
    """Two words among others, as far apart as it comes; the class is which of them is first."""
    others = ["red", "old", "big", "new", "wet", "dry", "hot", "low"]
    labels = np.arange(count) % 2
    texts = []
    for label in labels:
        words = list(random.choice(others, 6))
        first, second = sorted(random.choice(6, 2, replace=False))
        words[first], words[second] = ("frog", "pond") if label else ("pond", "frog")
        texts.append(" ".join(words))
    return tf.constant(texts), labels


def stripes(count: int, random: np.random.Generator) -> Task:
    """Stripes of any width, place and colour; the class is whether they lie or stand."""
    labels = np.arange(count) % 2
    waves = np.sin(np.arange(32) * random.uniform(0.5, 1.5, [count, 1]) + random.uniform(0, 6))
    pictures = waves[:, :, None, None] * random.uniform(-0.5, 0.5, [count, 1, 1, 3]) + 0.5
    pictures = np.broadcast_to(pictures, [count, 32, 32, 3])
    pictures = np.where(labels[:, None, None, None], pictures, pictures.transpose(0, 2, 1, 3))
    pictures = pictures + random.normal(0, 0.1, pictures.shape)
    return tf.constant(np.clip(pictures, 0, 1), tf.float32), labels


def chirps(count: int, random: np.random.Generator) -> Task:
    """Tones that glide between a random low and a random high pitch; the class is which way."""
    labels = np.arange(count) % 2
    time = np.linspace(0, 1, 8000)
    low, high = random.uniform(200, 600, [count, 1]), random.uniform(800, 3000, [count, 1])
    phase = np.pi * (low * time + (high - low) * time**2 / 2)  # half a second
    sounds = np.sin(phase)
    sounds = np.where(labels[:, None], sounds, sounds[:, ::-1])
    return tf.constant(sounds + random.normal(0, 0.05, sounds.shape), tf.float32), labels


def accuracies(
    folder: Path, task: Callable, steps: int, batch_size: int, rate: float
) -> list[float]:
    """Trains twice from the same weights: on the labels, and on shuffled ones."""
    random = np.random.default_rng(0)
    tf.random.set_seed(0)
    inputs, labels = task(NUM_TRAIN, random)
    unseen, answers = task(NUM_UNSEEN, random)
    encoder = hub.KerasLayer(str(folder), trainable=True)
    head = tf.keras.layers.Dense(1)
    head(encoder(inputs[:1]))
    weights = encoder.trainable_weights + head.trainable_weights
    fresh = [weight.numpy() for weight in weights]
    optimizer = tf.keras.optimizers.Adam(rate)
    optimizer.build(weights)
    empty = [variable.numpy() for variable in optimizer.variables]

    @tf.function
    def step(batch: tf.Tensor, targets: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = head(encoder(batch, training=True))[:, 0]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        optimizer.apply_gradients(zip(tape.gradient(losses, weights), weights, strict=True))

    found = []
    for targets in (labels, random.permutation(labels)):
        for weight, value in zip(weights + optimizer.variables, fresh + empty, strict=True):
            weight.assign(value)
        for _ in range(steps):
            rows = random.choice(NUM_TRAIN, batch_size, replace=False)
            step(tf.gather(inputs, rows), tf.constant(targets[rows], tf.float32))
        logits = head(encoder(unseen))[:, 0].numpy()
        found.append(float(np.mean((logits > 0) == answers)))
    return found


@pytest.mark.parametrize(
    ("modality", "variant", "task", "steps", "batch_size", "rate"),
    [
        ("text", "lstm", orders, 40, 32, 1e-3),
        pytest.param("text", "transformer", orders, 60, 32, 5e-4, marks=pytest.mark.slow),
        pytest.param("image", "cnn", stripes, 30, 16, 5e-4, marks=pytest.mark.slow),
        pytest.param("audio", "cnn", chirps, 20, 16, 5e-4, marks=pytest.mark.slow),
    ],
)
def test_learns_more_than_from_shuffled_labels(
    tmp_path: Path,
    modality: str,
    variant: str,
    task: Callable,
    steps: int,
    batch_size: int,
    rate: float,
):
    folder = save_builtin(modality, tmp_path / "encoder", variant=variant)
    learned, null = accuracies(folder, task, steps, batch_size, rate)
    # Chance is 1/2; of 100 answers by chance, the share right is 0.5 +- 0.05.
    assert learned >= 0.8
    assert null <= 0.7
