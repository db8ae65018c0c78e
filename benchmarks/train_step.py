"""Times a training step against models written by hand with TFRS; prints Markdown.

python benchmarks/train_step.py --data DATA --config TRAIN.yaml --rounds 7
python benchmarks/train_step.py --items 10000

`by hand` is a two-tower model as the TFRS tutorials build one, on the same encodings, batches,
width and history length. Its item tower sums dense layers over the content and an id embedding. Its
query tower is the mean of the item vectors of the history, plus the user's features. It has no
dropout, no false-negative mask and no moving average of the weights. `tutorial` is the two
embedding tables of the TFRS retrieval tutorial.

A batch of the models by hand is of so many events, each with its own history. That of tfmmrec is of
windows with as many events on average, all of which are predicted. A round trains each contestant
by `fit` for some steps, in an order that rotates from round to round. Times are medians over
rounds. Ratios are medians of the rounds' ratios, followed by the lowest and the highest. Nodes are
those of the graph of one training step and of the functions in its library, before TensorFlow
optimizes them.
"""

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import tensorflow as tf  # isort: skip
import tensorflow_recommenders as tfrs  # isort: skip

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.errors import ConfigError
from tfmmrec.models.bundle import ModelBundle, build_bundle, build_bundle_from
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.batches import create_batches
from tfmmrec.training.train_step import Trainer
from tfmmrec.training.variants import with_features

CLOCKS = {"processor": time.process_time, "wall": time.perf_counter}
BY_HAND = {
    "by hand, Adagrad": tf.keras.optimizers.legacy.Adagrad,
    "by hand, Adam": tf.keras.optimizers.legacy.Adam,
}


class Contestant(NamedTuple):
    """A compiled model, its batches with their mean number of examples, and its training step."""

    model: tf.keras.Model
    batches: tf.data.Dataset
    batch_size: float
    train_step: Callable


def main(
    *,
    data: Path | None = None,
    items: int = 0,
    config: Path | None = None,
    batch_size: int = 1024,
    steps: int = 100,
    rounds: int = 7,
    clock: str = "processor",
) -> None:
    """Times training.

    Args:
        data: a data folder.
        items: in place of a data folder, the number of items of a drawn catalog.
        config: a training file; its history encoder is replaced by `mean`.
        batch_size: events per step, on average.
        steps: number of steps of each contestant per round.
        rounds: number of rounds.
        clock: of the ratios: `processor`, the CPU time of all threads, or `wall`.
    """
    if clock not in CLOCKS:
        raise ConfigError(f"clock: must be among {', '.join(CLOCKS)}. Received: {clock}")
    if (data is None) == (items == 0):
        raise ConfigError("data, items: give one of the two")
    options = dataclasses.replace(
        read_training_file(config, quiet=True), query={"kind": "mean"}, batch_size=batch_size
    )
    with tempfile.TemporaryDirectory() as folder:
        dataset = Dataset(draw(Path(folder), items) if data is None else data)
        contestants = create_contestants(dataset, options)
        times = race(contestants, rounds, steps)
        print_table(contestants, times, clock, dataset)


def draw(folder: Path, num_items: int, num_users: int = 5000, length: int = 60) -> Path:
    """Packs a catalog with a category and a number per item, and Zipf's law in the histories."""
    chance = np.random.default_rng(0)
    shares = np.cumsum(1.0 / np.arange(1, num_items + 1))
    chosen = np.searchsorted(shares, chance.random((num_users, length)) * shares[-1])
    dataset = write_catalog(
        folder / "catalog",
        name="drawn",
        items=(
            {"item_id": f"item-{row}", "genre": f"genre-{genre}", "price": float(price)}
            for row, (genre, price) in enumerate(
                zip(chance.integers(0, 200, num_items), chance.normal(size=num_items), strict=True)
            )
        ),
        item_features={"genre": {"modality": "categorical"}, "price": {"modality": "number"}},
        interactions=events(chosen),
    )
    pack(dataset, folder / "data", PackConfig(quiet=True))
    return folder / "data"


def events(chosen: np.ndarray) -> Iterator[dict[str, Any]]:
    for user, rows in enumerate(chosen.tolist()):
        for position, row in enumerate(rows):
            time_of_event = 1_600_000_000 + 3600 * position
            yield {"user_id": f"u{user}", "item_id": f"item-{row}", "timestamp": time_of_event}


class EncodedContent(tf.keras.layers.Layer):
    """Embeds the encodings of items or users, and sums the features."""

    def __init__(self, entities: EncodedEntities, dim: int):
        super().__init__()
        self.parts = []
        for info in entities.features():
            values = np.asarray(entities.encodings[info.name].values)
            layers: list[Any] = [tf.keras.layers.GlobalAveragePooling1D()] * bool(info.num_values)
            if info.vocabulary_size:
                layers = [MeanEmbedding(info.vocabulary_size, dim)]
            elif info.kind == "number":
                normalize = tf.keras.layers.Normalization()
                normalize.adapt(values)
                layers += [normalize, tf.keras.layers.Dense(dim)]
            else:
                layers += [tf.keras.layers.Dense(128, "relu"), tf.keras.layers.Dense(dim)]
            self.parts.append((tf.constant(values), tf.keras.Sequential(layers)))

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.add_n([embed(tf.gather(values, rows)) for values, embed in self.parts])


class MeanEmbedding(tf.keras.layers.Embedding):
    """Embeds the categories of a row, padded by 0, and averages them."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        mask = tf.cast(inputs > 0, tf.float32)[..., tf.newaxis]
        total = tf.reduce_sum(super().call(inputs) * mask, axis=1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(mask, axis=1))


class ByHand(tfrs.Model):
    """A two-tower model of content, ids and histories on the TFRS retrieval task."""

    def __init__(self, bundle: ModelBundle):
        super().__init__()
        dim, entities = bundle.config.dim, (bundle.items, bundle.users)
        self.item_content, self.user_content = (
            EncodedContent(each, dim) if each.features() else None for each in entities
        )
        self.item_id = tf.keras.layers.Embedding(len(bundle.dataset.item_ids), dim)
        self.task = tfrs.tasks.Retrieval(temperature=0.1, remove_accidental_hits=True)

    def compute_loss(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        history, target = features["history"], features["item"]  # [batch, 50], [batch]
        flat = tf.reshape(tf.maximum(history, 0), [-1])
        # Each distinct item passes through the item tower once.
        rows, positions = tf.unique(tf.concat([flat, target], axis=0))
        items = self.item_id(rows)
        if self.item_content is not None:
            items += self.item_content(rows)
        items = tf.math.l2_normalize(items, axis=1)
        in_history, of_target = tf.split(positions, [tf.size(flat), tf.size(target)])
        vectors = tf.gather(items, tf.reshape(in_history, tf.shape(history)))  # [batch, 50, dim]
        mask = tf.cast(history >= 0, tf.float32)[..., tf.newaxis]
        total = tf.reduce_sum(vectors * mask, axis=1)
        queries = tf.math.divide_no_nan(total, tf.reduce_sum(mask, axis=1))
        if self.user_content is not None:
            queries += self.user_content(features["user"])
        queries = tf.math.l2_normalize(queries, axis=1)
        candidates = tf.gather(items, of_target)
        return self.task(queries, candidates, candidate_ids=target, compute_metrics=False)


class Tutorial(tfrs.Model):
    """The two embedding tables of the TFRS retrieval tutorial, without its metrics.

    https://www.tensorflow.org/recommenders/examples/basic_retrieval
    """

    def __init__(self, user_ids: np.ndarray, item_ids: np.ndarray, dim: int):
        super().__init__()
        self.user_model, self.item_model = (
            tf.keras.Sequential(
                [
                    tf.keras.layers.StringLookup(vocabulary=np.unique(ids), mask_token=None),
                    tf.keras.layers.Embedding(len(np.unique(ids)) + 1, dim),
                ]
            )
            for ids in (user_ids, item_ids)
        )
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        users = self.user_model(features["user_id"])
        return self.task(users, self.item_model(features["item_id"]), compute_metrics=False)


def create_contestants(dataset: Dataset, config: TrainConfig) -> dict[str, Contestant]:
    bundle = build_bundle(dataset, config)
    examples = TrainingExamples(
        bundle.histories,
        max_history=bundle.model.query_tower.max_history,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    contestants: dict[str, Contestant] = {}
    for name, optimizer in BY_HAND.items():
        model = ByHand(bundle)
        model.compile(optimizer=optimizer(learning_rate=0.01))
        contestants[name] = Contestant(
            model, examples.epochs(0), examples.batch_size, model.train_step
        )
    contestants["tfmmrec, query: mean"] = ours(bundle)
    ids = dataclasses.replace(
        with_features(config, []), query={"kind": "id"}, negatives={"mask_positives": "none"}
    )
    # As the tutorial, without the features of users.
    nothing = bundle.items.only([]), bundle.users.only([])
    contestants["tfmmrec, ids alone"] = ours(build_bundle_from(dataset, ids, *nothing))
    contestants[f"tutorial, dimension {config.dim}"] = tutorial(bundle)
    return contestants


def ours(bundle: ModelBundle) -> Contestant:
    """Returns the model, compiled as `tfmmrec train` compiles it."""
    batches = create_batches(bundle)
    trainer = Trainer(bundle.model, bundle.config, batches.steps_per_epoch)
    trainer.compile(trainer.optimizer_step.optimizer)
    batch_size = len(bundle.histories.items) / batches.steps_per_epoch
    return Contestant(trainer, batches.epochs(0), batch_size, trainer.train_step)


def tutorial(bundle: ModelBundle) -> Contestant:
    """Returns the model of the tutorial with its batches of ids, which are in memory."""
    dataset, histories = bundle.dataset, bundle.histories
    users = np.repeat(np.array(dataset.user_ids), np.diff(histories.offsets))
    items = np.array(dataset.item_ids)[histories.items]
    model = Tutorial(users, items, bundle.config.dim)
    model.compile(optimizer=tf.keras.optimizers.legacy.Adagrad(learning_rate=0.1))
    # In memory and shuffled once, [batches, batch]: the shuffle buffer of the tutorial costs time.
    size = min(bundle.config.batch_size, len(users))
    order = np.random.default_rng(0).permutation(len(users))
    order = order[: len(order) // size * size].reshape(-1, size)
    pairs = tf.data.Dataset.from_tensor_slices({"user_id": users[order], "item_id": items[order]})
    batches = pairs.repeat().prefetch(tf.data.AUTOTUNE)
    return Contestant(model, batches, size, model.train_step)


def race(
    contestants: dict[str, Contestant], rounds: int, steps: int
) -> dict[str, dict[str, list[float]]]:
    """Trains in turns; returns ms per 1,000 examples by contestant, clock and round."""
    times = {name: {clock: [] for clock in CLOCKS} for name in contestants}
    names = list(contestants)
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            model, batches, batch_size, _ = contestants[name]
            start = {clock: now() for clock, now in CLOCKS.items()}
            model.fit(batches, steps_per_epoch=steps, verbose=0)
            for clock, now in CLOCKS.items():
                if turn:  # the first turn is a warm-up
                    times[name][clock].append(1e6 * (now() - start[clock]) / (steps * batch_size))
    return times


def print_table(
    contestants: dict[str, Contestant],
    times: dict[str, dict[str, list[float]]],
    clock: str,
    dataset: Dataset,
) -> None:
    rows = []
    for name, contestant in contestants.items():
        own = times[name]
        ratios = [ratio(times[base][clock], own[clock]) for base in BY_HAND]
        medians = [f"{statistics.median(own[each]):,.1f}" for each in CLOCKS]
        rows.append([name, *medians, *ratios, f"{num_nodes(contestant):,}"])
    head = [
        f"{dataset.count('items'):,} items",
        *(f"{each} ms per 1,000 examples" for each in CLOCKS),
    ]
    head += [f"examples/s relative to {base} ({clock})" for base in BY_HAND]
    print(markdown_table([*head, "nodes"], rows), flush=True)


def ratio(theirs: list[float], own: list[float]) -> str:
    """Formats the median ratio of two times, with the lowest and the highest."""
    ratios = [other / mine for other, mine in zip(theirs, own, strict=True)]
    return f"{statistics.median(ratios):,.2f} ({min(ratios):,.2f} to {max(ratios):,.2f})"


def num_nodes(contestant: Contestant) -> int:
    """Returns the number of nodes of a training step, those of its functions included."""
    step = tf.function(contestant.train_step)
    graph = step.get_concrete_function(contestant.batches.element_spec).graph.as_graph_def()
    return len(graph.node) + sum(len(each.node_def) for each in graph.library.function)


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
