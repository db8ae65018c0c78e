"""A search as one HTML page with plots, which needs no network."""

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import read_json, write_text
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.html import render
from tfmmrec.reports.tuning.tables import finalists_table, trials_table
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
    if importlib.util.find_spec("bokeh") is None:
        print(
            f"tfmmrec: no {PAGE}, its plots need the extra report; pip install 'tfmmrec[report]'",
            file=sys.stderr,
        )
        return
    lines = (folder / TRIALS).read_text(encoding="utf-8").splitlines()
    # The first line of the training file is the verdict, which the page has already.
    _, _, best = (folder / BEST).read_text(encoding="utf-8").partition("\n")
    search = {**read_json(folder / RESULTS), "trials": [json.loads(line) for line in lines]}
    write_page(folder / PAGE, {**search, "best_yaml": best})


def write_page(path: Path, told: Mapping[str, Any]) -> None:
    """Writes the page.

    Args:
        path: of the page; one that stands there is replaced.
        told: the search. `name` and `verdict`; `objective`, its `name` and its `direction`, `max`
            or `min`; `space`, the hyperparameters as `describe` tells them; `modalities` by
            feature; `trials`, the records, re-runs among them; `finalists`, of each its `trial`,
            what it `found` in the search, what it reached by `seeds`, their `mean` and `spread`,
            and whether it is the `best`; `best_yaml`, the training file of that one.

    Raises:
        DataError: it cannot be written.
    """
    wide, found = _plots(told)
    scripts, drawn = drawings({**wide, **found})
    page = render(
        "tuning.html",
        command="tune",
        name=told["name"],
        verdict=told["verdict"],
        finalists=finalists_table(told),
        trials=trials_table(told),
        scripts=scripts,
        wide=drawn[: len(wide)],
        drawn=drawn[len(wide) :],
        config=told["best_yaml"],
    )
    write_text(path, page)


def _plots(told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those that take the page's whole width, and the others; what says nothing is left out."""
    from tfmmrec.reports.tuning import plots

    shares = importances(told["trials"], told["space"], told["objective"])
    metric = told["objective"]["name"]
    wide = {f"Trials, the darker the better their {metric}": plots.coordinates(told)}
    found = {
        "Finalists": plots.finalists(told),
        f"{metric} over time": plots.over_time(told),
        f"What counts for {metric}: a hint": plots.importance_bars(shares),
        "Weights of modalities, the darker the better": plots.weights(told),
    }
    return _drawable(wide), _drawable(found)


def _drawable(plots: Mapping[str, Any]) -> dict[str, Any]:
    return {title: plot for title, plot in plots.items() if plot is not None}
