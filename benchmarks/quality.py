"""Trains on a data folder with several seeds and prints the test metrics as a Markdown table.

python benchmarks/quality.py DATA --config TRAIN.yaml --seeds 3 --out FOLDER
"""

import dataclasses
import statistics
from pathlib import Path

from tfmmrec.cli import run_script
from tfmmrec.evaluation.report import evaluate
from tfmmrec.training import train
from tfmmrec.training_file import read_training_file


def main(data: Path, *, out: Path, config: Path | None = None, seeds: int = 3) -> None:
    """Trains and evaluates once a seed.

    Args:
        data: a data folder.
        out: the folder for the runs.
        config: a training file.
        seeds: how many seeds, from 0.
    """
    base = read_training_file(config, quiet=True)
    results = []
    for seed in range(seeds):
        train(data, out / f"seed-{seed}", dataclasses.replace(base, seed=seed))
        results.append(evaluate(out / f"seed-{seed}", quiet=True)["warm"])
    names = list(results[0]["model"])
    print("| |", " | ".join(name.upper() for name in names), "|")
    print("|---|", "---|" * len(names), sep="")
    for row in ("model", "popularity", "random"):
        cells = []
        for name in names:
            values = [result[row][name] for result in results]
            spread = f" ± {statistics.stdev(values):.3f}" if row == "model" and seeds > 1 else ""
            cells.append(f"{statistics.mean(values):.3f}{spread}")
        print(f"| {row} |", " | ".join(cells), "|")


if __name__ == "__main__":
    run_script(main)
