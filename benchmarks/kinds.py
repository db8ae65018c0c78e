"""Kinds of interaction: what weights and dislikes are worth on a drawn log with a known answer.

python benchmarks/kinds.py --out FOLDER --seeds 3

Each user has a taste in looks and one in substance, and some items disappoint everybody. Views go
by looks. Purchases go by looks and liking, which is substance without disappointment, and skips by
looks and the opposite of liking. Each pair of a user and an item occurs once. The same log is
packed with several weights of the kinds, and each model predicts the same purchases among the items
that their user has no event with. The table, in Markdown, gives means over the users of means over
the seeds, with 95 % bootstrap intervals over users. *Disappointing* is the share of items with a
negative liking in the first ten. The oracle ranks by the score that purchases are drawn from.
FOLDER caches the data folders and the metrics.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.measure import Metrics, measure, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.ranking.rankers import Ranker, ScoreRanker, model_ranker
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

# The weights of each packed log, the first of which the others are compared with.
WEIGHTS = {
    "weights and dislikes": {"view": 0.1, "buy": 1.0, "skip": -1.0},
    "weights and weak dislikes": {"view": 0.1, "buy": 1.0, "skip": -0.3},
    "weights alone": {"view": 0.1, "buy": 1.0, "skip": 0.0},
    "all events equal": {"view": 1.0, "buy": 1.0, "skip": 1.0},
    "views and purchases equal": {"view": 1.0, "buy": 1.0, "skip": 0.0},
    "purchases alone": {"view": 0.0, "buy": 1.0, "skip": 0.0},
}
HIT_RATE, NDCG, DISAPPOINTING = "warm hr@10", "warm ndcg@10", "disappointing@10"
BASE = TrainConfig(query={"kind": "mean"}, dim=32, epochs=15, quiet=True)
_DIM = 6
_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class World:
    """The drawn log.

    Attributes:
        content: float `[items, dims]` of each feature of the items.
        scores: float `[users, items]`, the logits that purchases are drawn from.
        liking: float `[users, items]`, below 0 for an item that disappoints the user.
        events: rows of (user, item, kind, split), by user and in order of time.
    """

    content: dict[str, np.ndarray]
    scores: np.ndarray
    liking: np.ndarray
    events: list[tuple[int, int, str, str]]


def main(
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    users: int = 600,
    items: int = 300,
    views: int = 20,
    purchases: int = 4,
    skips: int = 8,
) -> None:
    """Trains a model per seed on each packed log, and prints the table.

    Args:
        out: folder that caches the data folders and the metrics.
        config: a training file (default: 15 epochs of a `mean` query tower of dimension 32).
        seeds: number of seeds of the training, from 0.
        users: number of users.
        items: number of items.
        views: number of views per user.
        purchases: number of purchases per user, of which the last two are held out.
        skips: number of skips per user.
    """
    base = BASE if config is None else read_training_file(config, quiet=True)
    world = draw_world(users, items, {"view": views, "buy": purchases, "skip": skips})
    data = {name: packed(world, name, out) for name in WEIGHTS}
    reference = data[next(iter(WEIGHTS))]
    found: dict[str, Metrics] = {}
    for name, own in data.items():
        kept = ResultsCache(out, results_key(own, base, seeds=seeds))
        metrics = kept.load(name)
        if metrics is None:
            metrics = _train_and_measure(own, reference, world, base, seeds, name)
            kept.save(name, metrics)
        found[name] = metrics
    oracle = stack_seeds([_metrics(reference, world, ScoreRanker.of(world.scores))])
    print_table(found, oracle)


def draw_world(num_users: int, num_items: int, num_events: dict[str, int]) -> World:
    """Draws the log of `num_events` events of each kind per user."""
    rng = np.random.default_rng(0)

    # The agreement of each user with each item has a standard deviation of 1.
    content = {name: rng.standard_normal([num_items, _DIM]) for name in ("looks", "substance")}
    tastes = {name: rng.standard_normal([num_users, _DIM]) / np.sqrt(_DIM) for name in content}
    looks, substance = (tastes[name] @ content[name].T for name in content)
    # Whatever the taste, some items disappoint; no content tells which.
    liking = 2.0 * substance + 2.0 * rng.standard_normal(num_items)
    logits = {"view": 2.0 * looks, "buy": 2.0 * looks + liking, "skip": 2.0 * looks - liking}
    events = []
    for user in range(num_users):
        free = np.zeros(num_items)
        drawn: dict[str, list[int]] = {}
        for kind in ("buy", "skip", "view"):
            noisy = logits[kind][user] + rng.gumbel(size=num_items) + free
            drawn[kind] = np.argsort(-noisy)[: num_events[kind]].tolist()
            free[drawn[kind]] = -np.inf
        *bought, valid, test = rng.permutation(drawn["buy"]).tolist()
        early = [(item, "buy") for item in bought]
        early += [(item, kind) for kind in ("view", "skip") for item in drawn[kind]]
        events += [(user, *early[row], "train") for row in rng.permutation(len(early))]
        events += [(user, valid, "buy", "valid"), (user, test, "buy", "test")]
    return World(content, logits["buy"], liking, events)


def packed(world: World, name: str, out: Path) -> Dataset:
    """Packs the log with the weights of a name, once."""
    folder = out / name.replace(" ", "-")
    if not folder.is_dir():
        num_users, num_items = world.scores.shape
        columns = {"user": "user", "item": "item", "time": "time", "kind": "kind"}
        tables = out / f"tables-{folder.name}"
        dataset_file = write_catalog(
            tables,
            name=name,
            items=[
                {
                    "item_id": f"i{item}",
                    **{feature: values[item].tolist() for feature, values in world.content.items()},
                }
                for item in range(num_items)
            ],
            item_features={
                feature: {"modality": "vector", "dim": _DIM} for feature in world.content
            },
            # All users are listed, so that they have the same rows in each data folder.
            users=[{"user_id": f"u{user}"} for user in range(num_users)],
            user_features={},
            interactions=[
                {
                    "user": f"u{user}",
                    "item": f"i{item}",
                    "kind": kind,
                    "time": n * _DAY,
                    "part": part,
                }
                for n, (user, item, kind, part) in enumerate(world.events, start=1)
            ],
            interaction_columns=columns,
            kinds=WEIGHTS[name],
            split={"by": "column", "name": "part"},
            overwrite=True,
        )
        pack(dataset_file, folder, PackConfig(quiet=True))
    return Dataset(folder)


def _train_and_measure(
    dataset: Dataset, reference: Dataset, world: World, base: TrainConfig, seeds: int, name: str
) -> Metrics:
    """Trains on a data folder, and measures on the targets of the reference."""
    trainer, each = VariantTrainer(dataset, base), []
    for seed in tqdm.tqdm(range(seeds), name, unit="model", disable=None):
        bundle, _ = trainer.train(dataclasses.replace(base, seed=seed))
        histories = targets_of(dataset, "test", with_times=bundle.model.reads_times).histories
        scorer = Scorer(bundle.model)
        ranker = model_ranker(scorer, scorer.item_vectors(), histories)
        each.append(_metrics(reference, world, ranker))
    return stack_seeds(each)


def _metrics(reference: Dataset, world: World, ranker: Ranker) -> Metrics:
    """The metrics of each user, `[users]`."""
    targets = targets_of(reference, "test")
    _, lists = ranker.rank(targets, np.ones(world.liking.shape[1], bool), k=10)
    disappointing = world.liking[lists.users[:, np.newaxis], lists.items] < 0
    return {**measure(reference, targets, ranker), DISAPPOINTING: disappointing.mean(axis=1)}


def print_table(found: dict[str, Metrics], oracle: Metrics) -> None:
    """Prints a row per packed log, with the difference to the first."""
    first = next(iter(found))
    header = ["", "view, buy, skip", "HR@10", "NDCG@10", "NDCG@10 by seed", f"NDCG@10 − {first}"]
    rows = []
    for name, metrics in {**found, "oracle": oracle}.items():
        users = {metric: values.mean(axis=0) for metric, values in metrics.items()}
        by_seed = ", ".join(f"{value:.3f}" for value in metrics[NDCG].mean(axis=1))
        reference = found[first][NDCG].mean(axis=0)
        lead = "" if name == first else f"{paired_interval(users[NDCG], reference):+}"
        weights = ", ".join(f"{weight:g}" for weight in WEIGHTS.get(name, {}).values())
        means = [str(mean_interval(users[metric])) for metric in (HIT_RATE, NDCG)]
        rows.append(
            [name, weights, *means, by_seed, lead, str(mean_interval(users[DISAPPOINTING]))]
        )
    print(markdown_table([*header, "disappointing"], rows))


if __name__ == "__main__":
    run_script(main)
