"""What a model is worth to users whom training never met, beside those whom it knows.

python benchmarks/new_users.py DATA --config TRAIN.yaml --out FOLDER --seeds 3 --last 1,2,5,10

DATA needs cold users. Of each user, new or known, the last positive is to be found among all warm
items, by what the user chose before. EASE and item-kNN learn from known users what goes together,
and read a new user's history as the model does; their parameters, in brackets, are the best on
valid. Then the model without history, and how all grow with the number of last items that are read
(`--last ""` for neither table). Means over users of their means over the seeds, with 95 % bootstrap
intervals over users. FOLDER keeps the figures of the model; what stands there is not trained again.
"""

import dataclasses
from pathlib import Path

import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import PAST, known_before
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.baselines.content import chosen_matrix
from tfmmrec.evaluation.baselines.item_item import ITEM_RIVALS
from tfmmrec.evaluation.baselines.tuning import tuned_item_rivals
from tfmmrec.evaluation.measure import Figures, measure, measure_baselines, measure_model, stacked
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.ranking.rankers import ByScores
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import KeptFigures, circumstances
from tfmmrec.reports.markdown_table import markdown_table
from tfmmrec.training.variants import VariantTrainer

WHOSE = {"new_users": "new", "warm": "known"}
ALL, NONE = "all", "0"


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    last: str = "1,2,5,10",
) -> None:
    """Trains what is missing and prints the tables.

    Args:
        data: a data folder with cold users.
        out: the folder for the figures.
        config: a training file.
        seeds: how many seeds, from 0.
        last: how many of the last items of a history are read, N,N; besides none and all.
    """
    dataset = Dataset(data)
    if not dataset.cold_users.any():
        raise DataError(f"{data}: has no cold users; pack it with cold_users: {{share: 0.1}}")
    base = read_training_file(config, quiet=True)
    lengths = read_lengths(last)
    kept = KeptFigures(out, circumstances(dataset, base, seeds=seeds, last=list(lengths)))
    found = kept.load("model")
    if found is None:
        found = train(dataset, base, seeds, lengths)
        kept.save("model", found)
    models = {length: of_length(found, length) for length in lengths}
    rivals = rival_figures(dataset, lengths)
    baselines = measure_baselines(dataset)
    print_worth(models, {**{name: figures[ALL] for name, figures in rivals.items()}, **baselines})
    print_growth(models, rivals)


def read_lengths(text: str) -> dict[str, int | None]:
    """Reads N,N; gives them by name, with none and all around them."""
    try:
        lengths = [int(length) for length in text.split(",") if length.strip()]
    except ValueError:
        lengths = [0]
    if any(length < 1 for length in lengths):
        raise ConfigError(f"last: whole numbers from 1, N,N. Received: {text!r}")
    return {NONE: 0, **{str(length): length for length in sorted(lengths)}, ALL: None}


def train(
    dataset: Dataset, config: TrainConfig, seeds: int, lengths: dict[str, int | None]
) -> Figures:
    """Trains with each seed; figures `[seeds, users]`, the names led by the length of histories."""
    trainer = VariantTrainer(dataset, config)
    runs = []
    for seed in tqdm.trange(seeds, desc="model", disable=None):
        assembly, _ = trainer.train(dataclasses.replace(config, seed=seed))
        run: Figures = {}
        for length, last in lengths.items():
            figures = measure_model(assembly, last=last)
            run.update({f"{length}: {name}": values for name, values in figures.items()})
        runs.append(run)
    return stacked(runs)


def of_length(found: Figures, length: str) -> Figures:
    """The figures of one length of histories, means over the seeds."""
    start = f"{length}: "
    return {
        name.removeprefix(start): values.mean(axis=0)
        for name, values in found.items()
        if name.startswith(start)
    }


def rival_figures(
    dataset: Dataset, lengths: dict[str, int | None]
) -> dict[str, dict[str, Figures]]:
    """The figures of each rival, with the parameter that valid chose, by the length that it reads.

    What it learns is of known users, who have the whole past.
    """
    targets, count = targets_of(dataset, "test"), dataset.count("items")
    taught = chosen_matrix(dataset.histories(PAST["test"]), count)
    past = known_before(dataset, "test")
    figures: dict[str, dict[str, Figures]] = {}
    for name, best in tuned_item_rivals(dataset).items():
        score, _ = ITEM_RIVALS[name]
        own = figures.setdefault(f"{name} ({best:g})", {})
        for length, last in lengths.items():
            read = chosen_matrix(past if last is None else past.recent(last), count)
            scores = ByScores.of(score(taught, best, read))
            own[length] = measure(dataset, targets, scores)
    return figures


def print_worth(models: dict[str, Figures], rivals: dict[str, Figures]) -> None:
    """Prints a row a model and a rival, for new users and for known ones."""
    given = {"model": models[ALL], "model without history": models[NONE], **rivals}
    head, columns = [""], []
    for part, word in WHOSE.items():
        ndcg = {name: figures[f"{part} ndcg@10"] for name, figures in given.items()}
        best = max(rivals, key=lambda name: ndcg[name].mean())
        users = f"{len(ndcg[best])} {word} users"
        head += [f"HR@10, {users}", f"NDCG@10, {users}", f"NDCG@10 − {best}"]
        columns.append([str(mean_interval(figures[f"{part} hr@10"])) for figures in given.values()])
        columns.append([str(mean_interval(values)) for values in ndcg.values()])
        columns.append(
            [
                "" if name == best else f"{paired_interval(values, ndcg[best]):+}"
                for name, values in ndcg.items()
            ]
        )
    print(markdown_table(head, zip(given, *columns, strict=True)))
    for part, word in WHOSE.items():
        worth = [models[length][f"{part} ndcg@10"] for length in (ALL, NONE)]
        print(f"\nThe history is worth {paired_interval(*worth):+} NDCG@10 to {word} users.")


def print_growth(models: dict[str, Figures], rivals: dict[str, dict[str, Figures]]) -> None:
    """Prints NDCG@10 of new users by the number of last items read."""
    metric = "new_users ndcg@10"
    best = max(rivals, key=lambda name: rivals[name][ALL][metric].mean())
    rows = []
    for length, figures in models.items():
        own, others = figures[metric], {name: of[length][metric] for name, of in rivals.items()}
        # Of nothing, rivals make nothing, and rank all items alike.
        told = [""] * (len(rivals) + 1)
        if length != NONE:
            told = [str(mean_interval(values)) for values in others.values()]
            told.append(f"{paired_interval(own, others[best]):+}")
        rows.append([length, str(mean_interval(own)), *told])
    print()
    print(markdown_table(["last items read", "model", *rivals, f"model − {best}"], rows))


if __name__ == "__main__":
    run_script(main)
