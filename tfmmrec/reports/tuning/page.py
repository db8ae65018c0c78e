"""The HTML page of a search, with plots; it needs no network."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import read_json, write_text
from tfmmrec.reports.bokeh import drawings, has_bokeh
from tfmmrec.reports.html import render
from tfmmrec.reports.tuning.tables import finalists_table, search_summary, trials_table
from tfmmrec.tuning.importance import importances
from tfmmrec.tuning.results import BEST, RESULTS, TRIALS

PAGE = "tuning.html"


def write_tuning_page(folder: Path) -> None:
    """Writes the page of a finished search into its folder, from the files that `tune` wrote there.

    Without the extra `report`, whose library draws the plots, it prints how to install it instead.

    Args:
        folder: of the search, with `results.json`, `trials.jsonl` and `best.yaml`.

    Raises:
        DataError: a file cannot be read or written.
    """
    if not has_bokeh():
        print(
            f"tfmmrec: no {PAGE}, its plots need the extra report; pip install 'tfmmrec[report]'",
            file=sys.stderr,
        )
        return
    # The first line of the training file is the verdict, which the page has already.
    _, _, best = (folder / BEST).read_text(encoding="utf-8").partition("\n")
    write_page(folder / PAGE, {**read_search(folder), "best_yaml": best})


def read_search(folder: Path) -> dict[str, Any]:
    """Reads the results of a finished search, with the records of its `trials`."""
    lines = (folder / TRIALS).read_text(encoding="utf-8").splitlines()
    return {**read_json(folder / RESULTS), "trials": [json.loads(line) for line in lines]}


def write_page(path: Path, search: Mapping[str, Any]) -> None:
    """Writes the page.

    Args:
        path: of the page; an existing one is replaced.
        search: the content of `results.json`, in particular its `name`, `verdict`, `objective`,
            `finalists`, the `space` (see `ranges.describe`) and the `modalities` by feature, with
            the records of the `trials` and the training file of the best one, `best_yaml`.

    Raises:
        DataError: the page cannot be written.
    """
    wide, narrow = _plots(search)
    scripts, drawn = drawings({**wide, **narrow})
    page = render(
        "tuning.html",
        command="tune",
        name=search["name"],
        verdict=search["verdict"],
        summary=search_summary(search),
        finalists=finalists_table(search),
        trials=trials_table(search),
        scripts=scripts,
        wide=drawn[: len(wide)],
        drawn=drawn[len(wide) :],
        config=search["best_yaml"],
    )
    write_text(path, page)


def _plots(search: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plots of full width, and the others; plots without data are left out."""
    from tfmmrec.reports.tuning import plots

    shares = importances(search["trials"], search["space"], search["objective"])
    metric = search["objective"]["name"]
    wide = {f"Trials: the redder, the better the {metric}": plots.coordinates(search)}
    narrow = {
        "Finalists": plots.finalists_plot(search),
        f"{metric} over time": plots.over_time(search),
        f"Hyperparameter importance for {metric} (a hint)": plots.importance_bars(shares),
        "Weights of modalities: the redder, the better": plots.weights(search),
    }
    return _drawable(wide), _drawable(narrow)


def _drawable(plots: Mapping[str, Any]) -> dict[str, Any]:
    return {title: plot for title, plot in plots.items() if plot is not None}
