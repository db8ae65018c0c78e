"""Compares Shapley attribution by modality with the planted weights of a synthetic world.

python benchmarks/modality_attribution.py --out FOLDER \
    --num-items 1200 --num-users 4000 --missing 0 --cold 0.25

A synthetic world is generated, packed and trained on, without id embeddings and with the mean of
the history. The Shapley values are of NDCG@10 on cold-start items, which only content describes.
(On warm items any content that identifies an item can act like an id.) The oracle ranks by the true
scores of the users, without any training. Prints a Markdown table.
"""

import dataclasses
from pathlib import Path

import numpy as np
import yaml

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, World, draw_world, write_world
from tfmmrec.evaluation.attribution.shapley import coalition_values, shapley_values
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.rankers import ScoreRanker
from tfmmrec.evaluation.ranking.targets import by_segment, targets_of
from tfmmrec.reports.tables import markdown_table
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
    segment: str = "cold",
) -> None:
    """Measures the Shapley shares of the modalities.

    Args:
        out: folder for the world, the data and the runs; existing runs are reused.
        num_items: number of items.
        num_users: number of users.
        missing: share of the items that lack text, of those that lack an image, and of those that
            lack audio.
        cold: share of the items that are held out of training.
        seeds: number of trainings, with seeds from 0.
        segment: the segment of the test events, `cold` or `warm`.
    """
    config = SyntheticConfig(num_items=num_items, num_users=num_users)
    config = dataclasses.replace(config, missing=dict.fromkeys(MODALITIES, missing))
    world = draw_world(config)
    dataset = _packed(world, Path(out), cold)
    rows = [_row("planted", {**config.planted_weights(), "tables": 0.0})]
    rows.append(_row("oracle (true scores)", _oracle_shares(world, dataset, segment)))
    for seed in range(seeds):
        run = Path(out) / f"seed{seed}"
        if not run.exists():
            query = {"kind": "mean"}
            options = TrainConfig(
                query=query, refit=False, id_embedding=False, seed=seed, quiet=True
            )
            train(dataset.folder, run, options)
        result = evaluate(run, modality_attribution=True, quiet=True)
        summary = result.metrics[segment]["modality_attribution"]
        total = summary["all_modalities"] - summary["no_modalities"]
        shares = {name: row["shapley_value"]["mean"] for name, row in summary["modalities"].items()}
        relative = {name: share / total for name, share in shares.items()}
        rest = sum(shares.values()) - total
        rows.append(_row(f"model, seed {seed}", relative, summary["all_modalities"], rest))
    head = ["share of the total", *MODALITIES, "tables", "NDCG@10", "sum of the shares − total"]
    print(markdown_table(head, rows))


def _packed(world: World, out: Path, cold: float) -> Dataset:
    if not (out / "data").exists():
        write_world(world, out / "catalog")
        path = out / "catalog" / "dataset.yaml"
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**content, "cold_items": {"share": cold}}))
        pack(path, out / "data", PackConfig(quiet=True))
    return Dataset(out / "data")


def _oracle_shares(world: World, dataset: Dataset, segment: str) -> dict[str, float]:
    """Returns the Shapley shares of ranking by the true scores, which generate the interactions."""
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
    [(rows, candidates)] = [
        (r, c) for name, r, c in by_segment(dataset, targets) if name == segment
    ]
    own = targets.take(rows)

    def worth(some: tuple[str, ...]) -> np.ndarray:
        total = sum((scores[name] for name in some), np.zeros(scores["text"].shape))
        return target_metrics(ScoreRanker.of(total).ranks(own, candidates), [10])["ndcg@10"]

    found = shapley_values(MODALITIES, coalition_values(MODALITIES, worth))
    whole = sum(float(share.mean()) for share in found.values())
    return {name: float(share.mean()) / whole for name, share in found.items()}


def _row(
    name: str, shares: dict[str, float], ndcg: float | None = None, rest: float | None = None
) -> list[str]:
    cells = [f"{shares[m]:.3f}" if m in shares else "" for m in (*MODALITIES, "tables")]
    of_model = ["", ""] if ndcg is None or rest is None else [f"{ndcg:.3f}", f"{rest:.0e}"]
    return [name, *cells, *of_model]


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
