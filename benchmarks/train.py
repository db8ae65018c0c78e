"""Times training against TensorFlow Recommenders (TFRS) and other baselines; prints Markdown.

python benchmarks/train.py DATA --config TRAIN.yaml --sequence SEQUENCE.yaml --rounds 5

`loss`: the softmax loss, forward and backward, against `tfrs.tasks.Retrieval` on the same
embeddings of dimension 64. One batch has events of the data folder, the other as many distinct
items.

`encode`: a step on cached encodings against steps that also encode the texts and images of the
items that they read.

`ease`: seconds of training until the model reaches the test NDCG@10 of EASE. It is measured after
each epoch, with the clock stopped.

Contestants run once per round, in an order that rotates from round to round. Rates are medians, and
ratios are medians of the rounds' ratios, followed by the lowest and the highest. `--clock
processor` counts the CPU time of all threads instead of the wall time, for machines that run other
work as well.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import tensorflow as tf  # isort: skip
import tensorflow_recommenders as tfrs  # isort: skip

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.data.pipelines.examples import TrainingExamples
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.baselines.item_item import ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.score_functions import of_histories, ranker_of
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.tables import markdown_table
from tfmmrec.tasks.losses import candidate_softmax
from tfmmrec.tasks.negatives.sampler import NegativeSampler
from tfmmrec.training.batches import create_batches
from tfmmrec.training.train_step import Trainer
from tfmmrec.training.variants import with_features

PARTS = ("loss", "encode", "ease")
NDCG = "warm ndcg@10"

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}

# Does some work and returns the number of its examples.
Contestant = Callable[[], int]
Clock = Callable[[], float]


def main(
    data: Path,
    *,
    config: Path | None = None,
    sequence: Path | None = None,
    rounds: int = 5,
    parts: str = ",".join(PARTS),
    clock: str = "wall",
) -> None:
    """Times the parts of training.

    Args:
        data: a data folder.
        config: a training file.
        sequence: a second training file for `ease`, with a transformer.
        rounds: number of rounds; each contestant runs once per round.
        parts: the tables to print, PART,PART from `loss`, `encode` and `ease`.
        clock: `wall` for wall time, or `processor` for the CPU time of all threads.
    """
    for name, given, known in (("parts", parts.split(","), PARTS), ("clock", [clock], CLOCKS)):
        if not set(given) <= set(known):
            raise ConfigError(f"{name}: must be among {', '.join(known)}. Received: {given}")
    dataset, now = Dataset(data), CLOCKS[clock]
    base = read_training_file(config, quiet=True)
    for part in parts.split(","):
        if part == "loss":
            losses(dataset, rounds, now)
        elif part == "encode":
            encoding(dataset, base, rounds, now)
        elif part == "ease":
            until_ease(dataset, base, read_training_file(sequence, quiet=True), now)


def race(contestants: dict[Any, Contestant], rounds: int, now: Clock) -> dict[Any, list[float]]:
    """Runs the contestants in turns; returns the examples per second by contestant and round."""
    rates: dict[Any, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = now()
            count = contestants[name]()
            if turn:  # the first turn is a warm-up
                rates[name].append(count / (now() - start))
    return rates


def over(ours: list[float], theirs: list[float]) -> str:
    """Formats the median ratio of two rates, with the lowest and the highest."""
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):,.2f} ({min(ratios):,.2f} to {max(ratios):,.2f})"


def rate(rates: list[float]) -> str:
    median = statistics.median(rates)
    return f"{median:,.0f}" if median >= 100 else f"{median:,.2f}"


def losses(
    dataset: Dataset, rounds: int, now: Clock, sizes: tuple[int, int] = (1024, 8192)
) -> None:
    """Times the loss alone, at two batch sizes."""
    most = np.arange(max(sizes))
    events = {
        "log events": dataset.histories(["train"]),
        "distinct items": Histories(most, np.append(most, len(most))),
    }
    rows = []
    for title, histories in events.items():
        contestants = {}
        for size in sizes:
            for name, run in loss_contestants(histories, size).items():
                contestants[name, size] = run
        rates = race(contestants, rounds, now)
        for name in dict.fromkeys(name for name, _ in contestants):
            low, high = (rates[name, size] for size in sizes)
            ratios = [over(rates[name, size], rates["TFRS task", size]) for size in sizes]
            rows.append([f"{title}: {name}", rate(low), rate(high), *ratios, over(high, low)])
    head = [f"examples/s at {size:,}" for size in sizes]
    head += [f"speed relative to the TFRS task at {sizes[0]:,}"]
    head += [f"relative to the TFRS task at {size:,}" for size in sizes[1:]]
    head += [f"{sizes[1]:,} relative to {sizes[0]:,}"]
    print(markdown_table(["loss", *head], rows), flush=True)


def loss_contestants(histories: Histories, size: int) -> dict[str, Contestant]:
    """Returns the losses of one batch by name; each computes the gradients of both embeddings."""
    num_items = int(histories.items.max()) + 1
    pipeline = TrainingExamples(histories, max_history=1, batch_size=size, seed=0)
    [batch] = list(pipeline.epochs(0).take(1))
    draw = np.random.default_rng(0)
    queries = tf.constant(draw.normal(size=[pipeline.batch_size, 64]), tf.float32)
    table = tf.constant(draw.normal(size=[num_items, 64]) / 8.0, tf.float32)
    task = tfrs.tasks.Retrieval()

    def theirs(queries: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        vectors = tf.gather(table, targets)
        with tf.GradientTape() as tape:
            tape.watch([queries, vectors])
            loss = task(queries, vectors, compute_metrics=False)
        return tape.gradient(loss, [queries, vectors])

    def ours(sampler: NegativeSampler) -> Callable:
        def gradients(queries: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            found = sampler.sample(targets)
            mask = sampler.false_negatives(
                found,
                batch["user"],
                batch_row=tf.range(tf.size(targets)),
                num_earlier=batch["num_earlier"],
            )
            vectors = tf.gather(table, found.rows)
            with tf.GradientTape() as tape:
                tape.watch([queries, vectors])
                loss = candidate_softmax(
                    queries,
                    vectors,
                    labels=found.labels,
                    log_sampling_probability=found.log_sampling_probability,
                    false_negatives=mask,
                )
            return tape.gradient(loss, [queries, vectors])

        return gradients

    kinds = {"tfmmrec, mask_positives: none": "none", "tfmmrec, mask_positives: history": "history"}
    functions = {
        "TFRS task": theirs,
        **{
            name: ours(
                NegativeSampler(NegativesConfig(mask_positives=positives), histories, num_items)
            )
            for name, positives in kinds.items()
        },
    }
    # The last batch of an epoch may be smaller, so the batch size is not static on either side.
    signature = [tf.TensorSpec([None, 64]), tf.TensorSpec([None], tf.int32)]
    repeats = max(1, 32768 // size)

    def repeated(function: Callable) -> Contestant:
        compiled = tf.function(function, input_signature=signature)

        def run() -> int:
            for _ in range(repeats):
                gradient, _ = compiled(queries, batch["item"])
            gradient.numpy()
            return repeats * pipeline.batch_size

        return run

    return {name: repeated(function) for name, function in functions.items()}


def compiled(bundle: ModelBundle, num_batches: int) -> Trainer:
    """Returns the compiled trainer that `tfmmrec train` uses."""
    trainer = Trainer(bundle.model, bundle.config, num_batches)
    trainer.compile(trainer.optimizer_step.optimizer)
    return trainer


def encoding(
    dataset: Dataset, config: TrainConfig, rounds: int, now: Clock, num_steps: int = 20
) -> None:
    """Times steps of 32 events on cached encodings, and steps that include the encoders."""
    bundle = build_bundle(dataset, dataclasses.replace(config, batch_size=32))
    # Single events, since a step of a window encodes the items of one user alone.
    max_history = bundle.model.query_tower.max_history
    events = TrainingExamples(bundle.histories, max_history=max_history, batch_size=32, seed=0)
    batches = [
        {name: value.numpy() for name, value in batch.items()}
        for batch in events.epochs(0).take(num_steps)
    ]
    step, encoders = (
        tf.function(compiled(bundle, num_steps).train_step),
        encoders_in_step(bundle),
    )
    turn = 0

    def cached() -> int:
        for batch in batches:
            loss = step(batch)["loss"]
        loss.numpy()
        return 32 * num_steps

    def encoded(*read: str) -> Contestant:
        def run() -> int:
            nonlocal turn
            turn += 1
            batch = batches[turn % num_steps]
            rows = np.unique(np.concatenate([batch[name].ravel() for name in read]))
            for encode in encoders:
                encode(rows[rows >= 0])
            step(batch)["loss"].numpy()
            return 32

        return run

    contestants = {
        "cached encodings": cached,
        "encoding the target items": encoded("item"),
        "encoding the target and history items": encoded("item", "history"),
    }
    rates = race(contestants, rounds, now)
    rows = [[name, rate(own), over(rates["cached encodings"], own)] for name, own in rates.items()]
    head = ["a step of 32 events", "examples/s", "speed of cached encodings relative to it"]
    print(markdown_table(head, rows), flush=True)


def encoders_in_step(bundle: ModelBundle) -> list[Callable[[np.ndarray], None]]:
    """Returns one function per text or image feature that encodes items, raw values in memory."""
    found = []
    for feature, encoder in bundle.items.encoders.items():
        if bundle.items.modalities[feature].kind not in ("text", "image"):
            continue
        while encoder.base is not None:
            encoder = encoder.base
        [values] = [v.numpy() for v in bundle.dataset.values("items", feature, 10**9)]
        signature = [tf.TensorSpec([None], tf.string)]
        encode = tf.function(encoder.encode, input_signature=signature)

        def run(rows: np.ndarray, values: np.ndarray = values, encode: Callable = encode) -> None:
            raw = [value for value in values[rows] if value]
            for start in range(0, len(raw), 32):
                encode(tf.constant(raw[start : start + 32])).numpy()

        found.append(run)
    return found


def until_ease(dataset: Dataset, config: TrainConfig, sequence: TrainConfig, now: Clock) -> None:
    """Times training until the test NDCG@10 of EASE; all contestants train on train and valid."""
    name, goal = ease_ndcg(dataset)
    contestants = {
        "tfmmrec, the training file": config,
        "tfmmrec, the training file for sequences": sequence,
        "SASRec": dataclasses.replace(
            with_features(sequence, []),
            query={"kind": "transformer"},
            negatives={"source": "full_catalog"},
        ),
    }
    rows = []
    for title, own in contestants.items():
        tf.keras.backend.clear_session()
        found = seconds_until(
            build_bundle(dataset, dataclasses.replace(own, refit=True)), goal, now
        )
        rows.append([title, *found])
    head = [f"NDCG@10 of {name}: {goal:.4f}", "seconds", "epochs", "NDCG@10 reached"]
    print(markdown_table(head, rows), flush=True)


def ease_ndcg(dataset: Dataset) -> tuple[str, float]:
    """Returns EASE with the penalty that is best on valid, and its NDCG@10 on test.

    It is the published one: all events of a history have the same weight.
    """
    fit, penalties = ITEM_ITEM_BASELINES["EASE"]

    def ndcg(split: str, penalty: float) -> float:
        interactions = interaction_matrix(
            dataset.histories(CONTEXT_SPLITS[split]), dataset.count("items")
        )
        ranker = ranker_of(of_histories(fit(interactions, penalty), interactions))
        return measure(dataset, targets_of(dataset, split), ranker)[NDCG].mean()

    best = max(penalties, key=lambda penalty: ndcg("valid", penalty))
    return f"EASE ({best:g})", ndcg("test", best)


def seconds_until(bundle: ModelBundle, goal: float, now: Clock) -> list[str]:
    """Trains until the EMA of the weights reaches a test NDCG@10; includes building the graph."""
    examples = create_batches(bundle)
    steps = examples.steps_per_epoch
    trainer = compiled(bundle, bundle.config.epochs * steps)
    average = trainer.optimizer_step.average
    scorer, targets = Scorer(bundle.model), targets_of(bundle.dataset, "test")
    seconds, best = 0.0, 0.0
    for number in range(bundle.config.epochs):
        start = now()
        trainer.fit(examples.epochs(number), steps_per_epoch=steps, verbose=0)
        seconds += now() - start
        with average.applied():
            vectors = scorer.item_vectors()
            ranker = model_ranker(scorer, vectors, targets.histories)
            figures = measure(bundle.dataset, targets, ranker)
        best = max(best, figures[NDCG].mean())
        if best >= goal:
            return [f"{seconds:.1f}", str(number + 1), f"{best:.4f}"]
    return [f"not in {seconds:.1f}", str(bundle.config.epochs), f"{best:.4f}"]


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
