"""Modalities' Shapley shares beside those that a synthetic world was planted with; prints Markdown.

python benchmarks/shares.py --out FOLDER --num_items 1200 --num_users 4000 --missing 0 --cold 0.25

A world is drawn, packed and trained on, without ids and with users read by the mean; shares are of
NDCG@10 on the items that are kept cold, whose contents alone can tell of them. (On known items any
content that tells items apart can stand for all that is known of them.) Beside the model stands who
knows the true tastes: the shares of the true scores of users, of which nothing is learned.
"""

import dataclasses
from pathlib import Path

import numpy as np
import yaml

import tfmmrec.cli  # before TensorFlow, whose Keras it chooses
from tfmmrec.config.packing import PackOptions
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, World, draw_world, write_world
from tfmmrec.evaluation.attribution.shapley import shapley, worth_of_sets
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.rankers import ByScores
from tfmmrec.evaluation.ranking.targets import by_part, targets_of
from tfmmrec.reports.markdown_table import markdown_table
from tfmmrec.training.train import train

MODALITIES = ("text", "image", "audio")


def main(
    *,
    out: Path,
    num_items: int = 400,
    num_users: int = 1500,
    missing: float = 0.15,
    cold: float = 0.1,
    seeds: int = 3,
    shares: str = "cold",
) -> None:
    """Measures the shares of the modalities.

    Args:
        out: a folder for the world, the data and the runs; runs that are there are not made again.
        num_items: items of the world.
        num_users: its users.
        missing: the share of items without each of text, picture and sound.
        cold: the share of items that are kept out of training.
        seeds: how many trainings, from seed 0 on.
        shares: of which part, `cold` or `warm`.
    """
    config = SyntheticConfig(num_items=num_items, num_users=num_users)
    config = dataclasses.replace(config, missing=dict.fromkeys(MODALITIES, missing))
    world = draw_world(config)
    dataset = _packed(world, Path(out), cold)
    rows = [_row("planted", {**config.planted_weights(), "tables": 0.0})]
    rows.append(_row("who knows the true tastes", _of_the_truth(world, dataset, shares)))
    for seed in range(seeds):
        run = Path(out) / f"seed{seed}"
        if not run.exists():
            query = {"kind": "mean"}
            options = TrainConfig(query=query, refit=False, ids=False, seed=seed, quiet=True)
            train(dataset.folder, run, options)
        told = evaluate(run, shares=True, quiet=True)[shares]["modalities"]
        whole = told["all"] - told["nothing"]
        own = {name: row["share"]["mean"] for name, row in told["modalities"].items()}
        shown = {name: share / whole for name, share in own.items()}
        rows.append(_row(f"model, seed {seed}", shown, told["all"], sum(own.values()) - whole))
    head = ["of the whole", *MODALITIES, "tables", "NDCG@10", "sum of the shares − whole"]
    print(markdown_table(head, rows))


def _packed(world: World, out: Path, cold: float) -> Dataset:
    if not (out / "data").exists():
        write_world(world, out / "catalogue")
        path = out / "catalogue" / "dataset.yaml"
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**content, "cold_items": {"share": cold}}))
        pack(path, out / "data", PackOptions(quiet=True))
    return Dataset(out / "data")


def _of_the_truth(world: World, dataset: Dataset, part: str) -> dict[str, float]:
    """The shares of the true scores, by which users choose."""
    users, items = (
        np.searchsorted(known, np.array(held))
        for known, held in (
            (world.user_ids(), dataset.user_ids),
            (world.item_ids(), dataset.item_ids),
        )
    )
    weights = world.config.planted_weights()
    scores = {
        name: weights[name] * world.modality_scores(name)[np.ix_(users, items)]
        for name in MODALITIES
    }
    targets = targets_of(dataset, "test")
    [(rows, among)] = [(r, a) for name, r, a in by_part(dataset, targets) if name == part]
    own = targets.take(rows)

    def worth(some: tuple[str, ...]) -> np.ndarray:
        total = sum((scores[name] for name in some), np.zeros(scores["text"].shape))
        return target_metrics(ByScores.of(total).ranks(own, among), [10])["ndcg@10"]

    found = shapley(MODALITIES, worth_of_sets(MODALITIES, worth))
    whole = sum(float(share.mean()) for share in found.values())
    return {name: float(share.mean()) / whole for name, share in found.items()}


def _row(
    name: str, shares: dict[str, float], ndcg: float | None = None, rest: float | None = None
) -> list[str]:
    cells = [f"{shares[m]:.3f}" if m in shares else "" for m in (*MODALITIES, "tables")]
    told = ["", ""] if ndcg is None or rest is None else [f"{ndcg:.3f}", f"{rest:.0e}"]
    return [name, *cells, *told]


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
