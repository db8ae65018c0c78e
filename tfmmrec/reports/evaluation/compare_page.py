"""A comparison of runs as one HTML page with curves, which needs no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.config.objective import objective_of
from tfmmrec.data.storage import read_json, write_text
from tfmmrec.evaluation.compare import METRICS
from tfmmrec.evaluation.rank_store import StoredRanks
from tfmmrec.evaluation.ranking.segment_result import TITLES
from tfmmrec.models.run_folder import read_run
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.evaluation.tables import comparison
from tfmmrec.reports.html import render


def write_comparison(
    path: Path,
    split: str,
    compared: Mapping[str, Any],
    kept: Mapping[str, StoredRanks],
) -> None:
    """Writes the page.

    Args:
        path: of the page; one that stands there is replaced.
        split: what was predicted.
        compared: what `compare` returns.
        kept: the ranks by run, the first run first.

    Raises:
        DataError: it cannot be written.
    """
    scripts, drawn = drawings(_plots(compared, kept))
    page = render(
        "comparison.html",
        command="compare",
        name=f"{len(kept)} runs on {split}",
        verdict=f"Differences are to {next(iter(kept))}",
        parts=[
            comparison(f"{TITLES[part]}: {told['targets']:,} choices", told["runs"], METRICS)
            for part, told in compared.items()
        ],
        scripts=scripts,
        drawn=drawn,
    )
    write_text(path, page)


def _plots(compared: Mapping[str, Any], kept: Mapping[str, StoredRanks]) -> dict[str, Any]:
    """Metrics by the length of lists, part by part, and how each run learned."""
    from tfmmrec.reports.evaluation import plots

    found = {}
    for part in compared:
        ranks = {name: own[part][2] for name, own in kept.items()}
        for metric in ("hr", "ndcg"):
            title = f"{TITLES[part]}: {metric.upper()} by the length of lists"
            found[title] = plots.by_cutoff(ranks, metric)
    for name in kept:
        history = Path(name) / "history.json"
        if history.is_file():
            config = read_run(Path(name))["config"]
            metric = objective_of(config["task"], config.get("objective")).name
            found[f"Learning of {name}"] = plots.learning_curves(read_json(history), metric)
    return found
