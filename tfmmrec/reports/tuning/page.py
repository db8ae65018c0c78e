"""A search as one HTML page with plots, which needs no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import write_text
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.html import render
from tfmmrec.reports.tuning.tables import finalists_table, trials_table
from tfmmrec.tuning.importance import importances


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
