"""The HTML page of a comparison of runs, with curves, which needs no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.config.objective import objective_of
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import context_of
from tfmmrec.data.storage import read_json, write_text
from tfmmrec.evaluation.rank_store import StoredRanks
from tfmmrec.evaluation.segments import METRICS, TITLES
from tfmmrec.models.run_file import read_run
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.evaluation.tables import comparison_table, comparison_verdicts, options_table
from tfmmrec.reports.html import render
from tfmmrec.reports.item_cards import UserCard, user_cards

_NUM_USERS = 5


def write_comparison(
    path: Path,
    split: str,
    comparison: Mapping[str, Any],
    ranks: Mapping[str, StoredRanks],
    configs: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 0,
) -> None:
    """Writes the page of a comparison.

    Args:
        path: of the page; an existing file is replaced.
        split: the evaluated split.
        comparison: as returned by `compare`.
        ranks: the ranks and lists by run, the first run first.
        configs: of the runs, see `configs_of`.
        seed: of the sample of users.

    Raises:
        DataError: it cannot be written.
    """
    scripts, plots = drawings(_plots(comparison, ranks))
    page = render(
        "comparison.html",
        command="compare",
        name=f"{len(ranks)} runs on {split}",
        verdict=f"Differences are to {next(iter(ranks))}",
        verdicts=comparison_verdicts(comparison),
        users=_users(split, ranks, seed),
        options=options_table(configs),
        tables=[
            comparison_table(
                f"{TITLES[segment]}: {compared['targets']:,} targets", compared["runs"], METRICS
            )
            for segment, compared in comparison.items()
        ],
        scripts=scripts,
        plots=plots,
    )
    write_text(path, page)


def _users(split: str, ranks: Mapping[str, StoredRanks], seed: int) -> list[UserCard]:
    """Cards of some users, with the list of each run."""
    first, stored = next(iter(ranks.items()))
    segment, own = next(iter(stored.items()))
    dataset = Dataset(Path(read_run(Path(first))["data"]))
    lists = {name: by_segment[segment].lists for name, by_segment in ranks.items()}
    pairs = set(zip(own.user.tolist(), own.item.tolist(), strict=True))
    histories = context_of(dataset, split, with_ratings=True)
    return user_cards(dataset, lists, histories, pairs, num=_NUM_USERS, seed=seed)


def _plots(comparison: Mapping[str, Any], ranks: Mapping[str, StoredRanks]) -> dict[str, Any]:
    """Metrics by list length in each segment, and the learning curves of each run."""
    from tfmmrec.reports.evaluation import plots

    found = {}
    for segment in comparison:
        by_run = {name: own[segment].rank for name, own in ranks.items()}
        for metric in ("hr", "ndcg"):
            title = f"{TITLES[segment]}: {metric.upper()}@k by list length k"
            found[title] = plots.by_cutoff(by_run, metric)
    for name in ranks:
        history = Path(name) / "history.json"
        if history.is_file():
            config = read_run(Path(name))["config"]
            metric = objective_of(config["task"], config.get("objective")).name
            title = f"Learning curves of {name}"
            found[title] = plots.learning_curves(read_json(history), metric)
    return found
